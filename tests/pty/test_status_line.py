"""Test the status line of the REPL: modes, the open chat, and the end of a short message."""

from __future__ import annotations

from tests.pty.harness import Terminal


def test_toast_ends_with_next_key() -> None:
    with Terminal(env={"TESTFLAGS": "patient"}) as term:
        term.shows("? keys")
        term.send("\x1b")
        term.shows("Esc again to edit")
        term.send("a")
        term.until(lambda: "❯ a" in term.text and "Esc again" not in term.text)


def test_toast_ends_with_next_turn() -> None:
    with Terminal(env={"TESTFLAGS": "patient"}) as term:
        term.shows("? keys")
        term.send("/nope\r")
        term.shows("/nope")
        term.send("\x15hang\r")
        term.shows("waiting for one")


def test_vi_keys_show_mode() -> None:
    with Terminal(env={"TESTFLAGS": "vi"}) as term:
        term.shows("-- INSERT --")
        term.send("\x1b")
        term.shows("-- NORMAL --")


def test_unsaved_chat_shows_incognito_and_its_first_question() -> None:
    with Terminal(columns=100) as term:
        term.shows("incognito · ")
        term.send("hello there\r")
        term.shows('"hello there"')
