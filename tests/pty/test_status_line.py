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


def test_model_command_in_chat_tells_cost_of_switch() -> None:
    with Terminal() as term:
        term.shows("? keys")
        term.send("full 4000\r")
        term.shows("4k/128k")
        term.send("/model two\r")
        term.shows("→ fake/two\nthe next message sends ~4k tokens of this chat, about $0.0042")
        term.send("/model one\r")
        term.shows("→ fake/one\n\n❯")
