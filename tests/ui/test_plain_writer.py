"""The writer of the plain front end: code blocks have the numbers that /copy finds them by."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO

import pytest

from termchat.ui.blocks import Block, EndOfText, ReasoningText, ReplyText
from termchat.ui.frontend import DisplayOptions
from termchat.ui.plain.writer import PlainWriter
from termchat.ui.text.palette import ColorDepth
from tests.ui.terminal.test_row_painter import PALETTE

CODE = "```python\nx\n```\n"


def written(*turns: list[Block], accessible: bool = False) -> str:
    out = StringIO()
    look = replace(DisplayOptions(), depth=ColorDepth.PLAIN, accessible=accessible, signs=not accessible)
    writer = PlainWriter(out, PALETTE.theme, look)
    for blocks in turns:
        writer.restart_code_numbers()
        writer.show(blocks)
        writer.done()
    return out.getvalue()


@pytest.mark.parametrize(("accessible", "header"), [(False, "python · {n}"), (True, "python - {n}")])
def test_plain_writer_numbers_code_blocks_of_each_answer(accessible: bool, header: str) -> None:
    turn: list[Block] = [ReasoningText(CODE), EndOfText(), ReplyText(CODE), EndOfText(), ReplyText(CODE), EndOfText()]
    text = written(turn, [ReplyText(CODE), EndOfText()], accessible=accessible)
    shown = [line.strip() for line in text.split("\n") if line.strip().startswith("python")]
    assert shown == [header.format(n=n) for n in (1, 2, 1)]
    assert not accessible or text.isascii()
