"""Blocks of verbatim lines up to a closing line: fences and display formulas."""

from __future__ import annotations

from termchat.core.style import TextRole
from termchat.ui.markdown import line_syntax
from termchat.ui.markdown.code import Code, LineHighlighter, NoHighlight
from termchat.ui.markdown.layout import LayoutBuffer


class Fence(Code):
    """A fenced code block; without a closing fence it extends to the end of its container.

    `done` is True once the closing fence was passed to `accepts`.
    """

    def __init__(self, fencing: line_syntax.Fencing, indent: int = 0) -> None:
        super().__init__(_highlighter(fencing.info))
        self._fencing = fencing
        self._indent = indent
        self.done = False

    def accepts(self, rest: str, *, whole: bool) -> bool:
        """Return True if the line is code, False if it is the closing fence; `whole` if `rest` is all of the line."""
        body = rest.lstrip(" ")
        self.done = whole and len(rest) - len(body) <= 3 and line_syntax.closes(body, self._fencing)
        return not self.done

    def hidden_in_preview(self, rest: str) -> bool:
        """Return True if an unfinished line is blank or may be the beginning of the closing fence."""
        body = rest.strip(" ")
        return body == self._fencing.sign * len(body)

    def line(self, buffer: LayoutBuffer, text: str) -> None:
        indent = min(self._indent, len(text) - len(text.lstrip(" ")))
        super().line(buffer, text[indent:])

    def close(self, buffer: LayoutBuffer, *, preview: bool = False) -> None:
        super().close(buffer, preview=preview)
        if not preview and not self._started:
            buffer.emit_pending_markers()


def _highlighter(info: str) -> LineHighlighter:
    if not info:
        return NoHighlight(TextRole.CODE)
    from termchat.ui.markdown.highlight import highlighter

    return highlighter(info)


class Formula(Code):
    """A display formula, with the lines that open and close it; an empty line ends it as well.

    `done` is True once the closing line was passed to `accepts`.
    """

    def __init__(self, closer: str) -> None:
        super().__init__(NoHighlight(TextRole.MATH))
        self._closer = closer
        self.done = False

    def accepts(self, rest: str, *, whole: bool) -> bool:
        """Return True if the line belongs to the formula; the closing line does, an empty one does not."""
        body = rest.strip(" ")
        self.done = whole and body == self._closer
        return body != ""

    def hidden_in_preview(self, rest: str) -> bool:
        """Return False: an unfinished line of a formula is always shown."""
        return False
