"""Reasoning shown in full: plain text in one look, wrapped between words, a line final as soon as it is whole."""

from __future__ import annotations

from termchat.core.sanitize import Safe
from termchat.core.style import TextRole
from termchat.ui.text.fit import text_width
from termchat.ui.text.row import BLANK, Row, Segment

_LOOK = (TextRole.REASONING,)


class ReasoningDocument:
    """A document without Markdown."""

    def __init__(self, width: int) -> None:
        self._width = max(8, width)
        self._rest = ""
        self._rows: list[Row] = []

    def feed(self, text: Safe) -> None:
        *whole, self._rest = (self._rest + text).split("\n")
        for one in whole:
            self._rows += wrapped(one, self._width)

    def close(self) -> None:
        if self._rest:
            self._rows += wrapped(self._rest, self._width)
        self._rest = ""

    def take(self) -> list[Row]:
        rows, self._rows = self._rows, []
        return rows

    def preview(self) -> list[Row]:
        return wrapped(self._rest, self._width) if self._rest else []

    def resize(self, width: int) -> None:
        self._width = max(8, width)


def wrapped(text: str, width: int) -> list[Row]:
    """One line as rows, broken at blanks where there are some."""
    text = text.expandtabs(4).rstrip()
    if not text:
        return [BLANK]
    rows: list[Row] = []
    while text:
        head = _head(text, width)
        rows.append(Row((Segment(Safe(head.rstrip()), _LOOK),), text_width(head.rstrip())))
        text = text[len(head) :].lstrip(" ")
    return rows


def _head(text: str, width: int) -> str:
    used = 0
    for at, character in enumerate(text):
        used += text_width(character)
        if used > width:
            blank = text.rfind(" ", 1, at)
            return text[: blank + 1] if blank > 0 else text[:at]
    return text
