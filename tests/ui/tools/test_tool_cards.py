"""Test the card of a finished tool call: its mark, its words and the rows of its result."""

from __future__ import annotations

import pytest

from termchat.core.messages import Text, ToolCall, ToolResult, ToolStatus
from termchat.core.style import TextRole
from termchat.ui.blocks import ToolCard
from termchat.ui.text.line import plain_text
from termchat.ui.tools.tool_cards import card_lines


@pytest.mark.parametrize(
    ("status", "is_error", "head", "role"),
    [
        (ToolStatus.RAN, False, "● run_shell make · 0.4s", TextRole.SUCCESS),
        (ToolStatus.FAILED, False, "✗ run_shell make · 0.4s · failed", TextRole.ERROR),
        (ToolStatus.RAN, True, "✗ run_shell make · 0.4s · no rule", TextRole.ERROR),
        (ToolStatus.TIMED_OUT, True, "⧖ run_shell make · 0.4s · timed out", TextRole.WARNING),
    ],
)
def test_card_head_tells_end_of_call(status: ToolStatus, is_error: bool, head: str, role: TextRole) -> None:
    result = ToolResult("1", "run_shell", (Text("no rule\n[exit code 2]"),), is_error=is_error, status=status)
    card = ToolCard(1, ToolCall("1", "run_shell", '{"command": "make"}'), result, 0.4)
    first, *rows = card_lines(card, 80)
    assert plain_text(first) == head
    assert first[0].roles == (role,)
    assert plain_text(rows[-1]) == "    [exit code 2]"


def test_card_long_reason_is_whole_below_head() -> None:
    why = "run_shell: the command did not start, since the working directory was removed meanwhile"
    output = "\n".join(map(str, range(9)))
    result = ToolResult("1", "run_shell", (Text(f"Error: {why}\n{output}"),), is_error=True)
    card = ToolCard(1, ToolCall("1", "run_shell", '{"command": "make"}'), result, 0.4)
    first, *rows = card_lines(card, 60)
    assert plain_text(first) == "✗ run_shell make · 0.4s · failed"
    assert [plain_text(row) for row in rows] == [
        "    the command did not start, since the working directory",
        "    was removed meanwhile",
        "    … 5 earlier lines · /tool 1",
        *(f"    {n}" for n in range(5, 9)),
    ]


@pytest.mark.parametrize("columns", [40, 80])
def test_card_reason_of_many_rows_names_the_command_that_shows_all(columns: int) -> None:
    result = ToolResult("1", "read_file", (Text(f"Error: {'no such file anywhere ' * 40}"),), is_error=True)
    card = ToolCard(3, ToolCall("1", "read_file", '{"path": "a"}'), result, 0.4)
    _, *rows = [plain_text(row) for row in card_lines(card, columns)]
    assert len(rows) == 5 and all(len(row) < columns for row in rows)
    assert rows[-1] == "    … more · /tool 3"


@pytest.mark.parametrize("columns", [40, 80])
def test_card_reason_with_a_long_word_shows_its_end_or_names_the_command(columns: int) -> None:
    path = "0123456789" * 20
    result = ToolResult("1", "read_file", (Text(f"Error: {path} cannot be read"),), is_error=True)
    card = ToolCard(3, ToolCall("1", "read_file", '{"path": "a"}'), result, 0.4)
    _, *rows = [plain_text(row) for row in card_lines(card, columns)]
    assert all(len(row) < columns for row in rows)
    whole = "".join(row.strip() for row in rows).startswith(path)
    assert (whole and rows[-1].endswith("cannot be read")) or rows[-1] == "    … more · /tool 3"


def test_card_counts_one_line_as_one() -> None:
    result = ToolResult("1", "read_file", (Text("1\n2\n3\n4\n5"),))
    card = ToolCard(3, ToolCall("1", "read_file", '{"path": "a"}'), result, 0.4)
    assert plain_text(card_lines(card, 80)[-1]) == "    … 1 more line · /tool 3"


@pytest.mark.parametrize(
    ("expression", "head"),
    [
        ("50+1", "✗ calculate 50+1 · not run: the limit is 50 calls"),
        ("50+1234", "✗ calculate 50+1234 · failed"),
    ],
)
def test_card_reason_stands_in_head_if_it_fits(expression: str, head: str) -> None:
    result = ToolResult("1", "calculate", (Text("Error: not run: the limit is 50 calls"),), is_error=True)
    card = ToolCard(1, ToolCall("1", "calculate", f'{{"expression": "{expression}"}}'), result, None)
    assert plain_text(card_lines(card, 50)[0]) == head
