"""Print tables and JSON; rich lays out the tables and is imported when the first one is printed."""

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import NamedTuple

from termchat.core.sanitize import EMPTY, Safe, escape_json
from termchat.ui.stderr import print_stdout

_DEFAULT_WIDTH = 80  # columns, for a terminal that reports no size


class Fit(Enum):
    """The way a column shrinks when the table is wider than the terminal."""

    WHOLE = "whole"  # shrinks after all other columns; then folds, or is cut if it is right-aligned
    CUT = "cut"  # a cell that is too long ends in an ellipsis
    FOLD = "fold"  # a cell that is too long continues on the next line


class Column(NamedTuple):
    """A column of a table.

    title   the heading; empty for none
    right   True to align cells to the right
    fit     the way the column shrinks
    """

    title: Safe = EMPTY
    right: bool = False
    fit: Fit = Fit.WHOLE

    @property
    def one_line(self) -> bool:
        """True if a cell is cut instead of folded; a folded number would be misread."""
        return self.right or self.fit is Fit.CUT


def terminal_width() -> int:
    """Return the width of standard output in columns.

    Raises OSError if standard output is not a terminal.
    """
    return os.get_terminal_size(sys.stdout.fileno()).columns or _DEFAULT_WIDTH


def print_json(rows: Iterable[Mapping[str, object]]) -> None:
    """Print a JSON array on standard output: any text keeps its value, and none controls a terminal."""
    print_stdout(escape_json(json.dumps(list(rows), ensure_ascii=False, indent=1)) + "\n")


def print_table(columns: Sequence[Column], rows: Iterable[Sequence[Safe]]) -> None:
    """Print a table no wider than the terminal on standard output.

    Each row has one cell for each column; ValueError otherwise. The titles are printed if any column has one.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=any(c.title for c in columns))
    for column in columns:
        table.add_column(
            Text(column.title), justify="right" if column.right else "left", no_wrap=column.fit is Fit.WHOLE
        )
    for row in rows:
        table.add_row(
            *(
                Text(text, no_wrap=column.one_line, overflow="ellipsis" if column.one_line else "fold")
                for text, column in zip(row, columns, strict=True)
            )
        )
    console = Console(width=terminal_width(), color_system=None, highlight=False, markup=False, emoji=False)
    with console.capture() as captured:
        console.print(table)
    print_stdout("".join(f"{line.rstrip()}\n" for line in captured.get().splitlines()))
