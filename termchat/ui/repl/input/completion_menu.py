"""Command menu: completions of the input, and the marked row."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from termchat.commands.registry import MenuItem
from termchat.core.sanitize import Safe
from termchat.core.style import TextRole
from termchat.ui.text.fit import text_width, truncate
from termchat.ui.text.line import Line
from termchat.ui.text.row import Segment

_ROWS = 8
_READABLE = 14  # columns, the least for a readable text


class CompletionMenu:
    """The menu, open while there are items; Esc closes it until the text changes."""

    def __init__(self, offer: Callable[[str], Sequence[MenuItem]]) -> None:
        self._offer = offer
        self.items: Sequence[MenuItem] = ()
        self._at = 0
        self._moved = False

    @property
    def is_open(self) -> bool:
        return bool(self.items)

    @property
    def marked(self) -> MenuItem:
        return self.items[self._at]

    @property
    def chosen(self) -> bool:
        """Return True if the user moved the marker."""
        return self._moved

    def update(self, text: str) -> None:
        """Offer the completions of `text`."""
        self.items = self._offer(text)
        self._at, self._moved = 0, False

    def close(self) -> None:
        self.items = ()

    def move(self, by: int) -> None:
        self._at = (self._at + by) % len(self.items)
        self._moved = True

    def lines(self, columns: int) -> Sequence[Line]:
        start = max(0, min(self._at - _ROWS // 2, len(self.items) - _ROWS))
        shown = range(start, min(len(self.items), start + _ROWS))
        width = min(max((text_width(self.items[n].label) for n in shown), default=0), max(_READABLE, columns // 2))
        return [self._row(self.items[n], width, columns, marked=n == self._at) for n in shown]

    def _row(self, item: MenuItem, width: int, columns: int, *, marked: bool) -> Line:
        label = truncate(item.label, width)
        pad = " " * max(0, width - text_width(label))
        room = columns - 5 - width
        detail = truncate(item.detail, room) if room >= _READABLE else ""
        return (
            Segment(Safe("❯ " if marked else "  "), (TextRole.ACCENT,)),
            Segment(label, (TextRole.STRONG,) if marked else ()),
            Segment(Safe(f"{pad}  {detail}" if detail else ""), (TextRole.DIM,)),
        )
