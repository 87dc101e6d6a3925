"""Menu below the input: commands, and files of a mention; the marked row."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from termchat.commands.registry import MenuItem
from termchat.core.sanitize import Safe
from termchat.core.style import TextRole
from termchat.ui.text.fit import text_width, truncate, truncate_middle
from termchat.ui.text.line import Line
from termchat.ui.text.row import Segment

_ROWS = 8
_FILE_ROWS = 10
_READABLE = 14  # columns, the least for a readable text


class CompletionMenu:
    """The menu, open while there are items; Esc closes it until the text changes."""

    def __init__(self, offer: Callable[[str], Sequence[MenuItem]], closed: Callable[[], None] = lambda: None) -> None:
        """Create a closed menu; `closed` is called when it closes by itself."""
        self._offer = offer
        self._on_closed = closed
        self._offer_mentions: Callable[[], Sequence[MenuItem]] = lambda: ()
        self.items: Sequence[MenuItem] = ()
        self._at = 0
        self._moved = False
        self._begun = True
        self._closed = False

    def complete_mentions(self, offer: Callable[[], Sequence[MenuItem]]) -> None:
        """Offer these rows where the input is no command."""
        self._offer_mentions = offer

    def extended(self) -> None:
        """Offer the rows of a mention again: there may be more now. The marked row stays marked."""
        if self._closed or (self.is_open and self.marked.cursor is None):
            return
        marked, was_open = self.marked if self.is_open and self._moved else None, self.is_open
        self.items = self._offer_mentions()
        if was_open and not self.is_open:
            self._on_closed()
        if marked and marked in self.items:
            self._at = list(self.items).index(marked)
        else:
            self._at, self._moved = 0, False

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

    @property
    def by_enter(self) -> bool:
        """Return True if Enter accepts the marked row: the user moved to it, or typed a part of it.

        An argument that has not begun chooses nothing: `/drop ` and Enter must not drop the first message.
        """
        return self._moved or (self._begun and not self.marked.by_tab)

    def update(self, text: str) -> None:
        """Offer the completions of `text`."""
        self.items = self._offer(text) or self._offer_mentions()
        self._at, self._moved, self._closed = 0, False, False
        self._begun = not (self.is_open and self.marked.cursor is None and text[-1:].isspace())

    def close(self) -> None:
        self.items, self._closed = (), True

    def move(self, by: int) -> None:
        if self.by_enter:
            self._at = (self._at + by) % len(self.items)
        else:  # no row is marked yet
            self._at = 0 if by > 0 else len(self.items) - 1
        self._moved = True

    def page_up(self) -> None:
        """Move the marker up by the rows that are shown, to the first row at most."""
        self._at, self._moved = max(0, self._at - self._page), True

    def page_down(self) -> None:
        """Move the marker down by the rows that are shown, to the last row at most."""
        self._at, self._moved = min(self._at + self._page, len(self.items) - 1), True

    @property
    def _page(self) -> int:
        return _FILE_ROWS if self.is_open and self.marked.cursor is not None else _ROWS

    def lines(self, columns: int) -> Sequence[Line]:
        rows = self._page
        start = max(0, min(self._at - rows // 2, len(self.items) - rows))
        shown = range(start, min(len(self.items), start + rows))
        width = min(max((text_width(self.items[n].label) for n in shown), default=0), max(_READABLE, columns // 2))
        return [self._row(self.items[n], width, columns, marked=n == self._at and self.by_enter) for n in shown]

    def _row(self, item: MenuItem, width: int, columns: int, *, marked: bool) -> Line:
        label = (truncate if item.cursor is None else truncate_middle)(item.label, width)
        pad = " " * max(0, width - text_width(label))
        room = columns - 5 - width
        detail = truncate(item.detail, room) if room >= _READABLE else ""
        return (
            Segment(Safe("❯ " if marked else "  "), (TextRole.ACCENT,)),
            Segment(label, (TextRole.STRONG,) if marked else ()),
            Segment(Safe(f"{pad}  {detail}" if detail else ""), (TextRole.DIM,)),
        )
