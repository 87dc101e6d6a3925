"""Key sheet: the table of keys in as many columns as fit."""

from __future__ import annotations

from collections.abc import Sequence

from termchat.config.keys.key_bindings import KeyMap
from termchat.core.sanitize import Safe, safe_format
from termchat.core.style import TextRole
from termchat.ui.text.fit import text_width, truncate
from termchat.ui.text.line import Line
from termchat.ui.text.row import Segment

_ROWS = 8
_COLUMN = 39  # a narrower one would cut words


class KeyHelp:
    """The key sheet: `shown` until any key closes it."""

    def __init__(self) -> None:
        self.shown = False

    def open(self) -> None:
        self.shown = True

    def close(self) -> bool:
        """Hide the sheet; return True if it was shown."""
        was_shown, self.shown = self.shown, False
        return was_shown


def key_help_lines(keys: KeyMap, columns: int) -> Sequence[Line]:
    """Return at most eight rows, most used keys first; a key of the user has a star.

    If keys are left out, the last cell names /keys.
    """
    bound = [binding for binding in keys.bindings if binding.keys]
    wanted = -(-len(bound) // _ROWS)
    fitting = max(1, min(wanted, (columns - 1) // _COLUMN))
    width = (columns - 1) // fitting
    entries = [(keys.marked(key.action, key.label), key.help) for key in bound]
    if len(entries) > fitting * _ROWS:
        entries[fitting * _ROWS - 1 :] = [(safe_format("/keys"), safe_format("show all keys"))]
    rows: list[list[Segment]] = [[] for _ in range(_ROWS)]
    for first in range(0, len(entries), _ROWS):
        group = entries[first : first + _ROWS]
        names = max(text_width(shown) for shown, _ in group) + 1
        for row, (shown, help_) in zip(rows, group, strict=False):
            words = truncate(help_, width - names - 1)
            pad = " " * max(0, width - names - text_width(words))
            row += [Segment(Safe(shown.ljust(names)), (TextRole.ACCENT,)), Segment(Safe(words + pad), (TextRole.DIM,))]
    return [tuple(row) for row in rows if row]
