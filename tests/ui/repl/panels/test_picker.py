"""Picker: a source is filtered, moved through, accepted and cancelled."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from termchat.core.effects import Choice, Effect, Print
from termchat.core.sanitize import safe_format, safe_line
from termchat.ui.repl.panels.picker import Picker, PickerSource
from termchat.ui.text.line import plain_text

NAMES = ("gpt-5.2", "gpt-5.1", "claude-opus-5")


def choice(name: str, detail: str = "") -> Choice:
    return Choice(safe_line(name), safe_line(detail), (Print(safe_line(name)),))


class RecordingSource(PickerSource):
    """A source that records the calls of the picker."""

    def __init__(self, names: Sequence[str] = NAMES, start: int = 0) -> None:
        super().__init__(safe_format("Models"), [choice(name) for name in names], start=start)
        self.calls: list[str] = []

    def on_highlight(self, choice: Choice) -> None:
        self.calls.append(f"highlight {choice.label}")

    def on_accept(self, choice: Choice) -> Sequence[Effect]:
        self.calls.append(f"accept {choice.label}")
        return super().on_accept(choice)

    def on_cancel(self) -> None:
        self.calls.append("cancel")

    def on_tab(self, marked: Choice | None) -> None:
        self.calls.append(f"tab {marked.label if marked else None}")


@pytest.fixture
def picker() -> Picker:
    return Picker()


def test_picker_source_search_finds_rows_with_every_word() -> None:
    source = PickerSource(safe_format("x"), [choice("gpt-5.2", "OpenAI 400k"), choice("gpt-5.1", "OpenAI")])
    assert [found.label for found in source.search("")] == ["gpt-5.2", "gpt-5.1"]
    assert [found.label for found in source.search("openai 400K")] == ["gpt-5.2"]
    assert source.search("openai claude") == []


def test_picker_open_highlights_start_row(picker: Picker) -> None:
    source = RecordingSource(start=1)
    picker.open(source)
    assert picker.is_open
    assert source.calls == ["highlight gpt-5.1"]


def test_picker_open_with_query_filters_rows(picker: Picker) -> None:
    picker.open(RecordingSource(), "claude")
    assert [found.label for found in picker.shown()] == ["claude-opus-5"]


def test_picker_typing_marks_first_match(picker: Picker) -> None:
    source = RecordingSource()
    picker.open(source)
    picker.filter.insert_text("opus")
    assert source.calls[-1] == "highlight claude-opus-5"


def test_picker_move_wraps_at_both_ends(picker: Picker) -> None:
    source = RecordingSource()
    picker.open(source)
    picker.move(-1)
    picker.move(1)
    assert source.calls == ["highlight gpt-5.2", "highlight claude-opus-5", "highlight gpt-5.2"]


def test_picker_pages_by_shown_rows_and_stops_at_both_ends(picker: Picker) -> None:
    picker.open(PickerSource(safe_format("Models"), [choice(f"m{n}") for n in range(25)]))
    picker.lines(80, 18)  # a title and 8 rows
    marked = [_marked_after(picker, picker.page_down) for _ in range(5)]
    assert marked == ["m8", "m16", "m24", "m24", "m24"]
    picker.lines(80, 12)  # a title and 5 rows
    assert [_marked_after(picker, picker.page_up) for _ in range(6)] == ["m19", "m14", "m9", "m4", "m0", "m0"]


def test_picker_page_shows_the_rows_that_follow(picker: Picker) -> None:
    picker.open(PickerSource(safe_format("Models"), [choice(f"m{n}") for n in range(100)]), "")
    picker.page_down()
    shown = [plain_text(row).split()[-1] for row in picker.lines(80, 24)[1:]]
    picker.page_down()
    assert [plain_text(row).split()[-1] for row in picker.lines(80, 24)[1:]] == [f"m{int(n[1:]) + 10}" for n in shown]


def test_picker_first_and_last_mark_the_ends_of_the_filtered_rows(picker: Picker) -> None:
    picker.open(PickerSource(safe_format("Models"), [choice(f"m{n}") for n in range(25)]), "m1")
    assert _marked_after(picker, picker.last) == picker.shown()[-1].label == "m19"
    assert _marked_after(picker, picker.last) == "m19"
    assert _marked_after(picker, picker.first) == picker.shown()[0].label == "m1"


def test_picker_without_rows_ignores_pages(picker: Picker) -> None:
    picker.open(RecordingSource(), "nothing")
    for move in (picker.page_down, picker.page_up, picker.first, picker.last):
        move()
    assert picker.accept() == ()


def _marked_after(picker: Picker, move: Callable[[], None]) -> str:
    move()
    return next(row.label for row in picker.shown() if picker.is_marked(row))


def test_picker_accept_closes_and_returns_effects_of_marked_row(picker: Picker) -> None:
    source = RecordingSource()
    picker.open(source)
    picker.move(1)
    assert picker.accept() == (Print(safe_line("gpt-5.1")),)
    assert source.calls[-1] == "accept gpt-5.1"
    assert not picker.is_open


def test_picker_accept_without_match_stays_open(picker: Picker) -> None:
    source = RecordingSource()
    picker.open(source, "zzz")
    assert picker.accept() == ()
    assert picker.shows(source)
    assert source.calls == []


def test_picker_close_cancels_once(picker: Picker) -> None:
    source = RecordingSource()
    picker.open(source)
    picker.close()
    picker.close()
    assert source.calls == ["highlight gpt-5.2", "cancel"]


def test_picker_tab_reaches_source(picker: Picker) -> None:
    source = RecordingSource()
    picker.open(source)
    picker.tab()
    assert source.calls[-1] == "tab gpt-5.2"


def test_picker_lines_show_title_rows_and_footer(picker: Picker) -> None:
    source = RecordingSource()
    picker.open(source)
    source.footer = [(*picker.lines(80, 24)[0][:1],)]
    rows = [plain_text(line) for line in picker.lines(80, 24)]
    assert rows[0].startswith("Models  type to filter")
    assert [row.strip() for row in rows[1:]] == ["❯ gpt-5.2", "gpt-5.1", "claude-opus-5", "Models"]


@pytest.mark.parametrize(("columns", "rows", "head"), [(80, 6, "Esc  2/3"), (20, 6, "Esc  2/3"), (80, 24, "Esc")])
def test_picker_title_tells_place_only_when_rows_are_hidden(picker: Picker, columns: int, rows: int, head: str) -> None:
    picker.open(RecordingSource())
    picker.move(1)
    title = plain_text(picker.lines(columns, rows)[0])
    assert title.endswith(head)
    assert len(title) <= columns


def test_picker_lines_without_match_say_so(picker: Picker) -> None:
    picker.open(RecordingSource(), "zzz")
    assert plain_text(picker.lines(80, 24)[1]).strip() == "no matches"


def test_picker_lines_without_match_have_no_footer(picker: Picker) -> None:
    source = RecordingSource()
    picker.open(source, "zzz")
    source.footer = [(*picker.lines(80, 24)[0][:1],)]
    assert len(picker.lines(80, 24)) == 2


def test_picker_title_wider_than_screen_ends_in_ellipsis(picker: Picker) -> None:
    picker.open(PickerSource(safe_format("Try a reply too? It costs an unknown amount"), [choice("No")]))
    assert plain_text(picker.lines(20, 10)[0]) == "Try a reply too? I…"


def test_picker_row_keeps_short_detail_of_long_label(picker: Picker) -> None:
    row = Choice(safe_format("a long question and more of it"), safe_format("message 12"))
    picker.open(PickerSource(safe_format("Edit"), [row]))
    assert plain_text(picker.lines(40, 24)[1]) == "❯ a long question and mor…  message 12"


def test_picker_title_keeps_the_keys_when_narrow(picker: Picker) -> None:
    picker.open(RecordingSource())
    assert plain_text(picker.lines(30, 24)[0]) == "Models  ↑↓ · Enter · Esc"


def marked(picker: Picker) -> str:
    return next(str(found.label) for found in picker.shown() if picker.is_marked(found))


@pytest.mark.parametrize(
    ("names", "typed", "first"),
    [
        (("openai/x-2", "openai/x"), "openai/x", "openai/x"),
        (("openai/x-2", "openai/x"), " OpenAI/X ", "openai/x"),
        (("gw/x-large", "openai/x"), "x-l", "gw/x-large"),
        (("old-x", "x-new"), "x", "x-new"),
    ],
)
def test_picker_marks_exact_name_first(picker: Picker, names: Sequence[str], typed: str, first: str) -> None:
    picker.open(RecordingSource(names))
    picker.filter.insert_text(typed)
    assert marked(picker) == first
    assert picker.accept() == choice(first).effects


def test_picker_marks_name_before_description(picker: Picker) -> None:
    themes = [choice("colorblind", "dark, for red-green blindness"), choice("dark", "the default")]
    picker.open(PickerSource(safe_format("Theme"), themes))
    picker.filter.insert_text("dark")
    assert [str(found.label) for found in picker.shown()] == ["dark", "colorblind"]


def test_picker_shows_unusable_choices_last_unless_exact(picker: Picker) -> None:
    unusable = Choice(safe_format("a/x"), usable=False)
    picker.open(PickerSource(safe_format("Model"), [unusable, choice("b/x-2")]))
    assert [str(found.label) for found in picker.shown()] == ["b/x-2", "a/x"]
    picker.filter.insert_text("x")
    assert marked(picker) == "b/x-2"
    picker.filter.reset()
    picker.filter.insert_text("a/x")
    assert marked(picker) == "a/x"


@pytest.mark.parametrize(("moved", "expected"), [(False, "openai/x"), (True, "openai/x-3")])
def test_picker_late_choices_keep_moved_marker_else_mark_best(picker: Picker, *, moved: bool, expected: str) -> None:
    source = RecordingSource(("openai/x-2", "openai/x-3"))
    picker.open(source)
    picker.filter.insert_text("openai/x")
    if moved:
        picker.move(1)
    source.choices = [*source.choices, choice("openai/x")]
    picker.extended(source)
    assert marked(picker) == expected


def test_picker_back_clears_filter_then_closes(picker: Picker) -> None:
    source = RecordingSource()
    picker.open(source, "claude")
    picker.back()
    assert picker.is_open
    assert [choice.label for choice in picker.shown()] == [*NAMES]
    assert source.calls == ["highlight claude-opus-5", "highlight gpt-5.2"]
    picker.back()
    assert not picker.is_open
    assert source.calls[-1] == "cancel"


def test_picker_marks_the_same_of_two_equal_rows_after_more_came(picker: Picker) -> None:
    source = PickerSource(safe_format("Chats"))
    source.choices = [Choice(safe_format("twin"), name=name) for name in ("a", "b")]
    picker.open(source)
    picker.move(1)
    source.choices = [Choice(safe_format("new"), name="n"), *source.choices]
    picker.extended(source)
    assert picker.is_marked(source.choices[2])
