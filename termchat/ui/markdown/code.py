"""Code: every line is final as soon as it ends, and wrapped by the terminal alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from termchat.core.sanitize import Safe
from termchat.core.style import TextRole
from termchat.ui.markdown.layout import Sheet
from termchat.ui.text.row import Segment
from termchat.ui.text.wrap import Line, Wrapper, glued

LONGEST = 1000
"""A longer line is not highlighted: its rows are final while it is still arriving."""


class Painter(Protocol):
    """Colours lines of code, one after another, each with what the lines before it have opened."""

    def line(self, text: str) -> list[Segment]:
        """The line in its colours."""
        ...

    def copy(self) -> Painter:
        """The same state, independent."""
        ...


class Flat:
    """All text in one role."""

    def __init__(self, role: TextRole) -> None:
        self._role = role

    def line(self, text: str) -> list[Segment]:
        return [Segment(Safe(text), (self._role,))] if text else []

    def copy(self) -> Flat:
        return self


class Code:
    """The lines of a fence, an indented code block or a formula."""

    def __init__(self, painter: Painter) -> None:
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

    def line(self, sheet: Sheet, text: str) -> None:
        self.more(sheet, text)

    def more(self, sheet: Sheet, text: str) -> None:
        self._open = True
        if self._wrapper is None:
            self._text += text
            if len(self._text) <= LONGEST:
                return
            text, self._text = self._text, ""
            self._wrapper = Wrapper(sheet.look.cells, sheet.room)
        self._wrapper.stream(text, (TextRole.CODE,))
        self._emit(sheet, self._wrapper)

    def end(self, sheet: Sheet) -> None:
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

    def resize(self, sheet: Sheet) -> None:
        if self._wrapper:
            self._wrapper.resize(sheet.room)
            self._emit(sheet, self._wrapper)

    def close(self, sheet: Sheet, *, preview: bool = False) -> None:
        self.end(sheet)

    def _folded(self, sheet: Sheet, text: str) -> list[Line]:
        wrapper = Wrapper(sheet.look.cells, sheet.room)
        for segment in glued(self._painter.line(text)):
            wrapper.fold(segment)
        wrapper.flush()
        return wrapper.lines or [Line([], 0, False)]

    def _emit(self, sheet: Sheet, wrapper: Wrapper) -> None:
        """What is laid out of a very long line is final."""
        self._put(sheet, wrapper.lines)
        wrapper.lines.clear()

    def _put(self, sheet: Sheet, lines: Iterable[Line]) -> None:
        if not self._started:
            self._started = True
            sheet.box()
        sheet.put(lines)


class Indented(Code):
    """An indented code block: blank lines belong to it only if more code follows."""

    def __init__(self) -> None:
        super().__init__(Flat(TextRole.CODE))
        self._skipped = 0

    def blank(self) -> None:
        self._skipped += 1

    def line(self, sheet: Sheet, text: str) -> None:
        if self._skipped:
            self._put(sheet, [Line([], 0, False)] * self._skipped)
            self._skipped = 0
        super().line(sheet, text)
