"""Test the preview of a question about a tool call: what is shown of it, and how much of it is said to be hidden."""

from __future__ import annotations

import re

import pytest

from termchat.core.approval import ApprovalRequest, PreviewKind, ToolEffect
from termchat.core.messages import ToolCall
from termchat.ui.text.line import plain_text
from termchat.ui.tools.approval_card import RequestPreview


def shown(lines: int, rows: int) -> list[str]:
    text = "\n".join(f"echo {n}" for n in range(lines))
    request = ApprovalRequest(ToolCall("c", "run_shell", "{}"), ToolEffect.RUN, text, PreviewKind.COMMAND)
    return [str(plain_text(line)) for line in RequestPreview(request).lines(80, rows)[1:]]


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
