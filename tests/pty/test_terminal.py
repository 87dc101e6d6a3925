"""Test what termchat sends to the terminal and reads from it: title, notifications, focus, background, ASCII, F2."""

from __future__ import annotations

import os
import re
import signal
import sys
from pathlib import Path

import pytest

from tests.pty.harness import Terminal

HASTY = {"TESTFLAGS": "hasty"}
SESSION = (
    ("hello\r", "You said: hello"),
    ("think\r", "So the answer is 42."),
    ("blocks\r", "- an item\n\n> a quotation\n\n-----"),
    ("tool echo\r", "the tool said"),
    ("tool fail\r", "no such thing"),
    ("refuse\r", "Fake refused the key"),
    ("\x15cut\r", "the reply was cut off"),
    ("/mo", "switch model"),
    ("\x15?", "send; queue"),
    ("\x1b\x1bm", "fake/three"),
    ("\x1b", "Ask anything"),
    ("/undo\r", "back to before"),
    ("\x15endless\r", "word2"),
    ("later\r", "1 later"),
    ("\x1b", "Enter sends"),
)


@pytest.mark.parametrize("env", [{"LANG": "C"}, {"LANG": "zh_CN.GB18030"}, {"TERM": "linux"}])
def test_ascii_terminal_gets_only_ascii(env: dict[str, str]) -> None:
    with Terminal(env=env, rows=40) as terminal:
        terminal.shows("> Ask anything")
        for keys, text in SESSION:
            terminal.send(keys)
            terminal.shows(text)
        assert not re.findall(rb"[^\x00-\x7f]+", terminal.output)


def test_window_title_shows_topic_and_is_written_on_change() -> None:
    with Terminal() as terminal:
        terminal.shows("Ask anything")
        terminal.send("hello there\r")
        terminal.shows("You said: hello there")
        terminal.shows("Ask anything")
        terminal.settled()
        titles = re.findall(rb"\x1b\]2;([^\x07]*)\x07", terminal.output)
        assert [title.decode() for title in titles] == [
            "termchat", "● termchat: hello there", "termchat: hello there",
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("env", "sequence"),
    [
        ({}, b"\x07"),
        ({"KITTY_WINDOW_ID": "1"}, b"\x1b]99;;one: complete"),
        ({"TERM_PROGRAM": "WezTerm"}, b"\x1b]9;one: complete"),
        ({"VTE_VERSION": "7000"}, b"\x1b]777;notify;termchat;one: complete"),
    ],
)
def test_long_reply_without_focus_sends_notification(env: dict[str, str], sequence: bytes) -> None:
    with Terminal(env={**HASTY, **env}) as terminal:
        terminal.shows("Ask anything")
        for seen in (True, False):
            terminal.send("\x1b[I" if seen else "\x1b[O")
            before = len(terminal.output)
            terminal.send("lines 20 20\r")
            terminal.until(lambda before=before: b"L0019" in terminal.output[before:])
            terminal.until(lambda: "Ask anything" in terminal.text)
            terminal.settled()
            rest = re.sub(rb"\x1b\]2;[^\x07]*\x07", b"", terminal.output[before:])
            assert (sequence in rest) is not seen


def test_notify_command_runs_after_long_reply(tmp_path: Path) -> None:
    received = tmp_path / "received"
    command = f"cmd {sys.executable} -c 'import sys; open(sys.argv[1], \"w\").write(sys.argv[2])' {received}"
    with Terminal(env={**HASTY, "TESTNOTIFY": command}) as terminal:
        terminal.shows("Ask anything")
        terminal.send("\x1b[O")
        terminal.send("lines 20 20\r")
        terminal.until(lambda: received.exists() and received.read_text() == "one: complete")
        terminal.shows("Ask anything")


def test_notify_command_missing_is_reported() -> None:
    with Terminal(env={**HASTY, "TESTNOTIFY": "cmd /no/such/thing"}) as terminal:
        terminal.shows("Ask anything")
        terminal.send("\x1b[O")
        terminal.send("lines 20 20\r")
        terminal.shows("notify: cannot run /no/such/thing: no such file or directory.")


GHOSTTY = {"TERM_PROGRAM": "ghostty"}
ON, OFF = b"\x1b]9;4;3;0\x1b\\", b"\x1b]9;4;0;0\x1b\\"


def test_tab_progress_is_on_during_turn() -> None:
    with Terminal(env=GHOSTTY) as terminal:
        terminal.shows("Ask anything")
        assert ON not in terminal.output
        terminal.send("endless\r")
        terminal.until(lambda: ON in terminal.output)
        terminal.shows("word3")
        assert terminal.output.count(ON) == 1
        assert OFF not in terminal.output
        terminal.send("\x1b")
        terminal.until(lambda: OFF in terminal.output)
    with Terminal() as terminal:
        terminal.shows("Ask anything")
        terminal.send("endless\r")
        terminal.shows("word3")
        assert ON not in terminal.output


@pytest.mark.parametrize("way", ["term", "hup", "leave", "suspend"])
def test_tab_progress_is_off_after_exit_signal_or_suspend(way: str) -> None:
    with Terminal(env=GHOSTTY) as terminal:
        terminal.shows("Ask anything")
        terminal.send("endless\r")
        terminal.shows("word3")
        if way == "suspend":
            terminal.send("\x1a")
            terminal.until(lambda: OFF in terminal.output)
            return
        if way == "leave":
            terminal.send("/exit\r")
        else:
            os.kill(terminal.pid, signal.SIGTERM if way == "term" else signal.SIGHUP)
        terminal.leaves()
        assert terminal.output.rfind(OFF) > terminal.output.rfind(ON)


@pytest.mark.parametrize("text", ["/usage", "401", "-1", "all", "x", "你好", "# a title"])
def test_esc_and_text_in_one_read_stop_reply_and_keep_text(text: str) -> None:
    with Terminal() as terminal:
        terminal.shows("Ask anything")
        terminal.send("endless\r")
        terminal.shows("word2")
        terminal.send(f"\x1b{text}")
        terminal.shows("■ stopped")
        terminal.shows(f"❯ {text}")


def test_f2_switches_to_previous_model() -> None:
    with Terminal() as terminal:
        terminal.shows("Ask anything")
        terminal.send("/model two\r")
        terminal.shows("two · ~/proj")
        terminal.send("\x1bOQ")
        terminal.shows("→ fake/one")
        terminal.shows("one · ~/proj")


def test_enter_setting_newline_inserts_line_break() -> None:
    with Terminal(env={"TESTFLAGS": "newline"}) as terminal:
        terminal.shows("Ask anything")
        for keys in ("a", "\r", "b"):
            terminal.send(keys)
            terminal.settled(0.05)
        terminal.shows("❯ a\n  b")
        terminal.send("\x1b\r")
        terminal.shows("You said: a")


def test_motion_off_shows_no_spinner() -> None:
    with Terminal(env={"TESTFLAGS": "still"}) as terminal:
        terminal.shows("Ask anything")
        terminal.send("hang\r")
        terminal.until(
            lambda: (
                re.search(r"^… waiting for one · [1-9]\d*\.\ds · Esc stops$", terminal.text, re.MULTILINE) is not None
            )
        )
        assert not re.search("[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏]", terminal.output.decode())


@pytest.mark.parametrize(("colour", "other"), [("ffff/ffff/ffff", "0000/0000/0000")])
def test_colors_follow_reported_background(colour: str, other: str, tmp_path: Path) -> None:
    seen: list[set[bytes]] = []
    for rgb in (colour, other):
        reply = f"\x1b]11;rgb:{rgb}\x1b\\\x1b[?62c".encode()
        with Terminal(
            (sys.executable, "-m", "termchat"),
            env={"HOME": str(tmp_path), "TERMCHAT_DEMO_SPEED": "0"},
            answer=lambda data, reply=reply: reply if b"\x1b]11;?" in data else b"",
        ) as terminal:
            terminal.shows("Ask anything")
            terminal.until(lambda: b"\x1b]11;?" in terminal.output)
            terminal.settled()
            before = len(terminal.output)
            terminal.send("show markdown\r")
            terminal.until(lambda before=before: b"first" in terminal.output[before:])
            seen.append(set(re.findall(rb"\x1b\[[0-9;]*38;[0-9;]*m", terminal.output[before:])))
    assert seen[0]
    assert seen[0] != seen[1]


def test_stream_does_not_rewrite_input_row() -> None:
    with Terminal() as terminal:
        terminal.shows("Ask anything")
        terminal.send("endless\r")
        terminal.shows("word1")
        terminal.send("zzz")
        terminal.shows("❯ zzz")
        terminal.shows("word4")
        before = len(terminal.output)
        terminal.shows("word9")
        assert b"zzz" not in terminal.output[before:]
        assert "❯".encode() not in terminal.output[before:]
        terminal.until(lambda: terminal.screen.cursor.x == 5)
