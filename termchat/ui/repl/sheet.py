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
_GAP = 2


def sheet_lines(columns: int) -> Sequence[Line]:
    """At most eight rows; the columns that do not fit are left out, the most used keys are in the first."""
    groups = [KEYS[start : start + _ROWS] for start in range(0, len(KEYS), _ROWS)]
    rows: list[list[Segment]] = [[] for _ in range(_ROWS)]
    used = 0
    for group in groups:
        names = max(cells(key.shown) for key in group)
        width = min(names + 1 + max(cells(key.help) for key in group), max(20, columns - 1))
        if used and used + width >= columns:
            break
        for at in range(_ROWS):
            if at < len(group):
                name = Safe(group[at].shown.ljust(names + 1))
                words = cut(group[at].help, width - names - 1)
                pad = " " * (width + _GAP - names - 1 - cells(words))
                rows[at] += [Segment(name, (Role.ACCENT,)), Segment(Safe(words + pad), (Role.DIM,))]
        used += width + _GAP
    return [tuple(row) for row in rows if row]
