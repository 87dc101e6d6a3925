"""Test Esc, Ctrl-C and Ctrl-D in every state of the REPL."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.gateway import Gateway, Reply, Text, fault
from tests.pty.harness import Terminal

ESC, CTRL_C, CTRL_D, UP = "\x1b", "\x03", "\x04", "\x1b[A"
PROMPT_ONLY = "❯ Ask anything"


@dataclass(frozen=True)
class Case:
    """Keys sent in one state, and their effect.

    typed    the keys that bring about the state
    state    the text that the state shows
    keys     the keys under test, sent one after the other
    then     the condition that must hold after them
    between  the texts to wait for after each key but the last, separated by |
    """

    name: str
    typed: tuple[str, ...]
    state: str
    keys: tuple[str, ...]
    then: Callable[[Terminal], bool]
    between: str = ""


def _all(*wanted: str) -> Callable[[Terminal], bool]:
    return lambda terminal: all(row in terminal.lines for row in wanted)


def _twice(row: str) -> Callable[[Terminal], bool]:
    """Expect the row in the transcript and again in the input."""
    return lambda terminal: terminal.lines.count(row) == 2


def _without(gone: str, row: str) -> Callable[[Terminal], bool]:
    return lambda terminal: gone not in terminal.text and row in terminal.lines


def _shows(*texts: str) -> Callable[[Terminal], bool]:
    return lambda terminal: all(text in terminal.text for text in texts)


PATIENT = {"TESTFLAGS": "patient"}
BOTH = [("Esc", ESC), ("Ctrl-C", CTRL_C)]
CASES = [
    *(Case(f"menu, {n}", ("/mo",), "switch model", (k,), _without("switch model", "❯ /mo")) for n, k in BOTH),
    Case("menu, Ctrl-D", ("/mo",), "switch model", (CTRL_D, "d"), _shows("switch model", "❯ /mod")),
    *(
        Case(f"picker, {n}", ("draft", "\x1bm"), "fake/three", (k,), _without("fake/three", "❯ draft"))
        for n, k in BOTH
    ),
    Case("picker, Ctrl-D", ("draft", "\x1bm"), "fake/three", (CTRL_D, "thr"), _shows("fake/three", "/ thr")),
    *(
        Case(f"search, {n}", ("old\r", "draft", "\x12"), "History", (k,), _without("History", "❯ draft"))
        for n, k in BOTH
    ),
    Case("text, Esc", ("draft",), "❯ draft", (ESC,), _shows("❯ draft", "Esc again clears")),
    Case("text, Esc Esc", ("draft",), "❯ draft", (ESC, ESC), _shows("Draft kept: ↑", PROMPT_ONLY), "Esc again clears"),
    Case("text, Esc Esc Up", ("draft",), "❯ draft", (ESC, ESC, UP), _shows("❯ draft"), "Esc again|Draft kept"),
    Case("text, Ctrl-C", ("draft",), "❯ draft", (CTRL_C,), _shows("Draft kept: ↑", PROMPT_ONLY)),
    Case("text, Ctrl-C Up", ("draft",), "❯ draft", (CTRL_C, UP), _shows("❯ draft"), "Draft kept"),
    Case("text, Ctrl-D", ("draft\x01",), "❯ draft", (CTRL_D,), _all("❯ raft")),
    Case("empty, Esc", (), PROMPT_ONLY, (ESC,), _shows("Esc again to edit an earlier message")),
    Case("empty, Esc Esc", ("one\r",), "? keys", (ESC, ESC), _shows("❯ one  message 1"), "Esc again"),
    Case("empty, Ctrl-C", (), PROMPT_ONLY, (CTRL_C,), _shows("Press Ctrl-C again to exit")),
    *(Case(f"waiting, {n}", ("hang on\r",), "waiting for one", (k,), _twice("❯ hang on")) for n, k in BOTH),
    *(
        Case(f"waiting, draft, {n}", ("hang on\r", "draft"), "❯ draft", (k,), _shows("■ stopped", "❯ draft"))
        for n, k in BOTH
    ),
    Case("waiting, Ctrl-D", ("hang on\r",), "waiting for one", (CTRL_D, "x"), _shows("waiting for one", "❯ x")),
    *(Case(f"streaming, {n}", ("endless\r",), "word3", (k,), _shows("word2", "■ stopped · ~")) for n, k in BOTH),
    *(
        Case(f"streaming, draft, {n}", ("endless\r", "draft"), "❯ draft", (k,), _shows("■ stopped · ~", "❯ draft"))
        for n, k in BOTH
    ),
    Case("streaming, Ctrl-D", ("endless\r",), "word3", (CTRL_D, "x"), _shows("word6", "❯ x")),
    *(Case(f"thinking, {n}", ("reasoning\r",), "thought 3", (k,), _shows("✻ thought", "■ stopped")) for n, k in BOTH),
    *(Case(f"tools, {n}", ("tool slow\r",), "running 1 tool", (k,), _shows("■ stopped · ")) for n, k in BOTH),
    *(
        Case(f"{name}, Ctrl-D", (typed,), state, (CTRL_D, "x"), _shows(still, "❯ x"))
        for name, typed, state, still in (
            ("thinking", "reasoning\r", "thought 3", "thinking"),
            ("tools", "tool slow\r", "running 1 tool", "running 1 tool"),
            ("countdown", "retry 30\r", "retrying in", "retrying in"),
        )
    ),
    Case("search, Ctrl-D", ("old\r", "draft", "\x12"), "History", (CTRL_D, "o"), _shows("History", "/ o")),
    Case("queue, Ctrl-D", ("endless\r", "a\r"), "⧗ 1 a", (CTRL_D, "x"), _shows("⧗ 1 a", "❯ x")),
    Case("queue that waits, Esc", ("endless\r", "a\r", ESC), "1 queued · Enter", (ESC,), _shows("Esc again", "⧗ 1 a")),
    Case("queue that waits, Enter", ("endless\r", "a\r", ESC), "1 queued · Enter", ("\r",), _shows("You said: a")),
    Case("queue that waits, Up", ("endless\r", "a\r", ESC), "1 queued · Enter", (UP,), _without("⧗ 1 a", "❯ a")),
    Case(
        "tools, twice Ctrl-C",
        ("tool nocancel\r",),
        "running",
        (CTRL_C, CTRL_C),
        _shows("■ stopped without waiting"),
        "stopping",
    ),
    *(Case(f"countdown, {n}", ("retry 30\r",), "retrying in", (k,), _twice("❯ retry 30")) for n, k in BOTH),
    *(
        Case(f"queue, {n}", ("endless\r", "a\r", "b\r"), "⧗ 2 b", (k,), _shows("■ stopped", "2 queued · Enter sends"))
        for n, k in BOTH
    ),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_interrupt_key_in_each_state_has_expected_effect(case: Case) -> None:
    with Terminal(rows=30, env=PATIENT) as terminal:
        terminal.shows("Ask anything")
        for typed in case.typed:
            terminal.send(typed)
            word = typed.strip("\x01\x12\x1bm\r").partition(" ")[0]
            terminal.shows(word)
            if len(word) == 1:  # in any text; two lines that arrive together count as a paste
                terminal.until(lambda word=word: bool(re.search(rf"⧗ \d {word}", terminal.text)))
            if typed in ("old\r", "one\r"):
                terminal.shows("You said")
                terminal.shows("Ask anything")
            if typed == "endless\r":
                terminal.shows("word2")  # a key before the first word stops a turn that has received nothing
        terminal.shows(case.state)
        between = case.between.split("|")
        for n, key in enumerate(case.keys):
            terminal.send(key)
            if n < len(between) and between[n]:
                terminal.shows(between[n])
        terminal.until(lambda: case.then(terminal))


@pytest.mark.parametrize("key", [ESC, CTRL_C])
@pytest.mark.parametrize("typed", ["hang on", "reasoning", "endless", "tool slow", "tool nocancel", "retry 30"])
def test_stop_key_is_shown_within_three_frames(typed: str, key: str) -> None:
    """Count frames instead of seconds, which depend on the load of the machine.

    Two frames may be under way when the key is pressed: one of the spinner and one of the reply.
    """
    with Terminal() as terminal:
        terminal.shows("Ask anything")
        terminal.send(f"{typed}\r")
        states = ("waiting for", "thinking", "replying", "running", "retrying")
        terminal.until(lambda: any(word in terminal.text for word in states))
        terminal.send("x")
        terminal.shows("❯ x")
        terminal.send(key)
        frames = terminal.frames_until(lambda: "stopping" in terminal.text or "■ stopped" in terminal.text)
        assert frames <= 3
        if typed != "tool nocancel":
            terminal.shows("■ stopped")


def test_stop_closes_connection(gateway_thread: Gateway, tmp_path: Path) -> None:
    gateway_thread.always(lambda request: Reply(Text("some", " words"), Text("never")).after(2, fault.stall()))
    file = tmp_path / ".config/termchat/config.toml"
    file.parent.mkdir(parents=True)
    file.write_text(f'model = "gw/gpt-5.2"\n[providers.gw]\nkey = "sk-no"\nopenai = "{gateway_thread.url}/v1"\n')
    file.chmod(0o600)
    for number, key in enumerate((ESC, CTRL_C)):
        with Terminal((sys.executable, "-m", "termchat"), env={"HOME": str(tmp_path)}) as terminal:
            terminal.shows("Ask anything")
            terminal.send("hello\r")
            terminal.shows("some words", 20)
            request = gateway_thread.requests[number]
            assert request.closed_at is None
            terminal.send(key)
            terminal.shows("■ stopped")
            request.wait_closed_blocking()
            terminal.shows("Ask anything")


def _configure(gateway: Gateway, home: Path) -> str:
    """Configure the gateway as the provider in a home directory; return its host and port."""
    gateway.always(lambda request: Reply(Text("back again")))
    file = home / ".config/termchat/config.toml"
    file.parent.mkdir(parents=True)
    file.write_text(
        f'model = "gw/gpt-5.2"\nmax_retries = 0\n[providers.gw]\nkey = "sk-no"\nopenai = "{gateway.url}/v1"\n'
    )
    file.chmod(0o600)
    return gateway.url.removeprefix("http://")


def test_plain_empty_line_waits_for_unreachable_host(gateway_thread: Gateway, tmp_path: Path) -> None:
    host = _configure(gateway_thread, tmp_path)
    with Terminal((sys.executable, "-m", "termchat", "--plain"), rows=40, env={"HOME": str(tmp_path)}) as terminal:
        terminal.until(lambda: terminal.lines.count(">") == 1)
        gateway_thread.down_blocking()
        terminal.send("hello\r")
        terminal.shows("an empty line retries when back", 20)
        terminal.send("\r")
        terminal.shows(f"waiting for {host}. Ctrl-C stops.")
        gateway_thread.up_blocking()
        terminal.shows("back again", 40)
        assert terminal.text.count(f"waiting for {host}") == 1


def test_alt_r_waits_for_unreachable_host_until_esc(gateway_thread: Gateway, tmp_path: Path) -> None:
    host = _configure(gateway_thread, tmp_path)
    with Terminal((sys.executable, "-m", "termchat"), rows=40, env={"HOME": str(tmp_path)}) as terminal:
        terminal.shows("Ask anything")
        gateway_thread.down_blocking()
        terminal.send("hello\r")
        terminal.shows("Alt-R retries when back", 20)
        terminal.send("\x1br")
        terminal.shows(f"waiting for {host} · Esc stops")
        terminal.send(ESC)
        terminal.shows("■ stopped")
        terminal.until(lambda: terminal.lines.count("❯ hello") == 3)
        terminal.send("\r")
        terminal.until(lambda: terminal.text.count("Alt-R retries when back") == 2, 20)
        terminal.send("\x1br")
        terminal.shows(f"waiting for {host} · Esc stops")
        gateway_thread.up_blocking()
        terminal.send("\x1br")
        terminal.shows("back again", 20)


def test_ctrl_c_twice_or_ctrl_d_on_empty_input_exits() -> None:
    for keys in ((CTRL_C, CTRL_C), (CTRL_D,)):
        with Terminal(env=PATIENT) as terminal:
            terminal.shows("Ask anything")
            for key in keys[:-1]:
                terminal.send(key)
                terminal.shows("again to exit")
            terminal.send(keys[-1])
            assert terminal.leaves() == 0
            assert terminal.tty() == terminal.initial


def test_second_ctrl_c_after_two_seconds_does_not_exit() -> None:
    with Terminal() as terminal:
        terminal.shows("Ask anything")
        terminal.send(CTRL_C)
        terminal.shows("Press Ctrl-C again to exit")
        terminal.until(lambda: "again to exit" not in terminal.text)
        terminal.send(CTRL_C)
        terminal.shows("Press Ctrl-C again to exit")


@pytest.mark.parametrize(("key", "words"), [(CTRL_C, "Press Ctrl-C again to exit"), (ESC, "Esc again to edit")])
def test_key_between_two_presses_makes_second_the_first(key: str, words: str) -> None:
    with Terminal(env=PATIENT) as terminal:
        terminal.shows("Ask anything")
        for _ in range(2):
            terminal.send(key)
            terminal.shows(words)
            terminal.send("y")
            terminal.until(lambda: "❯ y" in terminal.lines)
            terminal.send("\x7f")
            terminal.shows("Ask anything")


def test_second_ctrl_c_abandons_tool_and_chat_continues() -> None:
    with Terminal(env=PATIENT) as terminal:
        terminal.shows("Ask anything")
        terminal.send("tool nocancel\r")
        terminal.shows("running 1 tool")
        terminal.send(CTRL_C)
        terminal.shows("stopping")
        terminal.send(CTRL_C)
        terminal.shows("■ stopped without waiting for a tool")
        terminal.send("go on\r")
        terminal.shows("You said: go on")


def test_ctrl_c_during_exit_ends_at_once_and_restores_terminal() -> None:
    with Terminal(env={"TESTFLAGS": "stuck"}) as terminal:
        terminal.shows("Ask anything")
        terminal.send(CTRL_D)
        terminal.shows("closing")
        terminal.send(CTRL_C)
        assert terminal.leaves() == 130
        assert terminal.tty() == terminal.initial
        output = terminal.output
        for on, off in ((b"?2004h", b"?2004l"), (b"?25l", b"?25h"), (b"?1004h", b"?1004l")):
            assert output.rfind(off) > output.rfind(on), (on, off)


def test_plain_ctrl_c_during_exit_ends_at_once_and_restores_terminal() -> None:
    with Terminal(env={"TESTFLAGS": "plain stuck"}) as terminal:
        terminal.shows(">")
        terminal.send(CTRL_D)
        terminal.shows("closing")
        terminal.send(CTRL_C)
        assert terminal.leaves() == 130
        assert terminal.tty() == terminal.initial
