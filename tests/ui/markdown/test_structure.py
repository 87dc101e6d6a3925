"""Test block structure against markdown-it, and the cases in which termchat differs from it."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from termchat.core.sanitize import safe
from termchat.ui.markdown import line_syntax, render
from tests.ui.markdown import oracle
from tests.ui.markdown.texts import SPEC

_ENTITY_FOR_A_LINE_END = 39  # the one example that differs on purpose: `&#10;` becomes a blank, not a line end

_PIECES = [
    *("\n", "\n", "\n\n", " ", "  ", "   ", "    ", "a", "b c", "foo", "> ", ">", "- ", "-", "* ", "*", "+ ", "1. "),
    *("2. ", "10) ", "1)", "# ", "## ", "#", "---", "===", "***", "```", "~~~", "`", "[x](u)", "[", "]", "| a | b |\n"),
    *("| a | b |\n|-|-|\n", "| c | d |\n", "**", "_", "~~", "\\ ", "<b>", "<http://a.b>", "&amp;", "!", "[ ] "),
]
# Cases in which markdown-it deviates from the specification: lines indented by four or more inside a container, tables
# whose header begins another block (markdown-it parses tables first, cmark-gfm containers and headings), and code in a
# paragraph beside an indented line end (markdown-it keeps the blanks there).
_ODD = re.compile(
    r"^[ >]*    +[^ a-z\n]|^[ >]*(#|[-+*] |\d+[.)] |>|=|`|~)[^\n]*\|[^\n]*\n[ >]*[|:-][-|: ]*$|`\n +|^ +`(?!`)",
    re.MULTILINE,
)


def ours(text: str) -> list[str]:
    rows = (row.text for row in render(safe(text), 5000))
    checked = (re.sub(r"(\d[.)] )?([☐☑])", _as_written, row) for row in rows)
    return oracle.visible(re.sub(r"─{24}$", "---", row) for row in checked)


def _as_written(box: re.Match[str]) -> str:
    """Return the checkbox of a task with its number or bullet, as markdown-it leaves it."""
    return (box[1] or "• ") + ("[ ]" if box[2] == "☐" else "[x]")


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
    """Return True if a table row may have more cells than its header; termchat keeps them, markdown-it drops them."""
    return "|-|" in text and any(len(line_syntax.split_row(line.lstrip(" >"))) > 2 for line in text.split("\n"))


def test_table_surplus_cells_are_kept() -> None:
    rows = [row.text for row in render(safe("| a | b |\n|---|---|\n| 1 | 2 | 3 | 4 |\n"), 40)]
    assert rows[-1] == "1  2 | 3 | 4"


def test_render_quotes_beyond_depth_limit_are_text() -> None:
    rows = render(safe(">" * 70 + " deep"), 200)
    assert rows[0].text.endswith(">>>>>> deep")


def test_render_ordered_list_counts_past_empty_item() -> None:
    assert [row.text for row in render(safe("1.\n\n1. a\n1. b"), 40)] == [" 1.", "", " 2. a", " 3. b"]


def test_render_task_list_shows_checkboxes() -> None:
    text = safe("- [ ] open\n- [x] done\n- [z] none\n1. [X] third")
    assert [row.text for row in render(text, 40)] == ["☐ open", "☑ done", "• [z] none", " 1. ☑ third"]
    assert [row.text for row in render(text, 40, signs=False)][:2] == ["[ ] open", "[x] done"]


def test_render_footnotes_show_number_before_each_note() -> None:
    text = safe("A[^1] and b[^n].\n\n[^1]: One\n[^n]: *two*\n")
    assert [row.text for row in render(text, 40)] == ["A¹ and b[n].", "", "¹ One", "[n] two"]
    assert next(row.text for row in render(text, 40, signs=False)) == "A[1] and b[n]."
