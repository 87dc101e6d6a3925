"""Rows to a terminal that nobody else writes to: only what changed, one write a frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from termchat.core.sanitize import Safe
from termchat.ui.markdown.cells import Cells, cells_for, whole
from termchat.ui.markdown.encode import encode_segments
from termchat.ui.markdown.row import Row, Segment
from termchat.ui.palette import Palette

_REMEMBERED = 200
"""So many rows of a line are known when the terminal reflows it."""
_SYNC, _UNSYNC = "\x1b[?2026h", "\x1b[?2026l"


class Painter:
    """Draws the final and live rows of a document where the cursor stands.

    Final rows go to the scrollback and are forgotten. Of the live rows the last `height - 1` are on the screen; the
    rows above those wait until they are final. `write` gets the text of each frame in one piece.
    """

    def __init__(
        self, width: int, height: int, palette: Palette, write: Callable[[str], None], *, ambiguous: int = 1
    ) -> None:
        self._width = width
        self._window = max(1, height - 1)
        self._palette = palette
        self._write = write
        self._cells = cells_for(ambiguous)
        self._shown: list[Row] = []  # from the first row that may change on; the cursor is at the end of the last
        self._final = 0  # how many of these are final: one at most
        self._line: list[Row] = []  # the last line that became final, as far as it may go on in a soft row
        self._apart = False  # whether a resize has moved the cursor off that row's end

    def frame(self, final: Sequence[Row], live: Sequence[Row]) -> None:
        """Show the rows that became final since the last frame, and after them the live ones."""
        visible = self._visible(live)
        target = [*self._shown[: self._final], *final, *visible]
        stroke = _Stroke(self._width, self._palette, self._cells, self._shown, apart=self._apart)
        text = stroke.to(target)
        if text:
            self._apart = False
            self._write(f"{_SYNC}{text}{_UNSYNC}" if stroke.moved else text)
        for row in final:
            self._line = [*self._line[-_REMEMBERED:], row] if row.soft else [row]
        # The last final row stays in mind where the cursor is on it, or where a hidden row may have to continue it.
        self._final = 1 if len(visible) < max(1, len(live)) and len(visible) < len(target) else 0
        self._shown = target[len(target) - len(visible) - self._final :]

    def resize(self, width: int, height: int) -> None:
        """Take the live rows off a screen that has reflowed them; the next frame draws them anew."""
        live = self._shown[self._final :]
        self._window = max(1, height - 1)
        if width == self._width:
            return
        self._width = width
        if not live:
            self._apart = True
            return
        begun = self._line if live[0].soft else []
        row, column = _end(begun, width, self._cells)
        last, _ = _end([*begun, *live], width, self._cells)
        if column == width:
            row, column = row + 1, 0
        climb = min(height - 1, last - row)
        self._write((f"\x1b[{climb}A\r" if climb else "\r") + (f"\x1b[{column}C" if column else "") + "\x1b[J")
        self._shown, self._final = self._line[-1:] if column else [], 1 if column else 0
        self._apart = column > 0

    def _visible(self, live: Sequence[Row]) -> Sequence[Row]:
        """The live rows that fit; the row that a soft one continues may not be among them."""
        visible = live[max(0, len(live) - self._window) :]
        if len(visible) == len(live) or not visible[0].soft:
            return visible
        return [replace(visible[0], soft=False), *visible[1:]]

    def close(self) -> None:
        """Leave the cursor below the last row."""
        if self._shown:
            self._write("\r\n")
        self._shown, self._final = [], 0


class _Stroke:
    """One frame: from the rows shown, the cursor at their end, to others; `moved` if more than text was added."""

    def __init__(self, width: int, palette: Palette, cells: Cells, shown: list[Row], *, apart: bool) -> None:
        self.moved = False
        self._width = width
        self._palette = palette
        self._cells = cells
        self._shown = shown
        self._apart = apart
        self._row = len(shown) - 1
        self._parts: list[str] = []

    def to(self, target: Sequence[Row]) -> str:
        """The text that makes the screen show `target`, the cursor at its end."""
        shown = self._shown
        for index, row in enumerate(target):
            old = shown[index] if index < len(shown) else None
            if row is old or row == old:
                continue
            if index == self._row and old and not self._apart and self._added(old, row):
                continue
            self._reach(index, target, joined=old is not None and old.soft)
            self._replace(index, old, row)
        if not target and shown:
            self._clear_all()
        elif len(target) < len(shown):
            self._clear_below(target)
        elif target and self._row != len(target) - 1:
            self._back_to(len(target) - 1, target[-1])
        return "".join(self._parts)

    def _added(self, old: Row, row: Row) -> bool:
        """The row goes on where the cursor stands: nothing but its new text is needed."""
        rest = _rest(old, row)
        if rest is None:
            return False
        self._parts.append(encode_segments(rest, self._palette))
        return True

    def _reach(self, index: int, target: Sequence[Row], *, joined: bool) -> None:
        """Bring the cursor to the beginning of a row, or to where a soft row follows by itself.

        `joined` says that a soft row stands there already.
        """
        if index <= self._row and index and target[index].soft and not joined:
            self._back_to(index - 1, target[index - 1])
        elif index == self._row + 1:
            self._next(target[index], target[index - 1] if index else None)
        elif index > self._row:
            self._down(index - 1)
            self._back_to(index - 1, target[index - 1])
            self._next(target[index], target[index - 1])
        elif index < self._row:
            self.moved = True
            self._parts.append(f"\x1b[{self._row - index}A\r")
        else:
            self.moved = True
            self._parts.append("\r")
        self._row = index

    def _next(self, row: Row, before: Row | None) -> None:
        """From the end of one row to the next."""
        if before is not None and not (row.soft and not self._apart):
            self._parts.append("\r\n")

    def _down(self, index: int) -> None:
        self.moved = True
        if index > self._row:
            self._parts.append(f"\x1b[{index - self._row}B")
            self._row = index

    def _replace(self, index: int, old: Row | None, row: Row) -> None:
        """Write a row, the cursor at its beginning, over an old one."""
        segments: Sequence[Segment] = row.segments
        if old is not None and not (row.soft and index):
            column, rest = self._common(old, row)
            if 0 < column < self._width:
                self._parts.append(f"\x1b[{column}C")
                segments = rest
        self._parts.append(encode_segments(segments, self._palette))
        if old is not None and (old.cells > row.cells or not self._cells.sure(old.text)) and row.cells < self._width:
            self.moved = True
            self._parts.append("\x1b[K")

    def _common(self, old: Row, row: Row) -> tuple[int, list[Segment]]:
        """How many cells both rows begin with, as far as that is sure, and the rest of the new one."""
        column = 0
        if not (self._cells.sure(old.text) and self._cells.sure(row.text)):
            return 0, list(row.segments)
        for index, segment in enumerate(row.segments):
            before = old.segments[index] if index < len(old.segments) else None
            if before != segment:
                head, tail = self._split(before, segment)
                return column + self._cells.width(head), [*([tail] if tail.text else []), *row.segments[index + 1 :]]
            column += self._cells.width(segment.text)
        return column, []

    def _split(self, old: Segment | None, segment: Segment) -> tuple[str, Segment]:
        """What the segments have in common, if their looks allow it, and the rest."""
        if old is None or old.roles != segment.roles or old.url != segment.url:
            return "", segment
        at = _alike(old.text, segment.text)
        return segment.text[:at], Segment(Safe(segment.text[at:]), segment.roles, segment.url)

    def _clear_all(self) -> None:
        """Erase every row, and stay at the beginning of the first."""
        self.moved = True
        self._parts.append(f"\x1b[{self._row}A\r\x1b[J" if self._row else "\r\x1b[J")

    def _clear_below(self, target: Sequence[Row]) -> None:
        """Erase the rows that are no longer there."""
        self.moved = True
        last = len(target) - 1
        if self._row != last:
            self._back_to(last, target[last])
        if target[last].cells < self._width:
            self._parts.append("\x1b[J")
            return
        self._parts.append("\r\n\x1b[J\x1b[A")
        self._row = last
        self._back_to(last, target[last])

    def _back_to(self, index: int, row: Row) -> None:
        """The cursor to the end of a row that is shown already; in the last column its last cluster is written anew."""
        self.moved = True
        delta = index - self._row
        self._parts.append(f"\x1b[{abs(delta)}{'B' if delta > 0 else 'A'}\r" if delta else "\r")
        self._row = index
        if row.cells < self._width and self._cells.sure(row.text):
            self._parts.append(f"\x1b[{row.cells}C" if row.cells else "")
            return
        self._parts.append(encode_segments(row.segments, self._palette))


def _rest(old: Row, row: Row) -> list[Segment] | None:
    """What the row has more than the old one; nothing if it does not begin with all of it."""
    if row.soft != old.soft or len(row.segments) < len(old.segments):
        return None
    if not old.segments:
        return list(row.segments)
    last = len(old.segments) - 1
    if old.segments[:last] != row.segments[:last]:
        return None
    before, segment = old.segments[last], row.segments[last]
    if before.roles != segment.roles or before.url != segment.url or not segment.text.startswith(before.text):
        return None
    at = len(before.text)
    if whole(segment.text, at) != at:
        return None
    tail = Segment(Safe(segment.text[at:]), segment.roles, segment.url)
    return [*([tail] if tail.text else []), *row.segments[last + 1 :]]


def _alike(one: str, other: str) -> int:
    """How many characters two texts begin with."""
    size = min(len(one), len(other))
    if one[:size] == other[:size]:
        return size
    return next(at for at in range(size) if one[at] != other[at])


def _end(rows: Sequence[Row], width: int, cells: Cells) -> tuple[int, int]:
    """Where the rows end on a terminal that has reflowed them to a width: the row and the column."""
    at, column = 0, 0
    for index, row in enumerate(rows):
        if index and not row.soft:
            at, column = at + 1, 0
        for cluster in cells.clusters(row.text):
            if column + cluster.cells > width:
                at, column = at + 1, 0
            column += cluster.cells
    return at, column
