"""Lay out code: a line is final as soon as it ends, and wraps only where the terminal wraps it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from termchat.core.sanitize import Safe
from termchat.core.style import TextRole
from termchat.ui.markdown.layout import LayoutBuffer
from termchat.ui.text.row import Segment
from termchat.ui.text.width import WIDTHS
from termchat.ui.text.wrap import OpenLine, Wrapper, merge_graphemes

LONGEST = 1000  # characters; a longer line is not highlighted, because its rows become final before it ends


class LineHighlighter(Protocol):
    """Highlights the lines of one text in their order, and keeps the state of the lexer between them."""

    def line(self, text: str) -> list[Segment]:
        """Return the segments of the next line, which comes without its line end."""
        ...

    def copy(self) -> LineHighlighter:
        """Return an independent highlighter in the same state."""
        ...


def header_line(header: tuple[str, int], buffer: LayoutBuffer) -> OpenLine:
    """Return the line above a code block, `python · 1`: its language, and the number by which /copy takes it."""
    language, number = header
    words = f"{language or 'code'} {buffer.options.sign('·', '-')} {number}"
    if WIDTHS.width(words) > buffer.line_space.limit(soft=False):
        words = str(number)
    return OpenLine([Segment(Safe(words), (TextRole.DIM,))], WIDTHS.width(words), False)


class NoHighlight:
    """Gives all text the same role."""

    def __init__(self, role: TextRole) -> None:
        self._role = role

    def line(self, text: str) -> list[Segment]:
        """Return the line as one segment, or no segment for an empty line."""
        return [Segment(Safe(text), (self._role,))] if text else []

    def copy(self) -> NoHighlight:
        """Return the same object, as it has no state."""
        return self


class Code:
    """A leaf for the lines of a fence, an indented code block or a formula."""

    def __init__(self, highlighter: LineHighlighter) -> None:
        self._highlighter = highlighter
        self._text = ""  # the open line, as long as it may be highlighted
        self._wrapper: Wrapper | None = None  # for an open line that is too long to be highlighted
        self._open = False
        self._started = False
        self._header: tuple[str, int] | None = None  # the language and the number of a block that /copy finds

    def copy(self) -> Code:
        """Return an independent block in the same state."""
        copied = self.__class__.__new__(self.__class__)
        wrapper = self._wrapper.copy() if self._wrapper else None
        vars(copied).update(vars(self), _highlighter=self._highlighter.copy(), _wrapper=wrapper)
        return copied

    def line(self, buffer: LayoutBuffer, text: str) -> None:
        self.more(buffer, text)

    def more(self, buffer: LayoutBuffer, text: str) -> None:
        self._open = True
        if self._wrapper is None:
            self._text += text
            if len(self._text) <= LONGEST:
                return
            text, self._text = self._text, ""
            self._wrapper = Wrapper(buffer.line_space)
        self._wrapper.stream(text, (TextRole.CODE,))
        self._emit(buffer, self._wrapper)

    def end(self, buffer: LayoutBuffer) -> None:
        if not self._open:
            return
        self._open = False
        if self._wrapper:
            self._wrapper.flush()
            self._put(buffer, self._wrapper.lines)
            self._highlighter.line("")
        else:
            self._put(buffer, self._folded(buffer, self._text.rstrip()))
        self._text, self._wrapper = "", None

    def resize(self, buffer: LayoutBuffer) -> None:
        if self._wrapper:
            self._wrapper.resize(buffer.line_space)
            self._emit(buffer, self._wrapper)

    def close(self, buffer: LayoutBuffer, *, preview: bool = False) -> None:
        self.end(buffer)

    def _folded(self, buffer: LayoutBuffer, text: str) -> list[OpenLine]:
        wrapper = Wrapper(buffer.line_space)
        for segment in merge_graphemes(self._highlighter.line(text)):
            wrapper.push_unbroken(segment)
        wrapper.flush()
        return wrapper.lines or [OpenLine([], 0, False)]

    def _emit(self, buffer: LayoutBuffer, wrapper: Wrapper) -> None:
        """Add the finished rows of a line that is too long to be highlighted."""
        self._put(buffer, wrapper.lines)
        wrapper.lines.clear()

    def _put(self, buffer: LayoutBuffer, lines: Iterable[OpenLine]) -> None:
        if not self._started:
            self._started = True
            buffer.begin_box()
            if self._header and buffer.options.headers:
                buffer.put([header_line(self._header, buffer)])
        buffer.put(lines)


class Indented(Code):
    """An indented code block; blank lines belong to it only if more code follows."""

    def __init__(self) -> None:
        super().__init__(NoHighlight(TextRole.CODE))
        self._skipped = 0

    def blank(self) -> None:
        """Hold a blank line until more code follows."""
        self._skipped += 1

    def line(self, buffer: LayoutBuffer, text: str) -> None:
        if self._skipped:
            self._put(buffer, [OpenLine([], 0, False)] * self._skipped)
            self._skipped = 0
        super().line(buffer, text)
