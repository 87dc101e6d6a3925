"""Questions about tool calls in the REPL: answered on purpose, never by someone who types."""

from __future__ import annotations

import random
from pathlib import Path
from time import monotonic

import pytest

from tests.pty.harness import Terminal

UP, DOWN, TAB = "\x1b[A", "\x1b[B", "\t"
ANSWERED = "the tool said"


def _ask(terminal: Terminal) -> None:
    terminal.shows("Ask anything")
    terminal.send("tool ask\r")
    terminal.shows("wants to run")


def _asked(terminal: Terminal) -> None:
    _ask(terminal)
    terminal.shows("run once")  # the panel has taken the focus


def test_approval_letter_runs_call_once_and_asks_again() -> None:
    with Terminal(rows=40) as terminal:
        _asked(terminal)
        terminal.shows("  in ~/proj · not sandboxed")
        terminal.shows("Answer with a letter · other text is queued")
        assert "Type to queue" not in terminal.text
        terminal.send("y")
        terminal.shows("● ask hello")
        terminal.until(lambda: f"{ANSWERED} ran" in terminal.text)
        _ask(terminal)


@pytest.mark.parametrize("letter", ["s", "a"])
def test_approval_for_chat_or_always_adds_rule_shown(letter: str) -> None:
    with Terminal(rows=40) as terminal:
        _asked(terminal)
        terminal.shows("s  allow ask(make) until you leave this chat")
        terminal.shows("a  always allow ask(make)")
        terminal.send(letter)
        terminal.shows("39 out")
        terminal.send("tool ask\r")
        terminal.until(lambda: terminal.text.count("● ask hello") == 2)
        assert "wants to run" not in terminal.text


def test_approval_declined_with_reason_tells_model_and_shows_reason() -> None:
    with Terminal(rows=40) as terminal:
        _asked(terminal)
        terminal.send("n")
        terminal.shows("Why not?")
        terminal.send("too risky\r")
        terminal.shows("○ ask hello · declined")
        terminal.shows("    too risky")
        terminal.shows(f"{ANSWERED} Error: the user decl")


def test_approval_reason_left_with_escape_shows_answers_again() -> None:
    with Terminal(rows=40) as terminal:
        _asked(terminal)
        terminal.send("n")
        terminal.shows("Why not?")
        terminal.send("half\x1b")
        terminal.shows("run once")
        terminal.send("y")
        terminal.shows("● ask hello")


def test_approval_escape_declines_and_stops_turn() -> None:
    with Terminal(rows=40) as terminal:
        _asked(terminal)
        terminal.send("\x1b")
        terminal.shows("◌ ask hello")
        terminal.shows("Ask anything")
        assert "● ask" not in terminal.text


def test_approval_enter_answers_only_after_arrow_keys() -> None:
    with Terminal(rows=40) as terminal:
        _asked(terminal)
        terminal.watch("Tab to answer")  # for a second after a key, the panel leaves the keys to the input
        terminal.send("\r")
        terminal.shows("Enter answers nothing by itself")
        terminal.until(lambda: terminal.seen)
        terminal.shows("run once")
        terminal.send(DOWN)
        terminal.shows("❯ y  run once")
        terminal.send("\r")
        terminal.shows("● ask hello")


def test_approval_first_letter_of_a_word_goes_to_input() -> None:
    with Terminal(rows=40) as terminal:
        _asked(terminal)
        terminal.send("yes, and then")
        terminal.shows("❯ yes, and then")
        terminal.shows("Tab to answer")
        assert "wants to run" in terminal.text


def test_approval_paste_is_never_an_answer() -> None:
    with Terminal(rows=40) as terminal:
        _asked(terminal)
        terminal.send("\x1b[200~y\x1b[201~")
        terminal.shows("❯ y")
        assert "wants to run" in terminal.text


def test_approval_with_draft_keeps_draft_and_takes_tab() -> None:
    with Terminal(rows=40) as terminal:
        _ask(terminal)
        terminal.send("my draft")
        terminal.shows("❯ my draft")
        terminal.send(TAB)
        terminal.shows("run once")
        terminal.send("y")
        terminal.shows("● ask hello")
        terminal.shows("❯ my draft")


def test_approval_view_shows_whole_call_in_pager(tmp_path: Path) -> None:
    pager = tmp_path / "pager"
    pager.write_text("#!/bin/sh\necho IN THE PAGER\ncat\nread line </dev/tty\n")
    pager.chmod(0o755)
    with Terminal(rows=40, env={"PAGER": str(pager)}) as terminal:
        _asked(terminal)
        terminal.send("v")
        terminal.shows("IN THE PAGER")
        terminal.shows("not sandboxed")
        terminal.send("\r")
        terminal.shows("run once")


def test_approval_edited_arguments_are_asked_about_again(tmp_path: Path) -> None:
    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nsed -i s/hello/goodbye/ "$1"\n')
    editor.chmod(0o755)
    with Terminal(rows=40, env={"EDITOR": str(editor), "VISUAL": ""}) as terminal:
        _asked(terminal)
        terminal.send("e")
        terminal.shows('"text": "goodbye"')
        terminal.shows("run once")
        terminal.send("y")
        terminal.shows("● ask goodbye")
        terminal.shows("· edited")


def test_approval_random_typing_approves_nothing() -> None:
    """Type words that begin with answers, without a pause, while questions arrive."""
    words = random.Random(7)
    with Terminal(rows=40) as terminal:
        _ask(terminal)
        typed = "".join(words.choice(["yes ", "say ", "a ", "no ", "every ", "view "]) for _ in range(300))
        for at in range(0, len(typed), 3):
            terminal.send(typed[at : at + 3])
        terminal.until(lambda: typed[-20:].strip() in "".join(terminal.lines))
        assert "wants to run" in terminal.text
        assert "● ask" not in terminal.text


def test_approval_held_key_answers_one_question_only() -> None:
    with Terminal(rows=40) as terminal:
        terminal.shows("Ask anything")
        terminal.send("asks 3\r")
        terminal.shows("1 of 3")
        terminal.send(TAB)
        terminal.shows("y  run once")
        for _ in range(8):
            terminal.send("y")
        terminal.shows("2 of 3")
        terminal.shows("● ask number 0")
        assert "● ask number 1" not in terminal.text


def test_approval_list_runs_all_calls_once() -> None:
    with Terminal(rows=40) as terminal:
        terminal.shows("Ask anything")
        terminal.send("asks 3\r")
        terminal.shows("Y  list all 3")
        terminal.send("Y")
        terminal.shows("3 calls want to run")
        terminal.shows("Y  run all 3 once")
        terminal.send("y")
        terminal.until(lambda: all(f"● ask number {n}" in terminal.text for n in range(3)))
        terminal.send("asks 2\r")
        terminal.shows("1 of 2")  # no rule was given


def test_approval_list_on_a_tall_screen_is_shown_whole() -> None:
    with Terminal(rows=70) as terminal:
        terminal.shows("Ask anything")
        terminal.send("asks 20\r")
        terminal.shows("Y  list all 20")
        terminal.send("Y")
        terminal.shows("Y  run all 20 once")
        assert "number 19" in terminal.text


def test_approval_list_is_shown_whole_beside_a_long_draft() -> None:
    with Terminal(rows=24) as terminal:
        terminal.shows("Ask anything")
        terminal.send("asks 5\r")
        terminal.shows("1 of 5")
        terminal.send("\x1b\r".join(f"row {n}" for n in range(12)))
        terminal.shows("row 11")
        terminal.send(TAB + "Y")
        terminal.shows("5 calls want to run")
        terminal.send(TAB)
        terminal.shows("Y  run all 5 once")
        assert "number 4" in terminal.text
        assert "row 11" in terminal.text


def test_approval_held_key_opens_list_and_runs_nothing() -> None:
    with Terminal(rows=40) as terminal:
        terminal.shows("Ask anything")
        terminal.send("asks 3\r")
        terminal.shows("1 of 3")
        terminal.send(TAB)
        terminal.shows("Y  list all 3")
        terminal.send("Y")
        terminal.shows("3 calls want to run")
        terminal.send(TAB + "nY")  # back at once: the second one is for the input
        terminal.shows("❯ Y")
        terminal.shows("1 of 3")
        assert "● ask" not in terminal.text


def test_approval_escape_leaves_list_and_keeps_questions() -> None:
    with Terminal(rows=40) as terminal:
        terminal.shows("Ask anything")
        terminal.send("asks 3\r")
        terminal.shows("Y  list all 3")
        terminal.send("Y")
        terminal.until(lambda: "Esc goes back" in terminal.text and "Esc stops" not in terminal.text)
        assert "Esc to stop" not in terminal.text
        terminal.send("\x1b")
        terminal.shows("1 of 3")
        terminal.shows("y  run once")
        assert "◌ ask" not in terminal.text


def test_approval_capital_of_a_single_question_is_text() -> None:
    with Terminal(rows=40) as terminal:
        _asked(terminal)
        terminal.send("Y")
        terminal.shows("❯ Y")


def test_plain_approval_list_runs_all_calls_once() -> None:
    with Terminal(env={"TERM": "dumb", "TESTFLAGS": "plain"}, rows=60) as terminal:
        terminal.shows("fake/one answers")
        terminal.send("asks 2\n")
        terminal.shows("Another call waits; Y lists all.")
        terminal.send("Y\n")
        terminal.shows("Y runs all 2 once")
        terminal.send("n\n")
        terminal.shows("Y lists all 2")
        terminal.send("Y\n")
        terminal.until(lambda: terminal.text.count("Y runs all 2 once") == 2)
        read = monotonic() + 1  # a hasty line is no answer to a new list
        terminal.until(lambda: monotonic() > read)
        terminal.send("y\n")
        terminal.shows("● ask number 0")
        terminal.shows("● ask number 1")


def test_plain_approval_hasty_line_does_not_answer_the_next_question() -> None:
    with Terminal(env={"TERM": "dumb", "TESTFLAGS": "plain patient"}, rows=50) as terminal:
        terminal.shows("fake/one answers")
        terminal.send("asks 2\n")
        terminal.shows('{"text": "number 0"}')
        terminal.shows("y runs it once")
        terminal.send("y\n")
        terminal.shows('{"text": "number 1"}')
        terminal.send("y\n")
        terminal.shows("This question is a new one")
        terminal.until(lambda: "the tool said" not in terminal.text and "● ask number 0" in terminal.text)
        assert "● ask number 1" not in terminal.text


def test_plain_approval_takes_lines_typed_after_the_question() -> None:
    with Terminal(env={"TERM": "dumb", "TESTFLAGS": "plain"}, rows=50) as terminal:
        terminal.shows("fake/one answers")
        terminal.send("tool ask\n")
        terminal.shows("ask wants to run")
        terminal.shows("y runs it once")
        terminal.send("hello there\n")
        terminal.shows("Queued: this is no answer")
        terminal.send("n too risky\n")
        terminal.shows("declined")
        terminal.shows("You said: hello there")


def test_accessible_approval_reads_question_and_runs_call() -> None:
    with Terminal(env={"TESTFLAGS": "accessible", "ACCESSIBLE": "1"}, rows=50) as terminal:
        terminal.shows("You:")
        terminal.send("tool ask\n")
        terminal.shows("y runs it once")
        terminal.send("y\n")
        terminal.shows("Tool ok: ask hello")


def test_plain_approval_ctrl_c_stops_turn_without_running() -> None:
    with Terminal(env={"TERM": "dumb", "TESTFLAGS": "plain"}, rows=50) as terminal:
        terminal.shows("fake/one answers")
        terminal.send("tool ask\n")
        terminal.shows("y runs it once")
        terminal.send("\x03")
        terminal.shows("stopped")
        terminal.send("hello\n")
        terminal.shows("You said: hello")
        assert "ran {" not in terminal.text
