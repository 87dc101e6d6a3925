"""Inside the bounds, blocks are what markdown-it makes of them."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from termchat.core.sanitize import safe
from termchat.ui.markdown import line_syntax, render
from tests.ui.markdown import oracle
from tests.ui.markdown.texts import SPEC

_ENTITY_FOR_A_LINE_END = 39
"""The one example that we mean to show in another way: `&#10;` is a blank, because a control character it is not."""

_PIECES = [
    *("\n", "\n", "\n\n", " ", "  ", "   ", "    ", "a", "b c", "foo", "> ", ">", "- ", "-", "* ", "*", "+ ", "1. "),
    *("2. ", "10) ", "1)", "# ", "## ", "#", "---", "===", "***", "```", "~~~", "`", "[x](u)", "[", "]", "| a | b |\n"),
    *("| a | b |\n|-|-|\n", "| c | d |\n", "**", "_", "~~", "\\ ", "<b>", "<http://a.b>", "&amp;", "!", "[ ] "),
]
# Where markdown-it leaves the specification: lines indented by four or more inside a container, tables whose header
# begins another block (it looks for tables first, cmark-gfm for containers and headings), and code in a paragraph
# beside an indented line end (it keeps the blanks there).
_ODD = re.compile(
    r"^[ >]*    +[^ a-z\n]|^[ >]*(#|[-+*] |\d+[.)] |>|=|`|~)[^\n]*\|[^\n]*\n[ >]*[|:-][-|: ]*$|`\n +|^ +`(?!`)",
    re.MULTILINE,
)


def ours(text: str) -> list[str]:
    rows = (row.text for row in render(safe(text), 5000))
    return oracle.said(re.sub(r"─{24}$", "---", row) for row in rows)


@pytest.mark.parametrize(("number", "text"), SPEC, ids=[f"example-{number}" for number, _ in SPEC])
def test_render_commonmark_example_equals_markdown_it(number: int, text: str) -> None:
    if number == _ENTITY_FOR_A_LINE_END:
        assert ours(text) == ["foo bar"]
        return
    assert ours(text) == oracle.rows(safe(text))


@given(st.lists(st.sampled_from(_PIECES), max_size=14).map("".join))
@example("1. \n\n\n1. ")
def test_render_any_text_equals_markdown_it(text: str) -> None:
    assume(not _ODD.search(text))
    assume(not _spilling(text))
    assert ours(text) == oracle.rows(safe(text))


def _spilling(text: str) -> bool:
    """Whether a table row may have more cells than its header: we keep them, markdown-it drops them."""
    return "|-|" in text and any(len(line_syntax.split_row(line.lstrip(" >"))) > 2 for line in text.split("\n"))


def test_table_surplus_cells_are_kept() -> None:
    rows = [row.text for row in render(safe("| a | b |\n|---|---|\n| 1 | 2 | 3 | 4 |\n"), 40)]
    assert rows[-1] == "1  2 | 3 | 4"


def test_render_quotes_beyond_depth_limit_are_text() -> None:
    rows = render(safe(">" * 70 + " deep"), 200)
    assert rows[0].text.endswith(">>>>>> deep")


def test_render_ordered_list_counts_past_empty_item() -> None:
    assert [row.text for row in render(safe("1.\n\n1. a\n1. b"), 40)] == [" 1.", "", " 2. a", " 3. b"]
