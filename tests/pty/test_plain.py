"""Test the plain front end: append-only output for dumb terminals and screen readers."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from tests.pty.harness import Terminal

PLAIN = {"TERM": "dumb", "TESTFLAGS": "plain"}
ACCESSIBLE = {"TESTFLAGS": "accessible", "ACCESSIBLE": "1"}
EVERYTHING = (
    "hello", "code", "think", "long 3 5", "tool echo", "tool fail", "cut", "length", "filter", "refuse",
    "/model fake/onne", "missing", "/model two", "/help", "/keys", "/usage", "/tree", "/undo", "/nope", "/model", "1",
)  # fmt: skip


def _session(env: dict[str, str]) -> Terminal:
    """Send every line of EVERYTHING and exit; return the terminal."""
    with Terminal(env=env, rows=50) as terminal:
        terminal.shows("fake/one answers")
        for text in EVERYTHING:
            terminal.settled(0.05)
            prompts = terminal.output.count(_prompt(env))
            terminal.send(f"{text}\n")
            terminal.until(lambda prompts=prompts: terminal.output.count(_prompt(env)) > prompts)
        terminal.send("\x04")
        assert terminal.leaves() == 0
        assert terminal.tty() == terminal.initial
    return terminal


def _prompt(env: dict[str, str]) -> bytes:
    return b"You: " if env is ACCESSIBLE else b"\n> "


@pytest.mark.parametrize("env", [PLAIN, ACCESSIBLE])
def test_plain_writes_no_escape_sequence_and_names_no_repl_key(env: dict[str, str]) -> None:
    terminal = _session(env)
    assert b"\x1b" not in terminal.output
    without_help = [row for row in terminal.transcript if row[:1] != "/" or "  " not in row]
    text = "\n".join(without_help)
    assert not re.findall(r"Alt-\w|Ctrl-T|Ctrl-R|the input|\bEnter (?:sends|uses)", text)
    for way in (
        "/continue for the rest",
        "/retry to try again",
        "/model to switch models",
        "an empty line uses fake/one",
    ):
        assert way in text


def test_accessible_session_writes_words_and_no_symbols() -> None:
    terminal = _session(ACCESSIBLE)
    assert not re.findall(rb"[^\x00-\x7f]+", terminal.output)
    rows = terminal.transcript
    assert any(re.fullmatch(r"Tool ok: echo hello, \d+\.\ds", row) for row in rows)
    assert any(re.fullmatch(r"Tool failed: fail hello, \d+\.\ds, no such thing", row) for row in rows)
    assert any(re.fullmatch(r"thought \d\.\ds, about \d+ tokens", row) for row in rows)
    assert any(row.startswith("one, 12 in, 34 out") for row in rows)
    assert rows[rows.index("You: hello") + 1 :][:2] == ["Model:", "You said: hello"]
    assert not any(row == "" for row in rows[: rows.index("You: code")])


def test_accessible_long_turn_reports_progress_and_rings_at_end() -> None:
    with Terminal(env={"TESTFLAGS": "accessible hasty"}) as terminal:
        terminal.shows("You:")
        terminal.send("hang\n")
        terminal.until(lambda: len(re.findall(r"^still working, \d+ seconds$", terminal.text, re.MULTILINE)) >= 2)
        assert b"\x07" not in terminal.output
        terminal.send("\x03")
        terminal.shows("stopped")
        terminal.until(lambda: b"\x07" in terminal.output)


def test_accessible_stop_message_is_on_its_own_row() -> None:
    with Terminal(env=ACCESSIBLE) as terminal:
        terminal.shows("You:")
        terminal.send("hang\n")
        terminal.settled(0.2)
        terminal.send("\x03")
        terminal.until(lambda: any(row.startswith("stopped, ") for row in terminal.lines))


def test_plain_retry_wait_is_reported_once() -> None:
    with Terminal(env={**PLAIN, "TESTFLAGS": "plain hasty"}) as terminal:
        terminal.shows(">")
        terminal.send("retry 30\n")
        terminal.shows("Rate limited by Fake. Retrying in 30s (2/3). Ctrl-C stops.")
        terminal.shows("waiting… Ctrl-C stops.")
        terminal.settled(0.5)
        assert terminal.text.count("waiting") == 1


def test_plain_reasoning_is_one_line_by_default() -> None:
    with Terminal(env=PLAIN) as terminal:
        terminal.shows(">")
        terminal.send("think\n")
        terminal.shows("So the answer is 42.")
        assert re.search(r"^✻ thought \d+\.\ds · ~\d+ tok$", terminal.text, re.MULTILINE)
        assert "thought 3 of many" not in terminal.text


def test_plain_model_list_selects_by_number() -> None:
    with Terminal(env=PLAIN) as terminal:
        terminal.shows(">")
        terminal.send("/model\n")
        terminal.shows("Model:\n  1  fake/one  $4.2/$4.2 · current · 128k\n  2  fake/two  $4.2/$4.2\n")
        terminal.shows(
            "  3  fake/three  $4.2/$4.2\n  prices: US dollars per million tokens, input/output\nType a number"
        )
        terminal.send("7\n")
        terminal.shows("Enter a number from 1 to 3.")
        terminal.send("2\n")
        terminal.shows("→ fake/two")
        terminal.send("hi\n")
        terminal.shows("two · 12 in")
        terminal.send("2\n")
        terminal.shows("You said: 2")


def test_plain_list_ends_with_any_other_input() -> None:
    with Terminal(env=PLAIN) as terminal:
        terminal.shows(">")
        terminal.send("/model\n")
        terminal.shows("Type a number and press Enter")
        terminal.send("/usage\n")
        terminal.shows("No usage yet.")
        terminal.send("2\n")
        terminal.shows("You said: 2")


def test_plain_ctrl_c_stops_reply_and_twice_exits() -> None:
    with Terminal(env={**PLAIN, "TESTFLAGS": "plain patient"}) as terminal:
        terminal.shows(">")
        terminal.send("lines 9000 10\n")
        terminal.prints("L0003")
        terminal.send("later\n")
        terminal.send("\x03")
        terminal.shows("■ stopped")
        terminal.shows("Your queued input is kept; an empty line sends it.")
        terminal.send("\n")
        terminal.shows("You said: later")
        terminal.shows("one · 12 in")  # the reply has ended
        terminal.send("\x03")
        terminal.shows("Press Ctrl-C again to exit")
        terminal.send("\x03")
        assert terminal.leaves() == 0


@pytest.mark.parametrize("typed", ["hang", "reasoning", "tool slow", "retry 30", "endless"])
def test_plain_stop_message_is_on_its_own_row(typed: str) -> None:
    with Terminal(env={**PLAIN, "TESTFLAGS": "plain hasty"}) as terminal:
        terminal.shows(">")
        terminal.send(f"{typed}\n")
        if typed == "endless":
            terminal.until(lambda: "word3" in terminal.text)
        elif typed == "retry 30":
            terminal.shows("Retrying")
        else:
            terminal.settled(0.1)
        terminal.send("\x03")
        terminal.until(lambda: any(row.startswith("■ stopped") for row in terminal.lines))
        terminal.until(lambda: terminal.lines[-1] == ">" or ">" in terminal.lines[-2:] or "\n>" in terminal.text)


def test_second_ctrl_c_abandons_tool_that_ignores_cancel() -> None:
    with Terminal(env={**PLAIN, "TESTFLAGS": "plain patient"}) as terminal:
        terminal.shows(">")
        terminal.send("tool nocancel\n")
        terminal.settled(0.3)
        terminal.send("\x03")
        terminal.shows("stopping…")
        terminal.send("\x03")
        terminal.shows("■ stopped without waiting for a tool")
        terminal.send("go on\n")
        terminal.shows("You said: go on")
        stops = terminal.text.count("stopping…")
        terminal.send("tool nocancel\n")
        terminal.settled(0.3)
        terminal.send("\x03")
        terminal.until(lambda: terminal.text.count("stopping…") > stops)
        terminal.send("\x04")
        terminal.send("\x03")
        assert terminal.leaves() == 0


def test_plain_ctrl_c_cancels_waiting_command() -> None:
    with Terminal(env={**PLAIN, "TESTFLAGS": "plain silent"}) as terminal:
        terminal.shows(">")
        terminal.send("/model\n")
        terminal.settled(0.2)
        terminal.send("\x03")
        terminal.shows("stopped")
        terminal.send("hi\n")
        terminal.shows("You said: hi")


def test_plain_queued_line_is_echoed_when_sent() -> None:
    with Terminal(env=PLAIN) as terminal:
        terminal.shows(">")
        terminal.send("lines 30 80\n")
        terminal.prints("L0003")
        terminal.send("later\n")
        terminal.shows("\n> later\n")
        terminal.shows("You said: later")


def test_plain_empty_line_resends_refused_message() -> None:
    with Terminal(env=PLAIN) as terminal:
        terminal.shows(">")
        terminal.send("refuse this\n")
        terminal.shows("an empty line resends it")
        terminal.send("\n")
        terminal.until(lambda: terminal.text.count("Fake refused the key") == 2)


def test_plain_failed_retry_names_commands_and_no_empty_line() -> None:
    with Terminal(env=PLAIN, rows=40) as terminal:
        terminal.shows(">")
        terminal.send("missing\n")
        terminal.shows("12 in")
        terminal.send("/retry two\n")
        terminal.shows("/model to pick a model · /retry to try again")
        assert "empty line" not in terminal.text


def test_plain_empty_line_uses_closest_model() -> None:
    with Terminal(env=PLAIN) as terminal:
        terminal.shows(">")
        terminal.send("/model fake/onne\n")
        terminal.shows("→ fake/onne")
        terminal.send("missing\n")
        terminal.shows("an empty line uses fake/one")
        terminal.send("\n")
        terminal.shows("→ fake/one\n")
        terminal.shows("You said: missing")


def test_plain_empty_line_resends_undone_message() -> None:
    with Terminal(env=PLAIN, rows=40) as terminal:
        terminal.shows(">")
        terminal.send("one thing\n")
        terminal.shows("You said: one thing")
        terminal.settled()
        terminal.send("/undo\n")
        terminal.shows('An empty line resends "one thing"; anything else replaces it.')
        terminal.send("\n")
        terminal.until(lambda: terminal.text.count("You said: one thing") == 2)


def test_plain_line_before_end_of_input_is_answered() -> None:
    with Terminal(env=PLAIN) as terminal:
        terminal.shows(">")
        terminal.send("hello\n\x04")
        assert terminal.leaves() == 0
        assert "You said: hello" in terminal.text


@pytest.mark.parametrize("options", [(), ("--plain",)])
def test_ctrl_d_before_start_exits_and_sends_nothing(options: tuple[str, ...], tmp_path: Path) -> None:
    env = {"HOME": str(tmp_path), "TERMCHAT_DEMO_SPEED": "0"}
    with Terminal((sys.executable, "-m", "termchat", *options), env=env, before="\x04") as terminal:
        assert terminal.leaves() == 0
    assert "tour · " not in terminal.text.replace("demo/tour", "")


def test_plain_backslash_continues_line() -> None:
    with Terminal(env=PLAIN) as terminal:
        terminal.shows(">")
        terminal.send("one\\\n")
        terminal.settled(0.1)
        terminal.send("two\n")
        terminal.shows("You said: one two")


def test_ci_environment_writes_no_sequence_except_colors(tmp_path: Path) -> None:
    """A CI log may have colours but cannot move the cursor."""
    env = {"HOME": str(tmp_path), "TERMCHAT_DEMO_SPEED": "0", "CI": "true"}
    with Terminal((sys.executable, "-m", "termchat"), env=env, rows=60) as terminal:
        terminal.until(lambda: terminal.output.endswith(b"> "))
        terminal.send("show markdown\n")
        terminal.shows("tour · ")
        terminal.send("\x04")
        assert terminal.leaves() == 0
        assert not re.findall(rb"\x1b(?!\[[0-9;]*m)", terminal.output)


@pytest.mark.parametrize("setting", ["plain", "accessible"])
def test_plain_setting_in_config_shows_no_repl_prompt(setting: str, tmp_path: Path) -> None:
    file = tmp_path / ".config/termchat/config.toml"
    file.parent.mkdir(parents=True)
    file.write_text(f'theme = "nord"\n{setting} = true\n')
    with Terminal((sys.executable, "-m", "termchat"), env={"HOME": str(tmp_path)}) as terminal:
        terminal.until(lambda: terminal.output.endswith((b"> ", b"You: ")))
        assert "❯".encode() not in terminal.output


@pytest.mark.parametrize("env", [{"TERM": "dumb"}, {"ACCESSIBLE": "1"}, {"ACCESSIBLE": "1", "TERM": "dumb"}])
@pytest.mark.parametrize("words", [(), ("show markdown",)])
def test_dumb_or_accessible_program_writes_no_escape_sequence(
    env: dict[str, str], words: tuple[str, ...], tmp_path: Path
) -> None:
    command = (sys.executable, "-m", "termchat", "-m", "demo/tour", *words)
    with Terminal(command, env={"HOME": str(tmp_path), "TERMCHAT_DEMO_SPEED": "0", **env}, rows=60) as terminal:
        if not words:
            terminal.until(lambda: terminal.output.endswith((b"> ", b"You: ")))
            terminal.send("show markdown\n")
            terminal.shows("tour, about" if "ACCESSIBLE" in env else "tour · ")
            terminal.send("\x04")
        assert terminal.leaves() == 0
        assert b"\x1b" not in terminal.output
        assert len(terminal.output) > 500
