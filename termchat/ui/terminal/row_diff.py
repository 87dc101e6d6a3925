"""One frame as text: turns the rows on the screen into other rows with few bytes."""

from __future__ import annotations

from collections.abc import Sequence

from termchat.core.sanitize import Safe
from termchat.ui.text.ansi import encode_segments
from termchat.ui.text.palette import Palette
from termchat.ui.text.row import Row, Segment
from termchat.ui.text.width import WIDTHS, grapheme_boundary

# Erase from the cursor on. A plain CSI J at the home position makes tmux push the whole screen into its history.
ERASE_DOWN = "\x1b[K\x1b7\x1b[C\x1b[J\x1b8"

_WRAP, _UNWRAP = "\x1b[?7h", "\x1b[?7l"
_EDGE = 4  # columns; a row of disputed width that ends this near to the edge is cut off instead of wrapped


class RowDiff:
    """Sequence from the rows `shown` to other rows; rows count from the first one shown.

    row      row of the cursor afterwards
    moved    more was done than adding text
    at       row of the cursor, if it is not at the end of the last row
    apart    no row may be joined to the last one
    footed   a footer is below the rows, and there is room to move it
    """

    def __init__(
        self,
        width: int,
        palette: Palette,
        shown: Sequence[Row],
        *,
        at: int | None = None,
        apart: bool = False,
        footed: bool = False,
    ) -> None:
        self.row = len(shown) - 1 if at is None else at
        self.moved = False
        self._width = width
        self._palette = palette
        self._shown = shown
        self._at_end = at is None and not apart
        self._apart = len(shown) - 1 if apart else -1
        self._footed = footed
        self._cut: int | None = None  # the row whose end was erased last: a soft row after it is joined again
        self._parts: list[str] = []

    def render(self, target: Sequence[Row]) -> str:
        """Return the text that makes the screen show `target`; without a footer the cursor is at its end."""
        shown = self._shown
        for index, row in enumerate(target):
            old = shown[index] if index < len(shown) else None
            if (row is old or row == old) and not (row.soft and index - 1 == self._cut):
                continue
            follows = index + 1 < len(target) and target[index + 1].soft
            if index == self.row and old and self._at_end and self._added(old, row, follows=follows):
                continue
            self._move_to_row(index, row, target, joined=old is not None and old.soft)
            self._replace(index, old, row, follows=follows)
        if len(target) < len(shown):
            self._clear_below(target)
        elif target and not self._footed and self.row != len(target) - 1:
            self._move_to_end(len(target) - 1, target[-1])
        return "".join(self._parts)

    def _write(self, segments: Sequence[Segment], row: Row, *, follows: bool) -> None:
        """Write the rest of a row; cut off a row that might be drawn too wide, unless a soft row `follows`."""
        text = encode_segments(segments, self._palette)
        near = row.cells > self._width - _EDGE and not row.soft and not follows
        self._parts.append(f"{_UNWRAP}{text}{_WRAP}" if near and not WIDTHS.is_unambiguous(row.text) else text)

    def _added(self, old: Row, row: Row, *, follows: bool) -> bool:
        """Add text at the cursor, if the row only grew; return True if so."""
        rest = _rest(old, row)
        if rest is None:
            return False
        self._write(rest, row, follows=follows)
        return True

    def _move_to_row(self, index: int, row: Row, target: Sequence[Row], *, joined: bool) -> None:
        """Move the cursor to the beginning of a row, or to the end of the row that a soft one continues.

        `joined`: a soft row is there already. A hard row replaces it after a line end, so that the terminal no longer
        takes it for a continuation.
        """
        if index and row.soft and index - 1 != self._apart:
            if self.row == index - 1 and self._at_end:
                pass
            elif joined:
                self._move_to(index)
            else:
                self._move_to_end(index - 1, target[index - 1])
        elif index > self.row or (index and joined and not row.soft):
            if index != self.row + 1:
                self._move_to(index - 1)
            self._parts.append("\r\n" if index else "")
        else:
            self._move_to(index)
        self.row = index

    def _move_to(self, index: int) -> None:
        """Move to the beginning of a row on the screen."""
        self.moved = True
        self._parts.append(f"{move_rows(index - self.row)}\r")
        self.row, self._at_end = index, False

    def _replace(self, index: int, old: Row | None, row: Row, *, follows: bool) -> None:
        """Write a row over an old one, with the cursor at its beginning."""
        segments: Sequence[Segment] = row.segments
        if old is not None and not (row.soft and index):
            column, rest = self._common(old, row)
            if 0 < column < self._width:
                self._parts.append(f"\x1b[{column}C")
                segments = rest
        self._write(segments, row, follows=follows)
        if (
            old is not None
            and (old.cells > row.cells or not WIDTHS.is_unambiguous(old.text))
            and row.cells < self._width
        ):
            self.moved = True
            self._cut = index
            self._parts.append("\x1b[K")
        self._at_end = True

    def _common(self, old: Row, row: Row) -> tuple[int, list[Segment]]:
        """Return the cells that both rows certainly begin with, and the rest of the new row."""
        column = 0
        if not (WIDTHS.is_unambiguous(old.text) and WIDTHS.is_unambiguous(row.text)):
            return 0, list(row.segments)
        for index, segment in enumerate(row.segments):
            before = old.segments[index] if index < len(old.segments) else None
            if before != segment:
                head, tail = self._split(before, segment)
                return column + WIDTHS.width(head), [*([tail] if tail.text else []), *row.segments[index + 1 :]]
            column += WIDTHS.width(segment.text)
        return column, []

    def _split(self, old: Segment | None, segment: Segment) -> tuple[str, Segment]:
        """Return the common beginning of two segments of the same look, and the rest of the new one."""
        if old is None or old.roles != segment.roles or old.url != segment.url:
            return "", segment
        at = _alike(old.text, segment.text)
        return segment.text[:at], Segment(Safe(segment.text[at:]), segment.roles, segment.url)

    def _clear_below(self, target: Sequence[Row]) -> None:
        """Erase the rows below the target."""
        self.moved = True
        last = len(target) - 1
        if self._footed:
            if target and self._shown[last + 1].soft:
                self._move_to(last)
                self._parts.append("\r\n")  # the row no longer continues the line
                self.row = last + 1
            else:
                self._move_to(last + 1)
            self._parts.append(f"\x1b[{len(self._shown) - last - 1}M")
            return
        if not target:
            self._move_to(0)
            self._parts.append(ERASE_DOWN)
            return
        if self.row != last:
            self._move_to_end(last, target[last])
        if target[last].cells < self._width:
            self._parts.append(ERASE_DOWN)
            return
        self._parts.append(f"\r\n{ERASE_DOWN}\x1b[A")
        self.row = last
        self._move_to_end(last, target[last])

    def _move_to_end(self, index: int, row: Row) -> None:
        """Move to the end of a shown row; a row that ends in the last column is written again."""
        self._move_to(index)
        self._at_end = True
        if row.cells < self._width and WIDTHS.is_unambiguous(row.text):
            self._parts.append(f"\x1b[{row.cells}C" if row.cells else "")
            return
        self._parts.append(encode_segments(row.segments, self._palette))


def move_rows(rows: int) -> str:
    """Return the sequence that moves down by a number of rows, or up if negative, in the same column."""
    return f"\x1b[{abs(rows)}{'B' if rows > 0 else 'A'}" if rows else ""


def _rest(old: Row, row: Row) -> list[Segment] | None:
    """Return what a row adds to the old one; None if it does not begin with all of it."""
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
    if grapheme_boundary(segment.text, at) != at:
        return None
    tail = Segment(Safe(segment.text[at:]), segment.roles, segment.url)
    return [*([tail] if tail.text else []), *row.segments[last + 1 :]]


def _alike(one: str, other: str) -> int:
    """Return the number of characters that two texts have in common at their beginning."""
    size = min(len(one), len(other))
    if one[:size] == other[:size]:
        return size
    return next(at for at in range(size) if one[at] != other[at])
