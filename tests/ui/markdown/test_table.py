"""Test Markdown tables: column widths, wrapping, and stanzas where columns would be too narrow."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from termchat.core.sanitize import safe
from termchat.ui.markdown import Document, render

SMALL = "| Name | Size |\n|:---|---:|\n| one | 1 |\n| three | 100 |\n"


def shown(text: str, width: int) -> list[str]:
    return [row.text for row in render(safe(text), width)]


def test_table_columns_follow_left_and_right_alignment() -> None:
    assert shown(SMALL, 40) == ["Name   Size", "─────  ────", "one       1", "three   100"]


def test_table_centred_column_pads_both_sides() -> None:
    assert shown("| a | b |\n|:-:|---|\n| long | x |\n", 40)[0] == " a    b"


def test_table_wide_cells_wrap_without_truncation() -> None:
    rows = "| first | some longer words to fold |\n| url | https://example.com/path/a |\n"
    text = f"| key | value |\n|---|---|\n{rows}"
    assert shown(text, 24) == [
        "key    value",
        "─────  ─────────────────",
        "first  some longer words",
        "       to fold",
        "url    https://example.c",
        "       om/path/a",
    ]


def test_table_too_narrow_for_columns_prints_rows_as_stanzas() -> None:
    text = "| name | a longer header | third |\n|---|---|---|\n| x | some words | more of them |\n| y | | z |\n"
    assert shown(text, 20) == [
        "name: x",
        "a longer header:",
        "some words",
        "third: more of them",
        "",
        "name: y",
        "a longer header:",
        "third: z",
    ]


def test_table_row_after_width_decision_wraps_to_fixed_columns() -> None:
    rows = "".join(f"| row {number:>4} | x |\n" for number in range(16))
    text = "| a | b |\n|---|---|\n" + rows + "| a longer cell | y |\n"
    assert shown(text, 40)[-2:] == ["a longer  y", "cell"]


def test_table_rows_are_final_once_widths_are_decided() -> None:
    document = Document(40)
    document.feed(safe("| a | b |\n|---|---|\n" + "| x | y |\n" * 15))
    assert document.take() == []
    document.feed(safe("| x | y |\n"))
    assert len(document.take()) == 18
    document.feed(safe("| x | y |\n"))
    assert len(document.take()) == 1


def test_table_rows_after_resize_keep_the_columns_of_the_rows_before() -> None:
    document = Document(40)
    document.feed(safe("| a | b |\n|---|---|\n" + "| a cell | words |\n" * 16))
    before = document.take()[-1].text
    for width in (200, 20, 80):
        document.resize(width)
        document.feed(safe("| a cell | words |\n"))
        assert [row.text for row in document.take()] == [before]


def test_table_records_stay_records_after_resize() -> None:
    document = Document(12)
    document.feed(safe("| a | b |\n|---|---|\n" + "| some words | more words |\n" * 16))
    assert document.take()[0].text == "a: some"
    document.resize(80)
    document.feed(safe("| some words | more words |\n"))
    assert [row.text for row in document.take()] == ["", "a: some words", "b: more words"]


def test_table_escaped_bar_is_cell_text() -> None:
    assert shown("| a \\| b | `c \\| d` |\n|---|---|\n", 40)[0] == "a | b  c | d"


def test_table_cjk_character_counts_two_columns() -> None:
    assert shown("| 名字 | b |\n|---|---|\n| x | y |\n", 40) == ["名字  b", "────  ─", "x     y"]


@given(st.lists(st.lists(st.text("ab 中👍", max_size=30), min_size=3, max_size=3), max_size=20), st.integers(20, 100))
def test_table_any_width_keeps_all_cell_characters(rows: list[list[str]], width: int) -> None:
    text = "| h | h | h |\n|---|---|---|\n" + "".join(f"| {' | '.join(row)} |\n" for row in rows)
    letters = sorted(char for row in rows for cell in row for char in cell if not char.isspace())
    found = sorted(char for line in shown(text, width) for char in line if char in "ab中👍")
    assert found == letters


def test_table_word_is_not_broken_while_other_columns_have_room() -> None:
    rows = "".join(f"| item {n} | A description of this | {n}.50 |\n" for n in range(3))
    text = f"| Name | Description | Price in dollars |\n|---|---|---|\n{rows}"
    for width in range(29, 46):
        found = shown(text, width)
        assert "Description" in found[0], width
        assert any("description" in row for row in found)


@given(st.lists(st.integers(1, 60), min_size=1, max_size=6), st.integers(20, 120))
def test_table_columns_fill_the_width_whatever_their_words(sizes: list[int], width: int) -> None:
    names = " | ".join("x" * size for size in sizes)
    text = f"| {names} |\n|{'---|' * len(sizes)}\n| {names} |\n"
    assert all(len(row) <= width for row in shown(text, width))
