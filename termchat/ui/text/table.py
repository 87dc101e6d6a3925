"""Small tables of our own words: columns under each other, one value below the other where that is too wide."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from termchat.core.effects import PrintTable
from termchat.core.sanitize import Safe
from termchat.core.style import TextRole
from termchat.ui.text.fit import text_width
from termchat.ui.text.line import BLANK, Line, styled_line
from termchat.ui.text.row import Segment

_GAP = 2


def table_lines(table: PrintTable, columns: int) -> tuple[Line, ...]:
    """The table as lines no wider than the screen, where its words allow."""
    rows = [table.header, *table.rows] if table.header else list(table.rows)
    widths = [max(text_width(row[n]) for row in rows) for n in range(len(rows[0]))] if rows else []
    if sum(widths) + _GAP * (len(widths) - 1) >= columns and len(widths) > 2:
        return (
            table_lines(_without(table, table.optional_columns[0]), columns)
            if table.optional_columns
            else _stanzas(table)
        )
    lines = [_row(row, widths, table.right, TextRole.TEXT) for row in table.rows]
    head = [_row(table.header, widths, table.right, TextRole.DIM)] if table.header else []
    return (*head, *lines)


def _without(table: PrintTable, column: int) -> PrintTable:
    """The table with one column less."""

    def left(row: tuple[Safe, ...]) -> tuple[Safe, ...]:
        return (*row[:column], *row[column + 1 :])

    def moved(numbers: Iterable[int]) -> Iterator[int]:
        return (n - (n > column) for n in numbers if n != column)

    rows = [left(row) for row in table.rows]
    return PrintTable(left(table.header), rows, frozenset(moved(table.right)), tuple(moved(table.optional_columns)))


def _row(row: Sequence[Safe], widths: Sequence[int], right: frozenset[int], role: TextRole) -> Line:
    segments: list[Segment] = []
    for n, word in enumerate(row):
        space = " " * (widths[n] - text_width(word))
        last = n == len(row) - 1
        text = f"{space}{word}" if n in right else f"{word}{'' if last else space}"
        looks = (role,) if role is TextRole.DIM else (TextRole.STRONG,) if n == 0 else ()
        segments.append(Segment(Safe(text if last else text + " " * _GAP), looks))
    return tuple(segments)


def _stanzas(table: PrintTable) -> tuple[Line, ...]:
    """Each row as a few lines: its first value, then `name: value`."""
    lines: list[Line] = []
    for row in table.rows:
        lines += [BLANK] if lines else []
        lines.append(styled_line(row[0], TextRole.STRONG))
        names = table.header[1:] or [Safe("")] * (len(row) - 1)
        for name, word in zip(names, row[1:], strict=True):
            lines.append(styled_line(Safe(f"  {name}: {word}" if name else f"  {word}")))
    return tuple(lines)
