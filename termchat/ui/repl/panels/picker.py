"""The picker: a list below the transcript, filtered by typing; the draft stays as it is meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from prompt_toolkit.buffer import Buffer

from termchat.core.effects import Choice, Effect
from termchat.core.sanitize import EMPTY, Safe, safe_format
from termchat.core.style import TextRole
from termchat.ui.text.fit import text_width, truncate
from termchat.ui.text.line import Line, styled_line
from termchat.ui.text.row import Segment

_ROWS = 10
_LOWEST = 6  # rows of a screen that has room for more than the marked choice


class Picker:
    """Open while `choices` is not None. `filter` is the buffer that typing goes to.

    took     told the number of the choice that is taken, where taking it is not a matter of its effects
    marked   told the choice the marker stands on, whenever that is another one
    left     called when nothing is taken
    find     the places of the choices that match what was typed, where the words of a row are not enough to tell
    foot     lines below the choices
    tab      what Tab does, None when it does nothing
    """

    def __init__(self) -> None:
        self.filter = Buffer(multiline=False, on_text_changed=lambda _: self._filtered())
        self.choices: Sequence[Choice] | None = None
        self.on_accept: Callable[[int], None] | None = None
        self.on_highlight: Callable[[Choice], None] | None = None
        self.on_cancel: Callable[[], None] | None = None
        self.search: Callable[[str], Sequence[int]] | None = None
        self.footer: Sequence[Line] = ()
        self.tab: Callable[[], None] | None = None
        self._told: Choice | None = None
        self._title = EMPTY
        self._note = EMPTY
        self._at = 0

    @property
    def is_open(self) -> bool:
        return self.choices is not None

    def open(
        self,
        title: Safe,
        choices: Sequence[Choice],
        query: str = "",
        note: Safe = EMPTY,
        took: Callable[[int], None] | None = None,
        at: int = 0,
        marked: Callable[[Choice], None] | None = None,
        left: Callable[[], None] | None = None,
        find: Callable[[str], Sequence[int]] | None = None,
    ) -> None:
        self.on_accept, self.on_highlight, self.on_cancel, self.search = took, None, None, find
        self._title, self.choices, self._note = title, choices, note
        self.filter.reset()
        self.filter.insert_text(query)
        self._at, self.on_highlight, self.on_cancel = at, marked, left
        self._tell()

    def extend(self, choices: Sequence[Choice], note: Safe = EMPTY) -> None:
        """More choices have become known; what is marked stays marked."""
        if self.choices is None:
            return
        known = {choice.label for choice in self.choices}
        self.choices = [*self.choices, *(choice for choice in choices if choice.label not in known)]
        self._note = note

    def refill(self, choices: Sequence[Choice], note: Safe) -> None:
        """Other choices in the place of those there were; the first one is marked."""
        self.choices, self._note, self._at, self.footer = choices, note, 0, ()
        self._tell()

    def is_marked(self, choice: Choice) -> bool:
        """Whether the marker still stands on this choice."""
        shown = self.shown()
        return bool(shown) and shown[self._at] is choice

    def close(self) -> None:
        """Nothing is taken."""
        left, self.on_cancel, self.on_highlight = self.on_cancel, None, None
        self.choices, self.footer, self.tab, self._told = None, (), None, None
        self.filter.reset()
        if left:
            left()

    def move(self, by: int) -> None:
        if shown := self.shown():
            self._at = (self._at + by) % len(shown)
            self._tell()

    def _tell(self) -> None:
        shown = self.shown()
        if self.on_highlight and shown and shown[self._at] is not self._told:
            self._told = shown[self._at]
            self.on_highlight(self._told)

    def taken(self) -> Sequence[Effect]:
        """The marked choice is taken: what it does. The picker is closed."""
        shown, took, choices = self.shown(), self.on_accept, list(self.choices or ())
        marked = shown[self._at] if shown else None
        self.on_cancel = self.on_cancel if marked is None else None
        self.close()
        if marked is None:
            return ()
        if took:
            took(next(n for n, choice in enumerate(choices) if choice is marked))
            return ()
        return marked.effects

    def shown(self) -> list[Choice]:
        """The choices that match what was typed: every word somewhere in the row."""
        if self.search:
            return [self.choices[n] for n in self.search(self.filter.text)] if self.choices else []
        words = self.filter.text.lower().split()
        return [c for c in self.choices or () if all(word in f"{c.label} {c.detail}".lower() for word in words)]

    def lines(self, columns: int, rows: int) -> Sequence[Line]:
        """The panel: a head, and the rows around the marked one."""
        if self.choices is None:
            return ()
        shown = self.shown()
        hint = self._note or safe_format("type to filter · ↑↓ · Enter · Esc")
        hint = truncate(Safe(f"  {hint}"), columns - text_width(self._title) - 2)
        head = (Segment(self._title, (TextRole.STRONG,)), Segment(hint, (TextRole.DIM,)))
        room = max(1, min(_ROWS, rows // 2 - 1) - len(self.footer))
        start = max(0, min(self._at - room // 2, len(shown) - room))
        body = [self._row(shown[n], columns, marked=n == self._at) for n in range(start, min(len(shown), start + room))]
        foot = [cut_line(row, columns - 1) for row in self.footer]
        if rows < _LOWEST:
            return tuple(body)
        return (head, *(body or [styled_line(safe_format("  nothing matches"), TextRole.DIM)]), *foot)

    def _row(self, choice: Choice, columns: int, *, marked: bool) -> Line:
        sign = Segment(Safe("❯ " if marked else "  "), (TextRole.ACCENT,))
        label = truncate(choice.label, columns - 4)
        detail = truncate(choice.detail, columns - 6 - text_width(label))
        return (
            sign,
            Segment(label, (TextRole.STRONG,) if marked else ()),
            Segment(Safe(f"  {detail}"), (TextRole.DIM,)),
        )

    def _filtered(self) -> None:
        self._at = 0
        self._tell()


def cut_line(row: Line, columns: int) -> Line:
    """A line of one segment that fits."""
    return (
        tuple(Segment(truncate(segment.text, columns), segment.roles) for segment in row[:1]) if len(row) == 1 else row
    )
