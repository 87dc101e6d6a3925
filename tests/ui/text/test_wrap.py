"""Test line wrapping: CJK with kinsoku, grapheme clusters, long words, and soft rows that the terminal wraps."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from termchat.core.sanitize import Safe, safe
from termchat.ui.markdown import render
from termchat.ui.text.row import Segment
from termchat.ui.text.width import WIDTHS, breakable, grapheme_boundary
from termchat.ui.text.wrap import LineSpace, Wrapper

GRAPHEMES = ["👍🏽", "👨‍👩‍👧", "🇨🇳", "⚠️", "é", "é", "한", "1️⃣", "中", "a"]


def wrapped(text: str, width: int, *, indent: int = 0) -> list[str]:
    wrapper = Wrapper(LineSpace(width, indent))
    wrapper.push(Segment(safe(text)))
    wrapper.flush()
    return ["~" * line.soft + "".join(part.text for part in line.segments) for line in wrapper.lines]


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("one two three", 8, ["one two", "three"]),
        ("one two three", 7, ["one two", "three"]),
        ("one  two", 20, ["one  two"]),
        ("中文内容很长", 8, ["中文内容", "~很长"]),
        ("中文内容，很长", 8, ["中文内", "容，很长"]),
        ("中文（内容）很长", 6, ["中文", "（内", "容）很", "~长"]),
        ("中文 mixed 内容", 10, ["中文 mixed", "内容"]),
        ("abc中文def", 5, ["abc中", "~文def"]),
        ("a" * 12, 5, ["aaaaa", "~aaaaa", "~aa"]),
        ("see " + "a" * 9, 6, ["see", "aaaaaa", "~aaa"]),
        ("한국어 문장입니다", 8, ["한국어", "문장입니", "~다"]),
    ],
)
def test_wrapper_breaks_latin_cjk_and_hangul(text: str, width: int, lines: list[str]) -> None:
    assert wrapped(text, width) == lines


def test_wrapper_indent_narrows_word_rows_but_not_soft_rows() -> None:
    assert wrapped("one two three", 10, indent=3) == ["one two", "three"]
    assert wrapped("x" * 16, 10, indent=3) == ["x" * 7, "~" + "x" * 9]


WORDS = ["word ", "of", "  (two), ", "a longer run of words", "中文", "，", "（", " ", "x" * 30, *GRAPHEMES]


@example(["👨‍👩‍👧", "of", "word "], 8, 3)  # the cluster is wider than a row
@given(st.lists(st.sampled_from(WORDS), max_size=40), st.integers(8, 60), st.integers(0, 4))
def test_wrapper_any_split_gives_same_lines(pieces: list[str], width: int, indent: int) -> None:
    at_once = wrapped("".join(pieces), width, indent=indent)
    wrapper = Wrapper(LineSpace(width, indent))
    for piece in pieces:
        wrapper.copy().push(Segment(Safe("never seen")))
        wrapper.push(Segment(Safe(piece)))
    wrapper.flush()
    split = ["~" * line.soft + "".join(part.text for part in line.segments) for line in wrapper.lines]
    assert split == at_once


@given(st.lists(st.sampled_from(GRAPHEMES), min_size=30, max_size=80).map("".join))
def test_render_never_splits_grapheme(text: str) -> None:
    clusters = [cluster.text for cluster in WIDTHS.clusters(text)]
    rows = render(safe(text), 20)
    assert [each.text for row in rows for each in WIDTHS.clusters(row.text)] == clusters


@pytest.mark.parametrize(
    ("text", "cells", "widest"),
    [("👍🏽", 2, 4), ("👨‍👩‍👧", 2, 6), ("🇨🇳", 2, 4), ("⚠️", 2, 2), ("中", 2, 2), ("é", 1, 1), ("a", 1, 1)],
)
def test_width_table_measures_cells_and_widest_drawing(text: str, cells: int, widest: int) -> None:
    (cluster,) = WIDTHS.clusters(text)
    assert (cluster.cells, cluster.widest) == (cells, widest)


def test_render_row_fits_if_emoji_parts_are_drawn_separately() -> None:
    family = "👨‍👩‍👧"
    for row in render(safe(f"{family} " * 40), 20):
        assert sum(cluster.widest for cluster in WIDTHS.clusters(row.text)) <= 20


@pytest.mark.parametrize(
    ("before", "after", "may"),
    [("中", "文", True), ("中", "，", False), ("（", "中", False), ("a", "b", False), ("a", "中", True)],
)
def test_breakable_follows_kinsoku_rules(before: str, after: str, may: bool) -> None:
    assert breakable(before, after) is may


def test_grapheme_boundary_moves_cut_before_cluster() -> None:
    assert [grapheme_boundary("ab👍🏽c", at) for at in range(6)] == [0, 1, 2, 2, 4, 5]


def test_render_soft_break_between_cjk_adds_no_space() -> None:
    (row,) = render(safe("中文\n中文\nEnglish\n中文"), 80)
    assert row.text == "中文中文 English 中文"
