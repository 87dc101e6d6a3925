"""The key sheet: the table of keys in as many columns as fit, for `?`."""

from __future__ import annotations

from collections.abc import Sequence

from termchat.config.keys import KEYS
from termchat.core.sanitize import Safe
from termchat.core.style import Role
from termchat.ui.blocks import Line
from termchat.ui.cells import cells, cut
from termchat.ui.markdown.row import Segment

_ROWS = 8
_COLUMN = 37  # a narrower one would cut most of the words


def sheet_lines(columns: int) -> Sequence[Line]:
    """At most eight rows; the columns that do not fit are left out, the most used keys are in the first."""
    wanted = -(-len(KEYS) // _ROWS)
    fitting = max(1, min(wanted, (columns - 1) // _COLUMN))
    width = (columns - 1) // fitting
    rows: list[list[Segment]] = [[] for _ in range(_ROWS)]
    for first in range(0, fitting * _ROWS, _ROWS):
        group = KEYS[first : first + _ROWS]
        names = max(cells(key.shown) for key in group) + 1
        for row, key in zip(rows, group, strict=False):
            words = cut(key.help, width - names - 1)
            pad = " " * max(0, width - names - cells(words))
            row += [Segment(Safe(key.shown.ljust(names)), (Role.ACCENT,)), Segment(Safe(words + pad), (Role.DIM,))]
    return [tuple(row) for row in rows if row]
