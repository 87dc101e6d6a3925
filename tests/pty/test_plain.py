"""The plain mode: append-only, for dumb terminals and screen readers."""

from __future__ import annotations

import pytest

from tests.pty.harness import Terminal

PLAIN = {"TERM": "dumb", "TESTFLAGS": "plain"}
ACCESSIBLE = {"TESTFLAGS": "accessible"}


@pytest.mark.parametrize("env", [PLAIN, ACCESSIBLE])
def test_not_one_escape_sequence_is_written(env: dict[str, str]) -> None:
    with Terminal(env=env) as terminal:
        terminal.shows("fake/one answers")
        for text in ("hello", "code", "think", "tool echo", "cut", "refuse", "/help", "/model", "/usage", "/nope"):
            terminal.send(f"{text}\n")
            terminal.settled(0.3)
        terminal.send("\x04")
        assert terminal.leaves() == 0
        assert b"\x1b" not in terminal.output
        assert terminal.tty() == terminal.initial


def test_a_screen_reader_hears_words() -> None:
    with Terminal(env=ACCESSIBLE, rows=50) as terminal:
        terminal.shows("You:")
        terminal.send("tool echo\n")
        terminal.shows("Tool ok: echo hello, 0.2s")
        terminal.shows("Model:\nthe tool said")
        assert "●" not in terminal.text


def test_a_model_is_chosen_by_its_number() -> None:
    with Terminal(env=PLAIN) as terminal:
        terminal.shows(">")
        terminal.send("/model\n")
        terminal.shows("  2  fake/two")
        terminal.send("2\n")
        terminal.shows("→ fake/two")
        terminal.send("hi\n")
        terminal.shows("two · 12 in")


def test_ctrl_c_stops_the_reply_and_twice_leaves() -> None:
    with Terminal(env=PLAIN) as terminal:
        terminal.shows(">")
        terminal.send("lines 500 10\n")
        terminal.shows("L0003")
        terminal.send("later\n")
        terminal.send("\x03")
        terminal.shows("■ stopped")
        terminal.shows("What you typed meanwhile waits: an empty line sends it.")
        terminal.send("\n")
        terminal.shows("You said: later")
        terminal.send("\x03")
        terminal.shows("Press Ctrl-C again to exit")
        terminal.send("\x03")
        assert terminal.leaves() == 0


def test_an_unanswered_message_is_kept() -> None:
    with Terminal(env=PLAIN) as terminal:
        terminal.shows(">")
        terminal.send("refuse this\n")
        terminal.shows("an empty line sends it again")
        terminal.send("\n")
        terminal.until(lambda: terminal.text.count("Fake refused the key") == 2)


def test_a_backslash_continues_the_line_and_a_paste_is_one_message() -> None:
    with Terminal(env=PLAIN) as terminal:
        terminal.shows(">")
        terminal.send("one\\\n")
        terminal.settled(0.1)
        terminal.send("two\n")
        terminal.shows("You said: one two")
