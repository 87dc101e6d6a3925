"""Blocks that take lines as they are until one closes them: fences and display formulas."""

from __future__ import annotations

from termchat.core.style import TextRole
from termchat.ui.markdown import line_syntax
from termchat.ui.markdown.code import Code, LineHighlighter, NoHighlight
from termchat.ui.markdown.layout import LayoutBuffer


class Fence(Code):
    """A fenced code block; without its closing fence it goes on to the end."""

    def __init__(self, fencing: line_syntax.Fencing, indent: int = 0) -> None:
        super().__init__(_painter(fencing.info))
        self._fencing = fencing
        self._indent = indent
        self.done = False

    def accepts(self, rest: str, *, whole: bool) -> bool:
        """Whether the line is code; else it closes the fence, and `done` says so."""
        body = rest.lstrip(" ")
        self.done = whole and len(rest) - len(body) <= 3 and line_syntax.closes(body, self._fencing)
        return not self.done

    def hidden_in_preview(self, rest: str) -> bool:
        """Whether an unfinished line is empty yet, or may be the beginning of the closing fence."""
        body = rest.strip(" ")
        return body == self._fencing.sign * len(body)

    def line(self, sheet: LayoutBuffer, text: str) -> None:
        indent = min(self._indent, len(text) - len(text.lstrip(" ")))
        super().line(sheet, text[indent:])

    def close(self, sheet: LayoutBuffer, *, preview: bool = False) -> None:
        super().close(sheet, preview=preview)
        if not preview and not self._started:
            sheet.emit_pending_markers()


def _painter(info: str) -> LineHighlighter:
    if not info:
        return NoHighlight(TextRole.CODE)
    from termchat.ui.markdown.highlight import highlighter

    return highlighter(info)


class Formula(Code):
    """A display formula, from the line that opens it to the one that closes it; no empty line is inside."""

    def __init__(self, closer: str) -> None:
        super().__init__(NoHighlight(TextRole.MATH))
        self._closer = closer
        self.done = False

    def accepts(self, rest: str, *, whole: bool) -> bool:
        """Whether the line belongs to the formula; `done` if it is its last one."""
        body = rest.strip(" ")
        self.done = whole and body == self._closer
        return body != ""

    def hidden_in_preview(self, rest: str) -> bool:
        """Whether an unfinished line is shown only when it is complete: never."""
        return False
