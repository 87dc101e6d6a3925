"""Blocks that take lines as they are until one closes them: fences and display formulas."""

from __future__ import annotations

from termchat.core.style import TextRole
from termchat.ui.markdown import line_syntax
from termchat.ui.markdown.code import Code, Flat, Painter
from termchat.ui.markdown.layout import Sheet


class Fence(Code):
    """A fenced code block; without its closing fence it goes on to the end."""

    def __init__(self, fencing: line_syntax.Fencing, indent: int = 0) -> None:
        super().__init__(_painter(fencing.info))
        self._fencing = fencing
        self._indent = indent
        self.done = False

    def takes(self, rest: str, *, whole: bool) -> bool:
        """Whether the line is code; else it closes the fence, and `done` says so."""
        body = rest.lstrip(" ")
        self.done = whole and len(rest) - len(body) <= 3 and line_syntax.closes(body, self._fencing)
        return not self.done

    def hides(self, rest: str) -> bool:
        """Whether an unfinished line is empty yet, or may be the beginning of the closing fence."""
        body = rest.strip(" ")
        return body == self._fencing.sign * len(body)

    def line(self, sheet: Sheet, text: str) -> None:
        indent = min(self._indent, len(text) - len(text.lstrip(" ")))
        super().line(sheet, text[indent:])

    def close(self, sheet: Sheet, *, preview: bool = False) -> None:
        super().close(sheet, preview=preview)
        if not preview and not self._started:
            sheet.bare()


def _painter(info: str) -> Painter:
    if not info:
        return Flat(TextRole.CODE)
    from termchat.ui.markdown.highlight import painter

    return painter(info)


class Formula(Code):
    """A display formula, from the line that opens it to the one that closes it; no empty line is inside."""

    def __init__(self, closer: str) -> None:
        super().__init__(Flat(TextRole.MATH))
        self._closer = closer
        self.done = False

    def takes(self, rest: str, *, whole: bool) -> bool:
        """Whether the line belongs to the formula; `done` if it is its last one."""
        body = rest.strip(" ")
        self.done = whole and body == self._closer
        return body != ""

    def hides(self, rest: str) -> bool:
        """Whether an unfinished line is shown only when it is complete: never."""
        return False
