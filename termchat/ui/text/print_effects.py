"""The tables and trees that slash commands print, laid out by rich as styled lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from termchat.core.effects import Print, PrintEffect, PrintTable, PrintTree
from termchat.core.sanitize import Safe
from termchat.core.style import TextRole
from termchat.ui.text.console import render_lines
from termchat.ui.text.fit import text_width, truncate
from termchat.ui.text.line import BLANK, Line, lines_of

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table

_GUIDE = 4  # columns that rich indents a branch by
_NARROWEST_LABEL = 24  # columns; a tree so deep that less would be left is not indented further
_NARROWEST_EXCERPT = 12  # columns
_SEPARATOR = 2  # columns between two cells


def printed_lines(effect: PrintEffect, columns: int, *, signs: bool = True) -> Sequence[Line]:
    """Return the lines that an effect prints on a terminal of `columns` columns; without signs, guides are ASCII."""
    match effect:
        case Print(words, role):
            return lines_of(words, role)
        case PrintTable():
            return table_lines(effect, columns - 1, signs=signs)  # a front end wraps what fills the last column
        case PrintTree():
            return tree_lines(effect, columns - 1, signs=signs)


def table_lines(table: PrintTable, columns: int, *, signs: bool = True) -> tuple[Line, ...]:
    """Lay out a table in at most `columns` columns.

    Where it is too wide, its empty and its optional columns are dropped in their order, and its excerpts are cut; then
    a table of more than two columns is laid out with one value below the other, and a narrower one folds its cells.
    """
    if not table.rows:
        return ()
    width = _natural_width(table)
    if width <= columns or len(table.rows[0]) <= 2:
        return render_lines(_grid(table, columns), columns, signs=signs)
    empty = [n for n in range(len(table.rows[0])) if not any(row[n] for row in table.rows)]
    if dropped := (*empty, *table.optional_columns):
        return table_lines(_without_column(table, dropped[0]), columns, signs=signs)
    if table.excerpt is not None and (cut := _with_cut_excerpts(table, table.excerpt, width - columns)):
        return render_lines(_grid(cut, columns), columns, signs=signs)
    records = [render_lines(_record(table.header, row), columns, signs=signs) for row in table.rows]
    return tuple(line for n, record in enumerate(records) for line in ((BLANK, *record) if n else record))


def tree_lines(tree: PrintTree, columns: int, *, signs: bool = True) -> tuple[Line, ...]:
    """Lay out a tree in at most `columns` columns: each branch is indented, its messages below each other."""
    from rich.text import Text
    from rich.tree import Tree

    deepest = max(1, (columns - _NARROWEST_LABEL) // _GUIDE)
    root = Tree("", hide_root=True, guide_style=TextRole.MARKER)
    parents = [root]  # the innermost branch of each depth
    for branch in tree.branches:
        label = Text("\n", no_wrap=True, overflow="ellipsis").join(
            Text(words, style=TextRole.TEXT if on_path else TextRole.DIM) for words, on_path in branch.lines
        )
        del parents[min(branch.depth, deepest) + 1 :]
        parents.append(parents[-1].add(label))
    return render_lines(root, columns, signs=signs)


def _natural_width(table: PrintTable) -> int:
    from rich.cells import cell_len

    rows = [table.header, *table.rows] if table.header else list(table.rows)
    widths = [max(cell_len(row[n]) for row in rows) for n in range(len(rows[0]))]
    return sum(widths) + _SEPARATOR * (len(widths) - 1)


def _grid(table: PrintTable, columns: int) -> Table:
    from rich.cells import cell_len
    from rich.table import Table
    from rich.text import Text

    grid = Table(
        box=None,
        pad_edge=False,
        padding=(0, _SEPARATOR, 0, 0),
        show_header=bool(table.header),
        header_style=TextRole.DIM,
    )
    titles: Sequence[Safe] = table.header or [Safe("")] * len(table.rows[0])
    for n, title in enumerate(titles):
        whole = n in table.right or max(cell_len(row[n]) for row in table.rows) <= columns // 2
        grid.add_column(
            Text(title),
            justify="right" if n in table.right else "left",
            style="" if n else TextRole.STRONG,
            no_wrap=whole and n < len(titles) - 1,
            overflow="fold",
        )
    for row in table.rows:
        grid.add_row(*map(Text, row))
    return grid


def _record(titles: Sequence[Safe], row: Sequence[Safe]) -> Group:
    """Return a row as lines of its own: its first value, then a line `title: value` for each other."""
    from rich.console import Group
    from rich.padding import Padding
    from rich.text import Text

    names = titles[1:] or [Safe("")] * (len(row) - 1)
    shown = [(name, value) for name, value in zip(names, row[1:], strict=True) if value]
    values = [Text(f"{name}: {value}" if name else value) for name, value in shown]
    head = [Text(row[0], style=TextRole.STRONG)] if row[0] else []
    return Group(*head, Padding(Group(*values), (0, 0, 0, 2)))


def _with_cut_excerpts(table: PrintTable, column: int, by: int) -> PrintTable | None:
    """Return the table with one column narrower `by` columns; None if too little of it would be left."""
    left = max(text_width(row[column]) for row in table.rows) - by
    if left < _NARROWEST_EXCERPT:
        return None
    rows = [(*row[:column], truncate(row[column], left), *row[column + 1 :]) for row in table.rows]
    return replace(table, rows=rows, excerpt=None)


def _without_column(table: PrintTable, column: int) -> PrintTable:
    def cut(row: tuple[Safe, ...]) -> tuple[Safe, ...]:
        return (*row[:column], *row[column + 1 :])

    def moved(numbers: Sequence[int]) -> list[int]:
        return [n - (n > column) for n in numbers if n != column]

    return replace(
        table,
        header=cut(table.header),
        rows=[cut(row) for row in table.rows],
        right=frozenset(moved(tuple(table.right))),
        optional_columns=tuple(moved(table.optional_columns)),
        excerpt=next(iter(moved([] if table.excerpt is None else [table.excerpt])), None),
    )
