"""Print tables on a terminal, laid out by rich, which is imported only when a table is printed."""

import os
import sys
from collections.abc import Iterable, Sequence
from enum import Enum
from typing import NamedTuple

from termchat.core.sanitize import EMPTY, Safe
from termchat.ui.stderr import print_stdout

_DEFAULT_WIDTH = 80  # columns, for a terminal that reports no size


class Fit(Enum):
    """The way a column shrinks when the table is wider than the terminal."""

    WHOLE = "whole"  # after all other columns; then it folds, or is cut if it is right-aligned
    CUT = "cut"  # ends in an ellipsis
    FOLD = "fold"  # continues on the next line: nothing of it is lost


class Column(NamedTuple):
    """A column: its title, its alignment, and how it gives way."""

    title: Safe = EMPTY
    right: bool = False
    fit: Fit = Fit.WHOLE

    @property
    def one_line(self) -> bool:
        """True if a cell is cut rather than folded; a folded number would be misread."""
        return self.right or self.fit is Fit.CUT


def terminal_width() -> int:
    """The width of standard output in columns."""
    return os.get_terminal_size(sys.stdout.fileno()).columns or _DEFAULT_WIDTH


def print_table(columns: Sequence[Column], rows: Iterable[Sequence[Safe]]) -> None:
    """Print rows, one cell a column, no wider than the terminal; titles come first if any column has one."""
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
