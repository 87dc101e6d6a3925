"""Test the message queue, slash commands, errors and retries in the REPL."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.pty.harness import Terminal

ESC = "\x1b"
UP = "\x1b[A"


def _ready(terminal: Terminal) -> None:
    terminal.shows("Ask anything")


def test_command_during_long_paragraph_reports_in_status_line() -> None:
    with Terminal(rows=10) as terminal:
        _ready(terminal)
        terminal.send("endless\r")
        terminal.shows("word60")
        terminal.send("/model two\r")
        terminal.shows("→ fake/two from the next message")


def test_slash_on_returned_message_begins_command_and_message_comes_back() -> None:
    with Terminal() as terminal:
        terminal.shows("Ask anything")
        terminal.send("refuse\r")
        terminal.shows("Enter resends")
        terminal.send("/")
        terminal.until(lambda: "❯ /" in terminal.lines)
        terminal.send("model fake/two\r")
        terminal.shows("→ fake/two")
        terminal.until(lambda: terminal.lines.count("❯ refuse") == 2)
        terminal.send("\x7f/")
        terminal.until(lambda: "❯ refus/" in terminal.lines)  # an edited message is only text


@pytest.mark.parametrize("command", ["redo", "incognito"])
def test_returned_question_leaves_input_with_its_place(command: str) -> None:
    with Terminal() as terminal:
        _ready(terminal)
        terminal.send("alpha\r")
        terminal.shows("34 out")  # the reply has ended
        terminal.send("/undo\r")
        terminal.shows("back to before")
        terminal.until(lambda: terminal.lines.count("❯ alpha") == 2)
        terminal.send(f"/{command}\r")
        terminal.shows("forward to" if command == "redo" else "— incognito")
        terminal.until(lambda: any(line.startswith("❯ Ask anything") for line in terminal.lines))
        terminal.send("beta\r")
        terminal.shows("You said: beta")


def test_queued_messages_are_sent_as_one_message() -> None:
    with Terminal(rows=40) as terminal:
        _ready(terminal)
        terminal.send("lines 60 10\r")
        terminal.shows("L0001")
        terminal.send("and one\r")
        terminal.shows("⧗ 1 and one")
        terminal.send("and two\r")
        terminal.shows("⧗ 2 and two · sent as one message")
        terminal.shows("❯ and one\n\n  and two\n\n2 queued messages, sent as one (/set queue one)\n")
        terminal.until(lambda: "You said: and one" in terminal.text)
        assert "queued" not in terminal.lines[-1]


def test_merge_queue_off_sends_one_message_per_turn() -> None:
    with Terminal(rows=40, env={"TESTFLAGS": "one"}) as terminal:
        _ready(terminal)
        terminal.send("lines 40 10\r")
        terminal.shows("L0001")
        for text in ("first of all", "and then"):
            terminal.send(f"{text}\r")
            terminal.shows(f" {text}")
        terminal.shows("You said: first of all")
        terminal.shows("You said: and then")
        assert "❯ first of all" in terminal.transcript
        assert "❯ and then" in terminal.transcript


def test_queue_after_stop_waits_for_enter() -> None:
    with Terminal() as terminal:
        _ready(terminal)
        terminal.send("endless\r")
        terminal.shows("word1")
        terminal.send("later\r")
        terminal.shows("⧗ 1 later")
        terminal.send(ESC)
        terminal.shows("1 queued · Enter sends · ↑ edits · Alt-Backspace drops")
        terminal.settled()
        assert "You said" not in terminal.text
        terminal.send("\r")
        terminal.shows("You said: later")


def test_queue_is_sent_after_retried_reply_and_kept_after_stop() -> None:
    with Terminal() as terminal:
        _ready(terminal)
        terminal.send("retry first\r")
        terminal.shows("retrying in")
        terminal.send("cut now\r")
        terminal.shows("⧗ 1 cut now")
        terminal.shows("half of a rep")
        terminal.shows("■ the reply was cut off")
        terminal.send("endless\r")
        terminal.shows("word1")
        terminal.send("mine\r")
        terminal.send(ESC)
        terminal.shows("1 queued")


def test_queue_last_message_is_dropped_or_edited_by_key() -> None:
    with Terminal() as terminal:
        _ready(terminal)
        terminal.send("endless\r")
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


def test_send_now_during_reply_stops_it_and_sends() -> None:
    with Terminal() as terminal:
        _ready(terminal)
        terminal.send("endless\r")
        terminal.shows("word1")
        terminal.send("at once")
        terminal.shows("❯ at once")
        terminal.send("\x13")
        terminal.shows("■ stopped")
        terminal.shows("You said: at once")


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    """A pipe for TESTTOOL: the tool `wait` ends when `_open_gate` opens it."""
    os.mkfifo(tmp_path / "gate")
    return tmp_path / "gate"


def _open_gate(gate: Path) -> None:
    os.close(os.open(gate, os.O_WRONLY))


def test_send_now_during_tools_joins_next_step(gate: Path) -> None:
    """The turn continues with the message; a message entered later waits for the end of the turn."""
    with Terminal(rows=40, env={"TESTTOOL": str(gate)}) as terminal:
        _ready(terminal)
        terminal.send("tool wait\r")
        terminal.shows("running 1 tool")
        terminal.send("and this\r")
        terminal.shows("⧗ 1 and this")
        assert "sent with" not in terminal.text
        terminal.send("\x13")
        terminal.shows("⧗ 1 and this · sent with the next step")
        terminal.send("later\r")
        terminal.shows("⧗ 2 later")
        _open_gate(gate)
        terminal.shows("You said: and this")
        terminal.shows("You said: later")
        rows = [row for row in terminal.transcript if row]
        at = [rows.index(row) for row in ("❯ tool wait", "❯ and this", "❯ later")]
        assert [row for row in rows[at[0] : at[1]] if "wait" in row][1:], "no tool card above the message"
        assert "stopped" not in terminal.text
        assert sum(" out · " in row for row in rows[at[0] : at[2]]) == 1, "not one turn"


def test_message_for_next_step_can_be_taken_back() -> None:
    with Terminal() as terminal:
        _ready(terminal)
        terminal.send("tool slow\r")
        terminal.shows("running 1 tool")
        for text in ("one", "two"):
            terminal.send(f"{text}\r")
            terminal.shows(f" {text}")
        terminal.send("\x13")
        terminal.shows("⧗ 2 two · sent with")
        terminal.send(UP)
        terminal.shows("❯ two")
        terminal.until(lambda: "⧗ 2 two" not in terminal.text)
        terminal.shows("⧗ 1 one · sent with")
        terminal.send("\x1b")
        terminal.shows("■ stopped")
        terminal.until(lambda: "sent with" not in terminal.text)
        terminal.shows("⧗ 1 one")
        assert "❯ one" not in terminal.text


def test_alt_r_after_stall_asks_message_sent_during_tools_again(gate: Path) -> None:
    with Terminal(rows=40, env={"TESTFLAGS": "hasty", "TESTTOOL": str(gate)}) as terminal:
        _ready(terminal)
        terminal.send("tool wait\r")
        terminal.shows("running 1 tool")
        terminal.send("stall there\r")
        terminal.shows("⧗ 1 stall there")
        terminal.send("\x13")
        terminal.shows("sent with the next step")
        _open_gate(gate)
        terminal.shows("some words")
        terminal.shows("stalled")
        terminal.send("\x1br")
        terminal.shows("an answer at last")
        assert terminal.text.count("❯ stall there") == 1
        assert terminal.text.count("❯ tool wait") == 1


def test_refused_message_returns_to_input_and_alt_r_resends_it() -> None:
    with Terminal() as terminal:
        _ready(terminal)
        terminal.send("refuse me\r")
        terminal.shows("Fake refused the key (401).")
        terminal.shows("Set FAKE_KEY · Alt-M other model · Enter resends")
        terminal.until(lambda: terminal.lines.count("❯ refuse me") == 2)
        terminal.send("\x1br")
        terminal.until(lambda: terminal.text.count("Fake refused the key") == 2)


def test_ctrl_o_opens_error_details_in_pager_else_unfolds_paste() -> None:
    """Ctrl-O opens the details if no paste is in the input; the input keeps its text."""
    with Terminal(rows=40, env={"PAGER": "cat"}) as terminal:
        _ready(terminal)
        terminal.send("\x0f")
        terminal.shows("Ctrl-O unfolds a paste in the input")
        terminal.send("refuse me\r")
        terminal.shows("Enter resends · Ctrl-O details")
        terminal.send("\x0f")
        terminal.shows("request id  req_7f")
        terminal.shows('{"error": "bad key"}')
        terminal.until(lambda: terminal.lines.count("❯ refuse me") == 2)
        terminal.send("\x15")
        terminal.send("\x1b[200~" + "row\n" * 20 + "\x1b[201~")
        terminal.send(" and more words")
        terminal.shows("and more words")
        assert "[Pasted #1" in terminal.text
        terminal.send("\x0f")
        terminal.until(lambda: "[Pasted #1" not in terminal.text)
        assert "and more words" in terminal.text


@pytest.mark.parametrize("flags", ["links", "", "plain links"])
def test_credit_page_is_hyperlink_only_in_repl_with_links(flags: str) -> None:
    with Terminal(env={"TESTFLAGS": flags}) as terminal:
        terminal.shows("fake/one answers")
        terminal.send("quota\r")
        terminal.shows("Credit and limits: https://credit.fake/buy · ")
        terminal.shows("/model to switch models" if "plain" in flags else "other model")
        link = b"\x1b]8;id=0;https://credit.fake/buy\x1b\\" in terminal.output
        assert link == (flags == "links")


def test_error_without_details_offers_no_ctrl_o() -> None:
    with Terminal() as terminal:
        _ready(terminal)
        terminal.send("cut\r")
        terminal.shows("Alt-C continues")
        assert "Ctrl-O" not in terminal.text


def test_command_blocked_by_reply_stays_in_input_with_reason() -> None:
    with Terminal() as terminal:
        _ready(terminal)
        terminal.send("endless\r")
        terminal.shows("word1")
        terminal.send("/new")
        terminal.shows("start an empty chat")
        terminal.send("\r")
        terminal.shows("/new needs the end of the reply: Esc stops it, then Enter.")
        assert "❯ /new" in terminal.lines
        terminal.send("\x7f" * 4 + "/usage\r")
        terminal.shows("No usage yet.")


def test_command_menu_completes_model_and_reports_unknown_command() -> None:
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


def test_command_typed_on_hangul_or_kana_layout_runs() -> None:
    with Terminal() as terminal:
        _ready(terminal)
        for number, typed in enumerate(("／ㅕㄴㅁㅎㄷ", "/なとちきい"), 1):  # the keys u, s, a, g, e
            terminal.send(typed)
            terminal.shows("❯ /usage")
            terminal.settled(0.05)
            terminal.send("\r")
            terminal.until(lambda number=number: terminal.text.count("No usage yet.") == number)
            _ready(terminal)


def test_retry_answers_again_and_undo_returns_question() -> None:
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


def test_redraw_shows_tool_cards_reasoning_and_usage_again() -> None:
    with Terminal(rows=60) as terminal:
        _ready(terminal)
        for question, answer in (("think", "So the answer is 42."), ("tool echo", "the tool said row 0")):
            terminal.send(f"{question}\r")
            terminal.shows(answer)
            terminal.shows("Ask anything")
        terminal.send("/redraw\r")
        terminal.shows("redrawn chat")
        terminal.until(lambda: terminal.text.count("the tool said row 0") == 2)
        terminal.settled()
        for text, number in (("❯ think", 2), ("✻ thought", 2), ("● echo", 2), ("… 3 more lines · /tool 1", 2)):
            assert terminal.text.count(text) == number, text
        assert terminal.text.count(" in · ") >= 4
        terminal.send("tool echo\r")
        terminal.shows("… 3 more lines · /tool 2")


def test_question_mark_shows_key_help_until_next_key() -> None:
    with Terminal() as terminal:
        _ready(terminal)
        terminal.send("?")
        terminal.shows("send; queue while it replies")
        terminal.send("x")
        terminal.until(lambda: "send; queue" not in terminal.text)
        assert "❯ x" in terminal.lines
        terminal.send("?")
        terminal.shows("❯ x?")


def test_stray_print_becomes_transcript_line() -> None:
    with Terminal() as terminal:
        _ready(terminal)
        terminal.send("print\r")
        terminal.shows("one · 12 in")
        assert "a stray line of a library" in terminal.transcript
        assert "before" in terminal.text
        assert "after" in terminal.text


def test_vi_setting_edits_draft_with_vi_keys() -> None:
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


HASTY = {"TESTFLAGS": "hasty"}


def test_alt_r_on_stalled_reply_asks_again_and_keeps_draft() -> None:
    with Terminal(env=HASTY, rows=40) as terminal:
        _ready(terminal)
        terminal.send("stall here\r")
        terminal.shows("stalled · no data for 0s · Esc stops · Alt-R retries")
        terminal.send("a draft\x1br")
        terminal.shows(", retried")
        terminal.shows("an answer at last")
        assert terminal.lines.count("❯ stall here") == 1
        terminal.until(lambda: "❯ a draft" in terminal.lines)


def test_alt_r_before_reply_asks_again_and_esc_returns_message() -> None:
    with Terminal(env=HASTY) as terminal:
        _ready(terminal)
        terminal.send("hang on\r")
        terminal.shows("Esc stops · Alt-R retries")
        terminal.send("\x1br")
        terminal.shows(", retried")
        terminal.shows("waiting for one")
        assert terminal.lines.count("❯ hang on") == 1
        terminal.send(ESC)
        terminal.until(lambda: terminal.lines.count("❯ hang on") == 2)


def test_alt_r_during_reply_says_to_stop_it_first() -> None:
    with Terminal() as terminal:
        _ready(terminal)
        terminal.send("endless\r")
        terminal.shows("word1")
        terminal.send("\x1br")
        terminal.shows("Press Esc to stop the reply, then Alt-R to retry.")


def test_alt_r_during_countdown_retries_now() -> None:
    with Terminal() as terminal:
        _ready(terminal)
        terminal.send("retry 30\r")
        terminal.shows("retrying in 30s (2/3) · rate limited · Alt-R now · Esc stops")
        terminal.send("\x1br")
        terminal.shows("here after all", 20)  # before the 30 s are over


def test_overloaded_twice_shows_status_page_and_returns_message() -> None:
    with Terminal(columns=100) as terminal:
        _ready(terminal)
        terminal.send("overloaded\r")
        terminal.shows("retrying in 1s (2/3) · overloaded · Alt-R now · Esc stops")
        terminal.shows("retrying in 1s (3/3) · overloaded · Alt-R now · Esc stops · https://status.fake")
        terminal.shows("Status: https://status.fake · Enter resends · Alt-M other model")
        terminal.until(lambda: terminal.lines.count("❯ overloaded") == 2)


def test_unknown_model_suggests_closest_and_enter_selects_it() -> None:
    with Terminal() as terminal:
        _ready(terminal)
        terminal.send("/model fake/onne\r")
        terminal.shows("→ fake/onne")
        terminal.send("missing\r")
        terminal.shows("Closest: fake/one · Enter uses fake/one · Alt-M pick a model")
        terminal.until(lambda: terminal.lines.count("❯ missing") == 2)
        terminal.send("\x15\r")
        terminal.shows("→ fake/one\n")
        terminal.shows("one · ~/proj")
        terminal.send("\r")
        terminal.settled()
        assert terminal.text.count("→ fake/one\n") == 1


def test_enter_on_returned_message_sends_it_to_closest_model() -> None:
    with Terminal(rows=40) as terminal:
        _ready(terminal)
        terminal.send("/model fake/onne\r")
        terminal.shows("→ fake/onne")
        terminal.send("missing\r")
        terminal.shows("Enter uses fake/one")
        terminal.until(lambda: terminal.lines.count("❯ missing") == 2)
        terminal.send("\r")
        terminal.shows("→ fake/one\n")
        terminal.shows("You said: missing")


def test_enter_after_error_sends_returned_message_then_queue() -> None:
    with Terminal(rows=40) as terminal:
        _ready(terminal)
        terminal.send("overloaded once\r")
        terminal.shows("retrying in")
        terminal.send("and then this\r")
        terminal.shows("⧗ 1 and then this")
        terminal.until(lambda: terminal.lines.count("❯ overloaded once") == 2)
        terminal.shows("1 queued · Enter sends")
        terminal.send("\r")
        terminal.shows("You said: overloaded once")
        terminal.shows("You said: and then this")


def test_returned_message_with_draft_goes_to_history_with_notice() -> None:
    with Terminal() as terminal:
        _ready(terminal)
        terminal.send("hang on\r")
        terminal.shows("waiting for one")
        terminal.send("a draft")
        terminal.shows("❯ a draft")
        terminal.send(ESC)
        terminal.shows("is in the history: ↑")
        terminal.until(lambda: "❯ a draft" in terminal.lines)


def test_status_line_shows_context_use_and_warns_when_nearly_full() -> None:
    with Terminal() as terminal:
        _ready(terminal)
        terminal.send("full 4000\r")
        terminal.shows('one · 4k/128k (3%) · $0.0042 · "full 4000" · ~/proj')
        terminal.send("full 110000\r")
        terminal.shows("context 85% · /new")
