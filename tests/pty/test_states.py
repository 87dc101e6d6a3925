"""Test slash commands, errors and returned messages in the REPL."""

from __future__ import annotations

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
        terminal.shows("34 out")
        _ready(terminal)
        terminal.send("/undo\r")
        terminal.shows("back to before")
        terminal.until(lambda: terminal.lines.count("❯ alpha") == 2)
        terminal.send(f"/{command}\r")
        terminal.shows("forward to" if command == "redo" else "— incognito")
        terminal.until(lambda: any(line.startswith("❯ Ask anything") for line in terminal.lines))
        terminal.send("beta\r")
        terminal.shows("You said: beta")


def test_refused_message_returns_to_input_and_alt_r_resends_it() -> None:
    with Terminal() as terminal:
        _ready(terminal)
        terminal.send("refuse me\r")
        terminal.shows("Fake refused the key (401).")
        terminal.shows("Set FAKE_KEY · /login · Alt-M other model · Enter resends")
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
        terminal.until(lambda: "[Pasted #1" not in terminal.text and "and more words" in terminal.text)


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
        terminal.shows("  fake/one  current")
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
        terminal.until(lambda: "send; queue" not in terminal.text and "❯ x" in terminal.lines)
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


def test_status_line_shows_context_use_and_warns_when_nearly_full() -> None:
    with Terminal() as terminal:
        _ready(terminal)
        terminal.send("full 4000\r")
        terminal.shows('one · 4k/128k (3%) · $0.0042 · "full 4000" · ~/proj')
        terminal.send("full 110000\r")
        terminal.shows("context 85% · /compact")


def test_failed_retry_of_answered_question_offers_alt_r_not_enter() -> None:
    with Terminal(rows=40) as terminal:
        _ready(terminal)
        terminal.send("overloaded again\r")
        terminal.shows("Enter resends")
        terminal.send("\r")
        terminal.shows("You said: overloaded again")
        terminal.shows("Ask anything")
        terminal.send("/retry\r")
        terminal.shows("Alt-R retries · Alt-M other model")
        assert terminal.text.count("Enter resends") == 1
