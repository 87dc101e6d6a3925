"""Columns of running replies: never wider than their share, never more rows than asked for, the last text kept."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from termchat.core.sanitize import Safe
from termchat.ui.compare.live_columns import GAP, column_width, side_by_side, text_tail
from termchat.ui.text.fit import text_width
from termchat.ui.text.line import plain_text, styled_line

TEXTS = st.text(st.characters(codec="utf-8") | st.sampled_from(" \n\t你👍é\x1b\x9b"), max_size=400)


@given(TEXTS, st.integers(36, 80), st.integers(1, 9))
def test_tail_keeps_last_text_within_its_rows_and_cells(text: str, columns: int, rows: int) -> None:
    tail = text_tail(f"{text}the end", columns, rows)
    assert 1 <= len(tail) <= rows
    assert all(text_width(row) <= columns for row in tail)
    assert "".join(tail).replace(" ", "").endswith("theend")
    assert not any(sign in row for row in tail for sign in "\x1b\x9b\n\t")


@given(st.integers(20, 240), st.integers(1, 6), st.lists(TEXTS, min_size=6, max_size=6))
def test_rows_of_columns_fit_the_terminal(columns: int, number: int, texts: list[str]) -> None:
    width = column_width(columns, number)
    if width is None:
        assert (columns - 1 - GAP * (number - 1)) // number < 36
        return
    heads = [styled_line(Safe(f"{n} model")) for n in range(number)]
    rows = side_by_side(heads, [text_tail(text, width, 5) for text in texts[:number]], width)
    assert all(text_width(plain_text(row)) < columns for row in rows)
    assert all(plain_text(row) == plain_text(row).rstrip(" ") or not plain_text(row).strip(" ") for row in rows[:1])
    starts = [plain_text(rows[0]).index(f"{n} model") for n in range(number)]
    assert starts == [n * (width + GAP) for n in range(number)]
