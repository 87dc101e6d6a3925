"""Test the preview of a question about a tool call: what is shown of it, and how much of it is said to be hidden."""

from __future__ import annotations

import re
from io import StringIO
from typing import cast

import pytest

from termchat.core.approval import ApprovalRequest, PreviewKind, ToolEffect
from termchat.core.messages import ToolCall
from termchat.core.session import Turn
from termchat.ui.frontend import DisplayOptions
from termchat.ui.plain.approvals import PlainApprovals
from termchat.ui.plain.line_reader import LineReader
from termchat.ui.plain.writer import PlainWriter
from termchat.ui.text.line import plain_text
from termchat.ui.tools.approval_card import RequestPreview
from tests.ui.terminal.test_row_painter import PALETTE


def request_of(lines: int) -> ApprovalRequest:
    text = "\n".join(f"echo {n}" for n in range(lines))
    return ApprovalRequest(ToolCall("c", "run_shell", "{}"), ToolEffect.RUN, text, PreviewKind.COMMAND)


def shown(lines: int, rows: int) -> list[str]:
    return [str(plain_text(line)) for line in RequestPreview(request_of(lines)).lines(80, rows)[1:]]


@pytest.mark.parametrize("lines", [2, 20, 1000])
@pytest.mark.parametrize("rows", [1, 2, 3, 4, 10, 400, 401, 450])
def test_preview_tells_how_many_rows_are_hidden(lines: int, rows: int) -> None:
    found = shown(lines, rows)
    assert len(found) == min(lines, rows)
    hidden = [int(number) for row in found for number in re.findall(r"… (-?\d+) more rows", row)]
    assert hidden == ([lines - rows + 1] if lines > rows else [])
    if rows > 1:
        assert found[-1].endswith(f"echo {lines - 1}")


def test_long_preview_is_whole_where_there_is_room() -> None:
    assert [row.split()[-1] for row in shown(1000, 10_000)] == [str(n) for n in range(1000)]


@pytest.mark.parametrize("columns", [-1, 0, 1, 2, 5])
def test_preview_in_narrow_window_has_every_character(columns: int) -> None:
    rows = [str(plain_text(line)) for line in RequestPreview(request_of(2)).rows(columns)]
    assert "".join("".join(rows).split()) == "$echo0echo1"


def test_plain_question_prints_every_row_of_a_long_command() -> None:
    out = StringIO()
    writer = PlainWriter(out, PALETTE.theme, DisplayOptions(accessible=True))
    PlainApprovals(writer, LineReader(0)).ask(cast("Turn", object()), [request_of(11_000)])
    rows = [row.split()[-1] for row in out.getvalue().split("\n") if "echo" in row]
    assert rows == [str(n) for n in range(11_000)]
