"""Tables: the header and the first rows decide the widths, every later row is final as soon as it is complete."""

from __future__ import annotations

from collections.abc import Sequence

from termchat.core.sanitize import Safe
from termchat.core.style import TextRole
from termchat.ui.markdown import line_syntax
from termchat.ui.markdown.layout import LayoutBuffer
from termchat.ui.text.row import Segment
from termchat.ui.text.width import WIDTHS
from termchat.ui.text.wrap import LineSpace, OpenLine, Wrapper, rstrip

DECIDING = 16
"""So many rows under the header have a say in the widths of the columns."""
_MUCH = 4000
"""Fewer, if they hold more characters than this."""
_LONGEST = 4000
"""A longer row is two rows."""
_NARROWEST = 8
"""A table whose columns would have to be narrower than this is shown as one stanza a row."""
_GAP = 2

Cell = list[Segment]


class Table:
    """A table that is still open: rows come as lines of source."""

    def __init__(self, sheet: LayoutBuffer, header: str, alignments: Sequence[str]) -> None:
        self._alignments = tuple(alignments)
        self._header = self._cells(sheet, header, TextRole.STRONG)
        self._waiting: tuple[list[Cell], ...] = ()
        self._size = 0
        self._widths: tuple[int, ...] | None = None  # as soon as they are decided; none of them: stanzas
        self._shown = 0
        self._text = ""
        self._draft: dict[tuple[int, int], list[OpenLine]] = {}  # what the waiting rows look like, for the preview

    def copy(self) -> Table:
        twin = Table.__new__(Table)
        vars(twin).update(vars(self))
        return twin

    def resize(self, sheet: LayoutBuffer) -> None:
        if self._widths is not None:
            self._widths = _widths([self._header], sheet.line_space.limit(soft=False), sheet)

    def line(self, sheet: LayoutBuffer, text: str) -> None:
        self.more(sheet, text)

    def more(self, sheet: LayoutBuffer, text: str) -> None:
        self._text += text
        while len(self._text) > _LONGEST:
            head, rest = self._text[:_LONGEST], self._text[_LONGEST:]
            self._row(sheet, head)
            self._text = rest

    def end(self, sheet: LayoutBuffer) -> None:
        if self._text:
            self._row(sheet, self._text)
        self._text = ""

    def close(self, sheet: LayoutBuffer, *, preview: bool = False) -> None:
        if self._widths is None:
            self._decide(sheet)

    def _row(self, sheet: LayoutBuffer, text: str) -> None:
        cells = self._cells(sheet, text)
        if self._widths is not None:
            sheet.put(self._lines(sheet, cells, self._widths))
            return
        self._waiting = (*self._waiting, cells)
        self._size += len(text)
        if len(self._waiting) >= DECIDING or self._size > _MUCH:
            self._decide(sheet)

    def _decide(self, sheet: LayoutBuffer) -> None:
        """Fix the widths and let the rows go that waited for them."""
        width = sheet.line_space.limit(soft=False)
        lines = self._draft.get((len(self._waiting), width))
        self._widths = _widths([self._header, *self._waiting], width, sheet)
        if lines is None:
            lines = self._head(sheet, self._widths)
            for cells in self._waiting:
                lines += self._lines(sheet, cells, self._widths)
            self._draft.clear()
            self._draft[len(self._waiting), width] = lines
        self._shown = max(self._shown, len(self._waiting))
        self._waiting = ()
        sheet.begin_box()
        sheet.put(lines)

    def _cells(self, sheet: LayoutBuffer, text: str, *roles: TextRole) -> list[Cell]:
        """A row's cells, as many as there are columns; what is too many stays in the last one."""
        from termchat.ui.markdown.inline import parse

        count = len(self._alignments)
        cells = line_syntax.split_row(text)
        cells[count - 1 :] = [" | ".join(cells[count - 1 :])]
        look = sheet.look
        parsed = [parse(cell, roles, hyperlinks=look.hyperlinks).segments for cell in cells]
        return parsed + [[] for _ in range(count - len(parsed))]

    def _head(self, sheet: LayoutBuffer, widths: tuple[int, ...]) -> list[OpenLine]:
        if not widths:
            return [] if self._waiting else self._names(sheet)
        sign = sheet.look.sign("─", "-")
        rule = [[Segment(Safe(sign * width), (TextRole.MARKER,))] for width in widths]
        return [*self._beside(sheet, self._header, widths), *self._beside(sheet, rule, widths)]

    def _lines(self, sheet: LayoutBuffer, cells: list[Cell], widths: tuple[int, ...]) -> list[OpenLine]:
        if widths:
            return self._beside(sheet, cells, widths)
        return self._stanza(sheet, cells)

    def _beside(self, sheet: LayoutBuffer, cells: list[Cell], widths: tuple[int, ...]) -> list[OpenLine]:
        """A row with its cells side by side, each folded in its column."""
        columns = [_wrapped(sheet, cell, LineSpace(width)) for cell, width in zip(cells, widths, strict=True)]
        height = max(len(column) for column in columns)
        return [self._across(columns, widths, at) for at in range(height or 1)]

    def _across(self, columns: list[list[OpenLine]], widths: tuple[int, ...], at: int) -> OpenLine:
        segments: list[Segment] = []
        blanks = 0
        cells = 0
        for column, width, alignment in zip(columns, widths, self._alignments, strict=True):
            line = column[at] if at < len(column) else OpenLine([], 0, False)
            before = _before(alignment, width - line.cells)
            if line.segments:
                segments += [_blank(blanks + before)] if blanks + before else []
                segments += line.segments
                cells += blanks + before + line.cells
                blanks = -before - line.cells
            blanks += width + _GAP
        return OpenLine(segments, cells, False)

    def _stanza(self, sheet: LayoutBuffer, cells: list[Cell]) -> list[OpenLine]:
        """A row as lines of a name and a value, an empty one between two of them."""
        lines = [OpenLine([], 0, False)] if self._shown else []
        self._shown += 1
        for name, cell in zip(self._header, cells, strict=True):
            colon = [Segment(Safe(": "), (TextRole.STRONG,))] if name else []
            lines += _wrapped(sheet, [*name, *colon, *cell], sheet.line_space)
        return lines

    def _names(self, sheet: LayoutBuffer) -> list[OpenLine]:
        return [line for name in self._header for line in _wrapped(sheet, name, sheet.line_space)]


def _wrapped(sheet: LayoutBuffer, cell: Cell, room: LineSpace) -> list[OpenLine]:
    wrapper = Wrapper(room)
    for segment in cell:
        wrapper.push(segment)
    wrapper.flush()
    return [OpenLine(rstrip(line.segments), line.cells, False) for line in wrapper.lines]


def _blank(cells: int) -> Segment:
    return Segment(Safe(" " * cells))


def _before(alignment: str, room: int) -> int:
    if alignment == ">":
        return max(0, room)
    return max(0, room) // 2 if alignment == "^" else 0


def _widths(rows: Sequence[Sequence[Cell]], width: int, sheet: LayoutBuffer) -> tuple[int, ...]:
    """The columns' widths: what they ask for, or a fair share of the width; nothing if that is too little."""
    measure = WIDTHS.width
    asked = [
        max(1, *(sum(measure(part.text) for part in cell) for cell in column)) for column in zip(*rows, strict=True)
    ]
    room = width - _GAP * (len(asked) - 1)
    if sum(asked) <= room:
        return tuple(asked)
    share = _share(sorted(asked), room)
    if share < _NARROWEST:
        return ()
    widths = [min(each, share) for each in asked]
    for column, each in enumerate(asked):
        more = min(each - widths[column], 1, room - sum(widths))
        widths[column] += max(0, more)
    return tuple(widths)


def _share(asked: list[int], room: int) -> int:
    """The most that every column may have if those that ask for less get that."""
    for index, each in enumerate(asked):
        share = room // (len(asked) - index)
        if each > share:
            return share
        room -= each
    return asked[-1]
