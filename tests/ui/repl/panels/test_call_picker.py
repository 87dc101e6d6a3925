"""The list of the running calls: rows stay in place, and the key acts on the marked call only."""

from __future__ import annotations

from dataclasses import replace

from termchat.core.effects import ShowInPager
from termchat.ui.repl.panels.call_picker import CallSource
from termchat.ui.repl.panels.picker import Picker
from termchat.ui.text.line import plain_text
from termchat.ui.tools.call_views import Calls, CallState, ToolCallView

RUNNING, WAITING, DONE = CallState.RUNNING, CallState.WAITING, CallState.DONE


def calls(*states: CallState, output: str = "") -> Calls:
    return tuple(
        ToolCallView("id", "run_shell", f'{{"command": "sleep {n}"}}', 0, state, output=output, place=n)
        for n, state in enumerate(states)
    )


def opened(given: Calls) -> tuple[Picker, CallSource, list[int]]:
    """Open the list; return it with the places of the calls that are cancelled."""
    picker, cancelled = Picker(), list[int]()
    source = CallSource(given, cancelled.append)
    picker.open(source)
    return picker, source, cancelled


def rows(picker: Picker, columns: int = 80) -> list[str]:
    return [plain_text(line).rstrip() for line in picker.lines(columns, 24)[1:]]


def test_call_list_marks_first_call_that_runs_and_cancels_it_once() -> None:
    picker, _, cancelled = opened(calls(DONE, WAITING, RUNNING, RUNNING))
    assert [row[:19] for row in rows(picker)] == ["  run_shell sleep 1", "❯ run_shell sleep 2", "  run_shell sleep 3"]
    for key in "xx X z":
        picker.press(key)
    assert cancelled == [2]
    assert rows(picker)[1].endswith("cancelling")


def test_call_list_row_stays_when_its_call_ends_and_its_key_meets_no_other() -> None:
    picker, source, cancelled = opened(calls(RUNNING, RUNNING))
    source.update(calls(RUNNING, RUNNING)[1:])  # the card of the first is shown already
    picker.press("x")
    assert cancelled == []
    assert rows(picker)[0] == "❯ run_shell sleep 0  ended"
    picker.move(1)
    picker.press("x")
    source.update(calls(DONE, DONE))
    assert cancelled == [1]
    assert rows(picker)[1] == "❯ run_shell sleep 1  cancelled"


def test_call_list_has_no_row_for_call_that_has_not_started() -> None:
    running, writing = calls(RUNNING, CallState.WRITING)
    picker, source, cancelled = opened((running, replace(writing, place=0)))
    source.update((running,))
    assert len(rows(picker)) == 1
    picker.press("x")
    assert cancelled == [0]


def test_call_list_leaves_call_that_waits_to_its_question() -> None:
    picker, _, cancelled = opened(calls(RUNNING, WAITING))
    picker.move(1)
    picker.press("x")
    assert cancelled == []
    assert rows(picker)[1] == "❯ run_shell sleep 1  waiting"


def test_call_list_paste_neither_filters_nor_cancels() -> None:
    picker, _, cancelled = opened(calls(RUNNING, RUNNING))
    picker.paste("x")
    assert (picker.filter.text, cancelled) == ("", [])


def test_call_list_enter_shows_output_if_there_is_any() -> None:
    picker, source, _ = opened(calls(RUNNING))
    assert picker.accept() == ()
    assert picker.is_open
    source.update(calls(RUNNING, output="\x1b[2Jone\ntwo\nthree\nfour\n"))
    assert rows(picker)[1:] == ["    two", "    three", "    four"]
    (effect,) = picker.accept()
    assert isinstance(effect, ShowInPager)
    assert effect.text.startswith("run_shell sleep 0\n\n")
    assert "one\ntwo" in effect.text
    assert "\x1b" not in effect.text
    assert not picker.is_open


def test_call_list_names_its_keys_on_a_narrow_terminal() -> None:
    picker, _, _ = opened(calls(RUNNING))
    assert plain_text(picker.lines(80, 24)[0]) == "Tool calls  ↑↓ · Enter output · x cancels · Esc"
    assert plain_text(picker.lines(40, 24)[0]).endswith("x cancels · Esc")
