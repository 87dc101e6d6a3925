"""The writer of the plain front end: code blocks have the numbers that /copy finds them by."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO

import pytest

from termchat.core.sanitize import safe
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


@pytest.mark.parametrize(("accessible", "prompt"), [(False, "> "), (True, "You: ")])
def test_notice_at_the_prompt_prints_prompt_or_question_again(accessible: bool, prompt: str) -> None:
    out = StringIO()
    writer = PlainWriter(out, PALETTE.theme, replace(DisplayOptions(), accessible=accessible))
    writer.prompt()
    writer.notice(safe("This chat is not saved."), safe("The disk is full."))
    assert out.getvalue().endswith(f"The disk is full.\n{'' if accessible else chr(10)}{prompt}")
    writer.input_entered()
    writer.question(safe("Number: "))
    writer.notice(safe("The fork has ended."))
    assert out.getvalue().endswith("Number: \nThe fork has ended.\nNumber: ")
    writer.input_entered()
    writer.notice(safe("It is saved again."))
    assert out.getvalue().endswith("It is saved again.\n")
