"""Esc, Ctrl-C and Ctrl-D in every state (interaction table 2.15), and the queue."""

from __future__ import annotations

import time

import pytest

from tests.pty.harness import Terminal

ESC, CTRL_C, CTRL_D = "\x1b", "\x03", "\x04"
UP = "\x1b[A"


def _ready(terminal: Terminal) -> None:
    terminal.shows("Ask anything")


@pytest.mark.parametrize("key", [ESC, CTRL_C])
def test_an_open_menu_is_closed_and_the_text_stays(key: str) -> None:
    with Terminal() as terminal:
        _ready(terminal)
        terminal.send("/mo")
        terminal.shows("switch model")
        terminal.send(key)
        terminal.until(lambda: "switch model" not in terminal.text)
        assert "❯ /mo" in terminal.lines


@pytest.mark.parametrize("key", [ESC, CTRL_C])
def test_an_open_picker_is_closed_and_the_draft_stays(key: str) -> None:
    with Terminal() as terminal:
        _ready(terminal)
        terminal.send("my draft")
        terminal.shows("❯ my draft")
        terminal.send("\x1bm")
        terminal.shows("fake/three")
        terminal.send(key)
        terminal.until(lambda: "fake/three" not in terminal.text)
        assert "❯ my draft" in terminal.lines


def test_esc_twice_clears_the_text_into_the_history() -> None:
    with Terminal() as terminal:
        _ready(terminal)
        terminal.send("precious")
        terminal.shows("❯ precious")
        terminal.send(ESC)
        terminal.shows("Esc again clears")
        assert "❯ precious" in terminal.lines
        terminal.send(ESC)
        terminal.shows("Draft kept: ↑")
        terminal.send(UP)
        terminal.shows("❯ precious")


def test_ctrl_c_clears_the_text_into_the_history() -> None:
    with Terminal() as terminal:
        _ready(terminal)
        terminal.send("precious")
        terminal.shows("❯ precious")
        terminal.send(CTRL_C)
        terminal.shows("Draft kept: ↑")
        terminal.send(UP)
        terminal.shows("❯ precious")


@pytest.mark.parametrize("key", [ESC, CTRL_C])
def test_stopped_before_anything_came_the_message_is_back(key: str) -> None:
    with Terminal() as terminal:
        _ready(terminal)
        terminal.send("hang on to this\r")
        terminal.shows("waiting for one")
        began = time.monotonic()
        terminal.send(key)
        terminal.until(lambda: "stopping" in terminal.text or "■ stopped" in terminal.text, 1)
        assert time.monotonic() - began < 0.3
        terminal.shows("the message is back in the input")
        terminal.until(lambda: terminal.lines.count("❯ hang on to this") == 2)


@pytest.mark.parametrize("key", [ESC, CTRL_C])
def test_stopped_while_it_waits_to_try_again_the_message_is_back(key: str) -> None:
    with Terminal() as terminal:
        _ready(terminal)
        terminal.send("retry please\r")
        terminal.shows("retrying in 1s (2/3) · Rate limited by Fake.")
        terminal.send(key)
        terminal.until(lambda: terminal.lines.count("❯ retry please") == 2)


@pytest.mark.parametrize("key", [ESC, CTRL_C])
def test_stopped_in_the_middle_what_came_stays(key: str) -> None:
    with Terminal() as terminal:
        _ready(terminal)
        terminal.send("drip\r")
        terminal.shows("word4")
        terminal.send("a draft")
        terminal.shows("❯ a draft")
        terminal.send(key)
        terminal.shows("■ stopped · ~")
        assert "word0 word1 word2 word3" in terminal.text
        assert "❯ a draft" in terminal.lines


def test_stopped_while_a_tool_runs() -> None:
    with Terminal() as terminal:
        _ready(terminal)
        terminal.send("tool slow\r")
        terminal.shows("running 1 tool")
        terminal.send(ESC)
        terminal.shows("■ stopped")
        _ready(terminal)


def test_what_is_entered_meanwhile_waits_and_is_sent_as_one_message() -> None:
    with Terminal(rows=40) as terminal:
        _ready(terminal)
        terminal.send("lines 60 10\r")
        terminal.shows("L0001")
        terminal.send("and one\r")
        terminal.shows("⧗ 1 and one")
        terminal.send("and two\r")
        terminal.shows("⧗ 2 and two")
        terminal.shows("❯ and one\n\n  and two")
        terminal.until(lambda: "You said: and one" in terminal.text)
        assert "queued" not in terminal.lines[-1]


def test_after_a_stop_the_queue_waits_and_enter_sends_it() -> None:
    with Terminal() as terminal:
        _ready(terminal)
        terminal.send("drip\r")
        terminal.shows("word1")
        terminal.send("later\r")
        terminal.shows("⧗ 1 later")
        terminal.send(ESC)
        terminal.shows("1 queued · Enter sends · ↑ edits · Alt-Backspace drops")
        terminal.settled()
        assert "You said" not in terminal.text
        terminal.send("\r")
        terminal.shows("You said: later")


def test_after_an_error_the_queue_waits() -> None:
    with Terminal() as terminal:
        _ready(terminal)
        terminal.send("retry first\r")
        terminal.shows("retrying in")
        terminal.send("cut now\r")
        terminal.shows("⧗ 1 cut now")
        terminal.shows("half of a rep")
        terminal.shows("■ the reply was cut off")
        terminal.send("drip\r")
        terminal.shows("word1")
        terminal.send("mine\r")
        terminal.send(ESC)
        terminal.shows("1 queued")


def test_the_queue_is_edited_dropped_and_never_lost() -> None:
    with Terminal() as terminal:
        _ready(terminal)
        terminal.send("drip\r")
        terminal.shows("word1")
        for text in ("one", "two", "three"):
            terminal.send(f"{text}\r")
            terminal.shows(f" {text}")
        terminal.shows("⧗ 3 three")
        terminal.send("\x1b\x7f")
        terminal.until(lambda: "⧗ 3 three" not in terminal.text)
        terminal.send(UP)
        terminal.shows("❯ two")
        assert "⧗ 2 two" not in terminal.text
        assert "⧗ 1 one" in terminal.text


def test_send_now_stops_the_reply_and_sends() -> None:
    with Terminal() as terminal:
        _ready(terminal)
        terminal.send("drip\r")
        terminal.shows("word1")
        terminal.send("at once")
        terminal.shows("❯ at once")
        terminal.send("\x13")
        terminal.shows("■ stopped")
        terminal.shows("You said: at once")


def test_a_refused_message_is_back_and_enter_sends_it_again() -> None:
    with Terminal() as terminal:
        _ready(terminal)
        terminal.send("refuse me\r")
        terminal.shows("Fake refused the key (401).")
        terminal.shows("Set FAKE_KEY · Alt-M other model · Enter sends again")
        terminal.until(lambda: terminal.lines.count("❯ refuse me") == 2)
        terminal.send("\x1br")
        terminal.until(lambda: terminal.text.count("Fake refused the key") == 2)


def test_commands_that_must_wait_say_so_and_stay_in_the_input() -> None:
    with Terminal() as terminal:
        _ready(terminal)
        terminal.send("drip\r")
        terminal.shows("word1")
        terminal.send("/new")
        terminal.shows("start an empty chat")
        terminal.send("\r")
        terminal.shows("/new waits for the reply to end (Esc stops it).")
        assert "❯ /new" in terminal.lines
        terminal.send("\x7f" * 4 + "/usage\r")
        terminal.shows("Nothing was asked yet.")


def test_commands_from_the_menu() -> None:
    with Terminal() as terminal:
        _ready(terminal)
        terminal.send("/mod")
        terminal.shows("❯ /model [MODEL]")
        terminal.send("\t")
        terminal.shows("❯ fake/one  current")
        terminal.send("two\r")
        terminal.shows("→ fake/two")
        terminal.shows("two · ~/proj")
        terminal.send("/modl\r")
        terminal.shows("No command /modl. Did you mean /model?")
        assert "❯ /modl" in terminal.lines


def test_undo_returns_the_question_and_retry_answers_it_again() -> None:
    with Terminal(rows=40) as terminal:
        _ready(terminal)
        terminal.send("what is this\r")
        terminal.shows("You said: what is this")
        _ready(terminal)
        terminal.send("/retry two\r")
        terminal.until(lambda: terminal.text.count("You said: what is this") == 2)
        terminal.shows("two · 12 in")
        _ready(terminal)
        terminal.send("/undo\r")
        terminal.shows("↶ back to before")
        terminal.until(lambda: terminal.lines.count("❯ what is this") == 3)


def test_the_key_sheet_comes_with_a_question_mark_and_goes_with_any_key() -> None:
    with Terminal() as terminal:
        _ready(terminal)
        terminal.send("?")
        terminal.shows("send; queue while it replies")
        terminal.send("x")
        terminal.until(lambda: "send; queue" not in terminal.text)
        assert "❯ x" in terminal.lines
        terminal.send("?")
        terminal.shows("❯ x?")


def test_a_stray_print_is_a_line_and_breaks_nothing() -> None:
    with Terminal() as terminal:
        _ready(terminal)
        terminal.send("print\r")
        terminal.shows("one · 12 in")
        assert "a stray line of a library" in terminal.transcript
        assert "before" in terminal.text
        assert "after" in terminal.text


def test_esc_twice_on_an_empty_input_edits_an_earlier_message() -> None:
    with Terminal(rows=40) as terminal:
        _ready(terminal)
        for text in ("first", "second"):
            terminal.send(f"{text}\r")
            terminal.shows(f"You said: {text}")
            _ready(terminal)
        terminal.send(ESC)
        terminal.shows("Esc again to edit an earlier message")
        terminal.send(ESC)
        terminal.shows("❯ second  the last")
        terminal.send("\x1b[B\r")
        terminal.shows('↶ back to before "first"')
        terminal.until(lambda: terminal.lines.count("❯ first") == 2)


def test_vi_keys_when_they_are_wanted() -> None:
    with Terminal(env={"TESTFLAGS": "vi"}) as terminal:
        _ready(terminal)
        terminal.send("one two three")
        terminal.shows("❯ one two three")
        terminal.send(ESC)
        terminal.settled()
        terminal.send("bdw")
        terminal.until(lambda: "❯ one two" in terminal.lines)
        terminal.send("0x\r")
        terminal.shows("You said: ne two")
