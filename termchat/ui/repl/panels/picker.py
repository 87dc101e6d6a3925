"""Picker: a list below the transcript, filtered by typing. The input keeps its text."""

from __future__ import annotations

from collections.abc import Sequence

from prompt_toolkit.buffer import Buffer

from termchat.commands.registry import rank_choices
from termchat.commands.setup.pasted_key import looks_like_key
from termchat.config.keys.key_bindings import DEFAULT_KEYS, Action, KeyMap
from termchat.core.effects import Choice, Effect
from termchat.core.sanitize import EMPTY, Safe, join, safe_format
from termchat.core.style import TextRole
from termchat.ui.text.fit import text_width, truncate, wrap
from termchat.ui.text.line import Line, lines_of, styled_line
from termchat.ui.text.row import Segment

_ROWS = 10
_PREVIEWED = 4  # rows of a longer text below the rows
_LOWEST = 6  # screen rows from which more than the marked choice is shown


class PickerSource:
    """A list for the picker: filtered by words, and an accepted choice performs its own effects.

    choices   the rows
    note      the words beside the title in place of the keys
    tab       what the completion key does, "" for nothing
    footer    lines below the rows
    start     index of the row that is marked first
    is_aligned   the details of all rows begin in one column
    is_secret    a key that is pasted into the filter is shown as dots
    takes_text   typed text filters the rows; if not, each letter goes to `on_key`
    has_more     there are more rows than `choices`
    """

    is_secret = False
    takes_text = True
    has_more = False

    def __init__(
        self,
        title: Safe,
        choices: Sequence[Choice] = (),
        note: Safe = EMPTY,
        start: int = 0,
        *,
        is_aligned: bool = False,
    ) -> None:
        self.title = title
        self.choices = choices
        self.note = note
        self.tab = EMPTY
        self.footer: Sequence[Line] = ()
        self.start = start
        self.is_aligned = is_aligned

    def hint(self, keys: KeyMap) -> Safe:
        """Return the words beside the title: `type to filter · ↑↓ · Enter · Esc`."""
        return self.note or list_keys(keys, self.tab)

    def search(self, text: str) -> Sequence[Choice]:
        """Return the choices that match the typed text, the exact name first, those that cannot be used last."""
        return rank_choices(self.choices, text)

    @property
    def is_settled(self) -> bool:
        """Return False while a search for the typed text runs."""
        return True

    async def settled(self) -> None:
        """Wait for the search that runs."""

    def on_highlight(self, choice: Choice) -> None:
        """React to the marker moving to another choice."""

    def on_key(self, choice: Choice, key: str) -> None:
        """React to a letter, where text filters nothing; `choice` is the marked one."""

    def can_accept(self, choice: Choice) -> bool:
        """Return False for a choice on which accepting has no effect: the picker stays open."""
        return True

    def on_accept(self, choice: Choice) -> Sequence[Effect]:
        """Return the effects of accepting a choice; the picker is closed."""
        return choice.effects

    def on_cancel(self) -> None:
        """React to the picker closing without a choice."""

    def on_tab(self, marked: Choice | None) -> None:
        """React to Tab; `marked` is the marked choice."""


class Picker:
    """Shows one source at a time. `filter` is the buffer for the text that filters the rows."""

    def __init__(self, keys: KeyMap = DEFAULT_KEYS) -> None:
        self._keys = keys
        self.filter = Buffer(multiline=False, on_text_changed=lambda _: self._filtered())
        self._source: PickerSource | None = None
        self._highlighted: Choice | None = None
        self._at = 0
        self._moved = False
        self._page = _ROWS  # rows that were shown last

    @property
    def is_open(self) -> bool:
        return self._source is not None

    def open(self, source: PickerSource, query: str = "") -> None:
        """Show a source, filtered by `query`."""
        self.close()
        self.filter.insert_text(query)
        self._source, self._at, self._moved = source, source.start, False
        self._highlight()

    @property
    def takes_letters(self) -> bool:
        """Return True if typed letters act on the marked choice instead of filtering the rows."""
        return self._source is not None and not self._source.takes_text

    def press(self, key: str) -> None:
        """Give a typed letter to the source, for the marked choice."""
        if self._source and (shown := self.shown()):
            self._source.on_key(shown[self._at], key)

    def close(self) -> None:
        """Close without a choice."""
        if source := self._reset():
            source.on_cancel()

    def paste(self, text: str) -> None:
        """Add a pasted text to the filter, as one line."""
        if not self.takes_letters:
            self.filter.insert_text(" ".join(text.split()))

    def back(self) -> None:
        """Clear the filter; close without a choice if it is empty."""
        if self.filter.text:
            self.filter.reset()
            self.rewind()
        else:
            self.close()

    def shown_filter(self, text: str, *, signs: bool) -> str:
        """Return the text of the filter as it is shown."""
        is_secret = self._source is not None and self._source.is_secret
        return ("•" if signs else "*") * len(text) if is_secret and looks_like_key(text.strip()) else text

    def accept(self) -> Sequence[Effect]:
        """Close and return the effects of the marked choice; where there is nothing to accept, stay open."""
        shown = self.shown()
        if not shown or (self._source and not self._source.can_accept(shown[self._at])):
            return ()
        marked, source = shown[self._at], self._reset()
        return source.on_accept(marked) if source else ()

    def pending(self) -> PickerSource | None:
        """Return the source if its rows are not yet those for the typed text."""
        self.shown()  # starts the search
        return self._source if self._source and not self._source.is_settled else None

    def move(self, by: int) -> None:
        """Move the marker by a number of rows, past the ends to the other end."""
        if shown := self.shown():
            self._mark((self._at + by) % len(shown))

    def page_up(self) -> None:
        """Move the marker up by the rows that are shown, to the first row at most."""
        self._move_within(-self._page)

    def page_down(self) -> None:
        """Move the marker down by the rows that are shown, to the last row at most."""
        self._move_within(self._page)

    def first(self) -> None:
        """Mark the first row."""
        self._move_within(-self._at)

    def last(self) -> None:
        """Mark the last row; of a source that has more, the last one so far."""
        self._move_within(len(self.shown()))

    def tab(self) -> None:
        if self._source:
            shown = self.shown()
            self._moved = self._moved or bool(shown)
            self._source.on_tab(shown[self._at] if shown else None)
            self.extended(self._source)

    def rewind(self) -> None:
        """Mark the first row, after the source has replaced its choices."""
        self._at, self._moved = 0, False
        self._highlight()

    def extended(self, source: PickerSource) -> None:
        """Mark the same row after the source got more choices, or the best one if the user has not moved the marker."""
        if self._source is not source:
            return
        shown, marked = self.shown(), self._highlighted
        rows = [(choice.name, choice.label) for choice in shown]  # a source may have changed the details of the rows
        if self._moved and marked and (marked.name, marked.label) in rows:
            self._at = rows.index((marked.name, marked.label))
        elif self.filter.text:
            self._at = 0
        self._at = min(self._at, max(0, len(shown) - 1))
        self._highlight()

    def shows(self, source: PickerSource) -> bool:
        return self._source is source

    def show_footer(self, lines: Sequence[Line]) -> None:
        """Set the lines below the rows, if the picker is open."""
        if self._source:
            self._source.footer = lines

    def is_marked(self, choice: Choice) -> bool:
        """Return True if the marker is on this choice."""
        shown = self.shown()
        return bool(shown) and shown[self._at] is choice

    def shown(self) -> Sequence[Choice]:
        """Return the choices that match the filter."""
        return self._source.search(self.filter.text) if self._source else ()

    def _reset(self) -> PickerSource | None:
        """Close; return the source that was shown."""
        source, self._source, self._highlighted = self._source, None, None
        self.filter.reset()
        return source

    def _move_within(self, by: int) -> None:
        """Move the marker by a number of rows, no further than the ends."""
        if shown := self.shown():
            self._mark(max(0, min(self._at + by, len(shown) - 1)))

    def _mark(self, row: int) -> None:
        self._at, self._moved = row, True
        self._highlight()

    def _highlight(self) -> None:
        shown = self.shown()
        if self._source and shown and shown[self._at] is not self._highlighted:
            self._highlighted = shown[self._at]
            self._source.on_highlight(self._highlighted)

    def lines(self, columns: int, rows: int) -> Sequence[Line]:
        """Return the title, with the place of the marked row if not all are shown, the rows around it, the footer."""
        source = self._source
        if source is None:
            return ()
        shown = self.shown()
        footer = source.footer or _preview(shown[self._at].preview if shown else EMPTY, columns)
        room = self._page = max(1, min(_ROWS, rows // 2 - 1) - len(footer))
        count = f"{len(shown)}{'+' if source.has_more else ''}"
        place = Safe(f"  {self._at + 1}/{count}" if len(shown) > room else "")  # there are rows out of sight
        title = truncate(source.title, columns - 1 - text_width(place))
        hint = source.hint(self._keys)
        room_for_hint = columns - text_width(title) - 2 - text_width(place)
        while text_width(hint) + 2 > room_for_hint and " · " in hint:
            hint = Safe(hint.partition(" · ")[2])  # the keys are last
        hint = Safe(f"{truncate(Safe(f'  {hint}'), room_for_hint)}{place}")
        head = (Segment(title, (TextRole.STRONG,)), Segment(hint, (TextRole.DIM,)))
        start = max(0, min(self._at - room // 2, len(shown) - room))
        visible = shown[start : start + room]
        wide = max((text_width(choice.label) for choice in visible), default=0) if source.is_aligned else 0
        body = [
            self._row(choice, columns, min(wide, columns // 2), marked=n == self._at)
            for n, choice in enumerate(visible, start)
        ]
        foot = [cut_line(row, columns - 1) for row in footer] if shown else []
        if rows < _LOWEST:
            return tuple(body)
        return (head, *(body or [styled_line(safe_format("  no matches"), TextRole.DIM)]), *foot)

    def _row(self, choice: Choice, columns: int, wide: int, *, marked: bool) -> Line:
        """Return a row of the list, its label padded to `wide` columns."""
        sign = Segment(Safe("❯ " if marked else "  "), (TextRole.ACCENT,))
        needed = text_width(choice.detail) + 2
        short = 2 < needed <= columns // 4 + 2  # such as the number of a message: kept, the label is cut
        label = truncate(choice.label, columns - 4 - (needed if short else 0))
        gap = Safe(" " * (2 + max(0, wide - text_width(label))))
        detail = truncate(choice.detail, columns - 4 - text_width(label) - len(gap))
        return (
            sign,
            Segment(label, (TextRole.STRONG,) if marked else ()),
            Segment(Safe(f"{gap}{detail}"), (TextRole.DIM,)),
        )

    def _filtered(self) -> None:
        self.rewind()


def list_keys(keys: KeyMap, tab: Safe = EMPTY) -> Safe:
    """Return the keys of a list, the least needed first: `type to filter · Tab folds · ↑↓ · Enter · Esc`."""
    folds = keys.hint(Action.COMPLETE, tab) if tab else EMPTY
    names = [safe_format("type to filter"), folds, keys.arrows, keys.label(Action.ENTER), keys.label(Action.ESCAPE)]
    return join(" · ", [name for name in names if name])


def _preview(words: Safe, columns: int) -> Sequence[Line]:
    """Return the beginning of a longer text, indented, in rows of equal number for every text."""
    if not words:
        return ()
    rows = [part for row in lines_of(words, TextRole.DIM) if row for part in wrap(row, columns - 6)]
    shown = [(Segment(Safe("    ")), *row) for row in rows[:_PREVIEWED]]
    return [tuple(row) for row in shown]


def cut_line(row: Line, columns: int) -> Line:
    """Return a line cut to `columns`."""
    shown: list[Segment] = []
    for segment in row:
        text = truncate(segment.text, columns)
        shown.append(Segment(text, segment.roles))
        columns -= text_width(text)
        if text != segment.text:
            break
    return tuple(shown)
