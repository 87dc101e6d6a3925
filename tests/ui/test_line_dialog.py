"""The dialogue of a setup in lines."""

from __future__ import annotations

from collections.abc import Sequence

from termchat.core.sanitize import Safe, safe_format
from termchat.core.style import TextRole
from termchat.ui.plain.line_dialog import LineDialog
from termchat.ui.plain.line_reader import LineReader


async def step(number: int) -> int:
    return number


async def test_line_dialog_names_the_wait_of_many_steps_once() -> None:
    written: list[str] = []

    def write(lines: Sequence[Safe], role: TextRole) -> None:
        written.extend(lines)

    dialog = LineDialog(LineReader(0), write, lambda words: None, lambda: None)
    assert [await dialog.wait(safe_format("checking"), step(number)) for number in range(3)] == [0, 1, 2]
    assert await dialog.wait(safe_format("looking for models"), step(3)) == 3
    assert written == ["checking…", "looking for models…"]
