"""Lay out tables.

The header and the first rows decide the widths of the columns; they wait until then. Each later row is final as soon as
its line ends. A table too wide for columns is shown as records: one line of name and value for each cell.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from termchat.core.sanitize import Safe
from termchat.core.style import TextRole
from termchat.ui.markdown import line_syntax
from termchat.ui.markdown.layout import LayoutBuffer
from termchat.ui.text.row import Segment
from termchat.ui.text.width import WIDTHS
from termchat.ui.text.wrap import LineSpace, OpenLine, Wrapper, rstrip

DECIDING = 16  # the widths of the columns are decided by the header and at most this many rows
_MUCH = 4000  # characters; by fewer rows if they have more text than this
_LONGEST = 4000  # characters; a longer row is split
_NARROWEST = 8  # cells; a table with a narrower column is shown as records
_GAP = 2  # cells between columns

_WORD = re.compile(r"[^\s\u1100-\uffff]+")  # but no Chinese, Japanese or Korean, which break anywhere

Cell = list[Segment]


class Table:
    """A leaf for a table; each line is a row.

    header       the source of the header row
    alignments   for each column `<`, `>`, `^` or "", as `line_syntax.alignments` returns them
    """

    def __init__(self, buffer: LayoutBuffer, header: str, alignments: Sequence[str]) -> None:
        self._alignments = tuple(alignments)
        self._header = self._cells(buffer, header, TextRole.STRONG)
        self._waiting: tuple[list[Cell], ...] = ()  # rows before the widths are decided
        self._size = 0  # characters of the waiting rows
        self._needs: list[_Need] = []  # of the columns, by the header and the rows that decided
        self._widths: tuple[int, ...] | None = None  # None until they are decided; empty for records
        self._shown = 0  # records laid out
        self._text = ""  # the source of the open row
        # Lines of the waiting rows, by number of rows and width; a copy for a preview shares them.
        self._draft: dict[tuple[int, int], list[OpenLine]] = {}

    def copy(self) -> Table:
        """Return an independent table in the same state."""
        copied = Table.__new__(Table)
        vars(copied).update(vars(self))
        return copied

    def resize(self, buffer: LayoutBuffer) -> None:
        if self._widths:  # records stay records: columns would stand below no names
            self._widths = _widths(self._needs, buffer.line_space.limit(soft=False))

    def line(self, buffer: LayoutBuffer, text: str) -> None:
        self.more(buffer, text)

    def more(self, buffer: LayoutBuffer, text: str) -> None:
        self._text += text
        while len(self._text) > _LONGEST:
            head, rest = self._text[:_LONGEST], self._text[_LONGEST:]
            self._row(buffer, head)
            self._text = rest

    def end(self, buffer: LayoutBuffer) -> None:
        if self._text:
            self._row(buffer, self._text)
        self._text = ""

    def close(self, buffer: LayoutBuffer, *, preview: bool = False) -> None:
        if self._widths is None:
            self._decide(buffer)

    def _row(self, buffer: LayoutBuffer, text: str) -> None:
        cells = self._cells(buffer, text)
        if self._widths is not None:
            buffer.put(self._lines(buffer, cells, self._widths))
            return
        self._waiting = (*self._waiting, cells)
        self._size += len(text)
        if len(self._waiting) >= DECIDING or self._size > _MUCH:
            self._decide(buffer)

    def _decide(self, buffer: LayoutBuffer) -> None:
        """Decide the widths and lay out the rows that waited for them."""
        width = buffer.line_space.limit(soft=False)
        lines = self._draft.get((len(self._waiting), width))
        self._needs = list(map(_need, zip(self._header, *self._waiting, strict=True)))
        self._widths = _widths(self._needs, width)
        if lines is None:
            lines = self._head(buffer, self._widths)
            for cells in self._waiting:
                lines += self._lines(buffer, cells, self._widths)
            self._draft.clear()
            self._draft[len(self._waiting), width] = lines
        self._shown = max(self._shown, len(self._waiting))
        self._waiting = ()
        buffer.begin_box()
        buffer.put(lines)

    def _cells(self, buffer: LayoutBuffer, text: str, *roles: TextRole) -> list[Cell]:
        """Parse a row into one cell for each column; extra cells become part of the last one."""
        from termchat.ui.markdown.inline import parse

        count = len(self._alignments)
        cells = line_syntax.split_row(text)
        cells[count - 1 :] = [" | ".join(cells[count - 1 :])]
        layout = buffer.options
        options = {"hyperlinks": layout.hyperlinks, "math": layout.math, "signs": layout.signs}
        parsed = [parse(cell, roles, **options).segments for cell in cells]
        return parsed + [[] for _ in range(count - len(parsed))]

    def _head(self, buffer: LayoutBuffer, widths: tuple[int, ...]) -> list[OpenLine]:
        if not widths:
            return [] if self._waiting else self._names(buffer)
        sign = buffer.options.sign("─", "-")
        rule = [[Segment(Safe(sign * width), (TextRole.MARKER,))] for width in widths]
        return [*self._beside(buffer, self._header, widths), *self._beside(buffer, rule, widths)]

    def _lines(self, buffer: LayoutBuffer, cells: list[Cell], widths: tuple[int, ...]) -> list[OpenLine]:
        if widths:
            return self._beside(buffer, cells, widths)
        return self._record(buffer, cells)

    def _beside(self, buffer: LayoutBuffer, cells: list[Cell], widths: tuple[int, ...]) -> list[OpenLine]:
        """Lay out a row with its cells side by side, each wrapped to the width of its column."""
        columns = [_wrapped(buffer, cell, LineSpace(width)) for cell, width in zip(cells, widths, strict=True)]
        height = max(len(column) for column in columns)
        return [self._across(columns, widths, at) for at in range(height or 1)]

    def _across(self, columns: list[list[OpenLine]], widths: tuple[int, ...], at: int) -> OpenLine:
        segments: list[Segment] = []
        blanks = 0
        cells = 0
        for column, width, alignment in zip(columns, widths, self._alignments, strict=True):
            line = column[at] if at < len(column) else OpenLine([], 0, False)
            before = _padding(alignment, width - line.cells)
            if line.segments:
                segments += [_blank(blanks + before)] if blanks + before else []
                segments += line.segments
                cells += blanks + before + line.cells
                blanks = -before - line.cells
            blanks += width + _GAP
        return OpenLine(segments, cells, False)

    def _record(self, buffer: LayoutBuffer, cells: list[Cell]) -> list[OpenLine]:
        """Lay out a row as a record of `name: value` lines; an empty line separates records."""
        lines = [OpenLine([], 0, False)] if self._shown else []
        self._shown += 1
        for name, cell in zip(self._header, cells, strict=True):
            colon = [Segment(Safe(": "), (TextRole.STRONG,))] if name else []
            lines += _wrapped(buffer, [*name, *colon, *cell], buffer.line_space)
        return lines

    def _names(self, buffer: LayoutBuffer) -> list[OpenLine]:
        return [line for name in self._header for line in _wrapped(buffer, name, buffer.line_space)]


def _wrapped(buffer: LayoutBuffer, cell: Cell, space: LineSpace) -> list[OpenLine]:
    wrapper = Wrapper(space)
    for segment in cell:
        wrapper.push(segment)
    wrapper.flush()
    return [OpenLine(rstrip(line.segments), line.cells, False) for line in wrapper.lines]


def _blank(cells: int) -> Segment:
    return Segment(Safe(" " * cells))


def _padding(alignment: str, free: int) -> int:
    if alignment == ">":
        return max(0, free)
    return max(0, free) // 2 if alignment == "^" else 0


class _Need(NamedTuple):
    """Needs of a column in cells: the width of its widest cell, and of its longest word."""

    cell: int
    word: int


def _need(column: Sequence[Cell]) -> _Need:
    return _Need(max(1, *map(_cells, column)), max(map(_longest_word, column)))


def _widths(needs: Sequence[_Need], width: int) -> tuple[int, ...]:
    """Return the widths of the columns in cells; empty if a column would be narrower than _NARROWEST.

    A column is as wide as its widest cell. If all columns together are too wide, the wide ones get equal shares, and
    more where a word needs it and the others have room.
    """
    wanted, words = [need.cell for need in needs], [need.word for need in needs]
    free = width - _GAP * (len(wanted) - 1)
    if sum(wanted) <= free:
        return tuple(wanted)
    share = _share(wanted, words, free)
    if share < _NARROWEST:
        words = [0] * len(wanted)
        share = _share(wanted, words, free)
    if share < _NARROWEST:
        return ()
    widths = [min(each, max(word, share)) for each, word in zip(wanted, words, strict=True)]
    for column, each in enumerate(wanted):
        more = min(each - widths[column], 1, free - sum(widths))
        widths[column] += max(0, more)
    return tuple(widths)


def _share(wanted: Sequence[int], words: Sequence[int], free: int) -> int:
    """Return the largest width of the wide columns with which all fit into `free` cells, 0 if none does."""

    def fits(share: int) -> bool:
        return sum(min(each, max(word, share)) for each, word in zip(wanted, words, strict=True)) <= free

    share = free // len(wanted)
    if not fits(share):
        share = 0
    while fits(share + 1):
        share += 1
    return share


def _cells(cell: Cell) -> int:
    return sum(WIDTHS.width(part.text) for part in cell)


def _longest_word(cell: Cell) -> int:
    """Return the cells of the longest word; text between whose characters a line may break has none."""
    return max((WIDTHS.width(Safe(word)) for word in _WORD.findall("".join(part.text for part in cell))), default=0)
