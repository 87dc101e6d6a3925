"""Code: every line is final as soon as it ends, and wrapped by the terminal alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from termchat.core.sanitize import Safe
from termchat.core.style import TextRole
from termchat.ui.markdown.layout import LayoutBuffer
from termchat.ui.text.row import Segment
from termchat.ui.text.wrap import OpenLine, Wrapper, merge_graphemes

LONGEST = 1000
"""A longer line is not highlighted: its rows are final while it is still arriving."""


class LineHighlighter(Protocol):
    """Colours lines of code, one after another, each with what the lines before it have opened."""

    def line(self, text: str) -> list[Segment]:
        """The line in its colours."""
        ...

    def copy(self) -> LineHighlighter:
        """The same state, independent."""
        ...


class NoHighlight:
    """All text in one role."""

    def __init__(self, role: TextRole) -> None:
        self._role = role

    def line(self, text: str) -> list[Segment]:
        return [Segment(Safe(text), (self._role,))] if text else []

    def copy(self) -> NoHighlight:
        return self


class Code:
    """The lines of a fence, an indented code block or a formula."""

    def __init__(self, painter: LineHighlighter) -> None:
        self._painter = painter
        self._text = ""  # the open line, as long as it may be highlighted
        self._wrapper: Wrapper | None = None  # of an open line that is too long for it
        self._open = False
        self._started = False

    def copy(self) -> Code:
        twin = self.__class__.__new__(self.__class__)
        wrapper = self._wrapper.copy() if self._wrapper else None
        vars(twin).update(vars(self), _painter=self._painter.copy(), _wrapper=wrapper)
        return twin

    def line(self, sheet: LayoutBuffer, text: str) -> None:
        self.more(sheet, text)

    def more(self, sheet: LayoutBuffer, text: str) -> None:
        self._open = True
        if self._wrapper is None:
            self._text += text
            if len(self._text) <= LONGEST:
                return
            text, self._text = self._text, ""
            self._wrapper = Wrapper(sheet.line_space)
        self._wrapper.stream(text, (TextRole.CODE,))
        self._emit(sheet, self._wrapper)

    def end(self, sheet: LayoutBuffer) -> None:
        if not self._open:
            return
        self._open = False
        if self._wrapper:
            self._wrapper.flush()
            self._put(sheet, self._wrapper.lines)
            self._painter.line("")
        else:
            self._put(sheet, self._folded(sheet, self._text.rstrip()))
        self._text, self._wrapper = "", None

    def resize(self, sheet: LayoutBuffer) -> None:
        if self._wrapper:
            self._wrapper.resize(sheet.line_space)
            self._emit(sheet, self._wrapper)

    def close(self, sheet: LayoutBuffer, *, preview: bool = False) -> None:
        self.end(sheet)

    def _folded(self, sheet: LayoutBuffer, text: str) -> list[OpenLine]:
        wrapper = Wrapper(sheet.line_space)
        for segment in merge_graphemes(self._painter.line(text)):
            wrapper.push_unbroken(segment)
        wrapper.flush()
        return wrapper.lines or [OpenLine([], 0, False)]

    def _emit(self, sheet: LayoutBuffer, wrapper: Wrapper) -> None:
        """What is laid out of a very long line is final."""
        self._put(sheet, wrapper.lines)
        wrapper.lines.clear()

    def _put(self, sheet: LayoutBuffer, lines: Iterable[OpenLine]) -> None:
        if not self._started:
            self._started = True
            sheet.begin_box()
        sheet.put(lines)


class Indented(Code):
    """An indented code block: blank lines belong to it only if more code follows."""

    def __init__(self) -> None:
        super().__init__(NoHighlight(TextRole.CODE))
        self._skipped = 0

    def blank(self) -> None:
        self._skipped += 1

    def line(self, sheet: LayoutBuffer, text: str) -> None:
        if self._skipped:
            self._put(sheet, [OpenLine([], 0, False)] * self._skipped)
            self._skipped = 0
        super().line(sheet, text)
