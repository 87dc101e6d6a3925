"""Painters of rows, at the cursor or above a footer: each frame writes only the changes, in one piece."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

from termchat.ui.terminal.row_diff import ERASE_DOWN, RowDiff, move_rows
from termchat.ui.text.palette import Palette
from termchat.ui.text.row import Row
from termchat.ui.text.width import WIDTHS

_REMEMBERED = 200  # rows of one line that are kept in case the terminal reflows it
_PORTIONS = 3  # the most portions in which rows are drawn above a footer
_SYNC, _UNSYNC = "\x1b[?2026h", "\x1b[?2026l"


class Footer(NamedTuple):
    """Position of the text below the rows, for example an input line, which has the cursor.

    height   number of its rows, 0 if it is not on the screen: the cursor is then where it would begin
    row      row of the cursor, counted from the first row of the footer
    column   column of the cursor
    """

    height: int
    row: int
    column: int


class FooterFrame(NamedTuple):
    """Output of one frame above a footer.

    text           the sequence to write
    footer_erased  True if the footer has to be drawn again, where the cursor is
    """

    text: str
    footer_erased: bool = False


class RowTracker:
    """Tracks which rows of a document are on the screen.

    Final rows scroll away and are dropped. Of the rows that may still change, only the last `window` are drawn; the
    rows above them wait until they are final.
    """

    def __init__(self, width: int, window: int, palette: Palette) -> None:
        self.width = width
        self.window = window
        self.palette = palette
        self.shown: list[Row] = []  # from the first row that may change on
        self.apart = False  # a resize has moved the cursor off the end of the last of them
        self._final = 0  # number of final rows among `shown`, one at most
        self._line: list[Row] = []  # the last final line, as far as a soft row may continue it
        self._joined = False  # the terminal takes the first shown row for a continuation of that line

    def target(self, final: Sequence[Row], live: Sequence[Row]) -> list[Row]:
        """Return the rows to show instead of the current ones; `drawn` removes the final ones from `shown`."""
        return [*self.shown[: self._final], *final, *self._visible(live)]

    def drawn(self, target: list[Row], final: Sequence[Row], live: Sequence[Row]) -> None:
        """Note that the target is on the screen."""
        visible = len(self._visible(live))
        self._joined = self._joined or (not self._final and bool(self.shown) and self.shown[0].soft)
        for row in final:
            continues = row.soft or self._joined
            self._line = [*self._line[-_REMEMBERED:], replace(row, soft=True)] if continues else [row]
            self._joined = False
        # The last final row is kept if the cursor is on it, or if a hidden row may have to continue it.
        self._final = 1 if visible < max(1, len(live)) and visible < len(target) else 0
        self.shown = target[len(target) - visible - self._final :]

    def move_to_live_start(self, width: int, height: int) -> tuple[str, int]:
        """Move from the last row to the start of the live rows, on a screen reflowed to another width.

        Return the sequence and the column. Afterwards `shown` is empty, or has the row before the column.
        """
        live = self.shown[self._final :]
        if not live:
            return "", 0
        joined = self.continues_line
        if self._joined:
            live[0] = replace(live[0], soft=True)
        begun = self._line if live[0].soft else []
        row, column = _end(begun, width)
        last, _ = _end([*begun, *live], width)
        if column == width:
            row, column = row + 1, 0
        self.width = width
        self.shown, self._final = self._line[-1:] if column else [], 1 if column else 0
        self._joined = joined and not column
        return f"{move_rows(-min(height - 1, last - row))}\r" + (f"\x1b[{column}C" if column else ""), column

    @property
    def has_live_rows(self) -> bool:
        """Return True if rows that may still change are on the screen."""
        return len(self.shown) > self._final

    @property
    def continues_line(self) -> bool:
        """Return True if the terminal takes the first live row for a continuation of the line above."""
        return self._joined or self.shown[self._final].soft

    def forget(self, *, joined: bool = False) -> None:
        """Forget the shown rows. `joined`: the terminal may take the next row for a continuation of the last line."""
        self._line = self._line if joined else []
        self.shown, self._final, self._joined = [], 0, joined

    def _visible(self, live: Sequence[Row]) -> Sequence[Row]:
        """Return the live rows that fit; a soft row whose predecessor does not fit becomes a hard one."""
        visible = live[max(0, len(live) - self.window) :]
        if len(visible) == len(live) or not visible or not visible[0].soft:
            return visible
        return [replace(visible[0], soft=False), *visible[1:]]


class InlinePainter:
    """Draws at the cursor, which stays at the end of the last row, on a terminal without other writers.

    `write` gets the text of each frame in one piece.
    """

    def __init__(self, width: int, height: int, palette: Palette, write: Callable[[str], None]) -> None:
        self._tracker = RowTracker(width, max(1, height - 1), palette)
        self._write = write

    def frame(self, final: Sequence[Row], live: Sequence[Row]) -> None:
        """Show the rows that became final since the last frame, and the live rows after them."""
        tracker = self._tracker
        target = tracker.target(final, live)
        diff = RowDiff(tracker.width, tracker.palette, tracker.shown, apart=tracker.apart)
        if text := diff.render(target):
            tracker.apart = False
            self._write(f"{_SYNC}{text}{_UNSYNC}" if diff.moved else text)
        tracker.drawn(target, final, live)

    def resize(self, width: int, height: int) -> None:
        """Erase the live rows on a screen that has reflowed them; the next frame draws them again."""
        tracker = self._tracker
        tracker.window = max(1, height - 1)
        if width == tracker.width:
            return
        if not tracker.has_live_rows:
            tracker.width, tracker.apart = width, True
            return
        path, column = tracker.move_to_live_start(width, height)
        tracker.apart = column > 0
        self._write(f"{path}{ERASE_DOWN}")

    def close(self) -> None:
        """Move the cursor below the last row."""
        if self._tracker.shown:
            self._write("\r\n")
        self._tracker.forget()


class FooterPainter:
    """Draws rows right above a footer, which moves down when rows are added and is not written again.

    Every method returns the sequence to write; the cursor is in the footer before and afterwards.
    """

    def __init__(self, width: int, palette: Palette) -> None:
        self._tracker = RowTracker(width, 0, palette)

    @property
    def palette(self) -> Palette:
        return self._tracker.palette

    @palette.setter
    def palette(self, palette: Palette) -> None:
        self._tracker.palette = palette

    @property
    def rows(self) -> int:
        """Number of rows above the footer that may still change."""
        return len(self._tracker.shown)

    def frame(
        self, final: Sequence[Row], live: Sequence[Row], *, window: int, height: int, footer: Footer
    ) -> FooterFrame:
        """Add final rows, and show at most `window` live rows, on a screen of `height` rows."""
        tracker = self._tracker
        tracker.window = window
        target = tracker.target(final, live)
        shown = tracker.shown
        frame = FooterFrame("")
        if target != shown:
            room = height - footer.height if footer.height else 0
            ends = _portions(_first(shown, target), len(target), room)
            if ends:
                text = ""
                for end in ends:
                    text += self._footed(shown, target[:end], footer)
                    shown = target[:end]
                frame = FooterFrame(text)
            else:
                frame = self._free(target, footer)
        tracker.drawn(target, final, live)
        return frame

    def erase_sequence(self, width: int, height: int, *, reflows: bool) -> str:
        """Return the sequence from the row below to the start of the live rows, which are then to be erased.

        The screen may have another size by now; `reflows`: the terminal has wrapped the rows to it. The next frame
        draws them again.
        """
        tracker = self._tracker
        if not tracker.has_live_rows:
            tracker.width = width
            tracker.forget()
            return ""
        same, joined = width == tracker.width, tracker.continues_line
        path, column = tracker.move_to_live_start(width if reflows else tracker.width, height)
        tracker.width = width
        tracker.forget(joined=joined and not (same or column))
        if column:
            return f"\x1b[A{path}{ERASE_DOWN}\r\n"
        return f"\x1b[A{path}" + ("\x1b[A\r\n" if same and joined else "")  # the next row begins another line

    def forget(self) -> None:
        """Leave the shown rows to the scrollback, at the end of the reply."""
        self._tracker.forget()

    def _footed(self, shown: list[Row], target: list[Row], footer: Footer) -> str:
        """Move the footer by as many rows as are added or removed."""
        tracker, (height, row, column) = self._tracker, footer
        old, more = len(shown), len(target) - len(shown)
        enter, at = "", old + row
        if more > 0:
            below = height - 1
            enter = f"{move_rows(below - row)}\r" + "\n" * more + f"{move_rows(-below - more)}\x1b[{more}L"
            at = old
        diff = RowDiff(tracker.width, tracker.palette, shown, at=at, footed=True)
        text = diff.render(target)
        home = f"{move_rows(len(target) + row - diff.row)}\r" + (f"\x1b[{column}C" if column else "")
        return f"{enter}{text}{home}"

    def _free(self, target: list[Row], footer: Footer) -> FooterFrame:
        """Erase the footer and write more rows than the screen shows at once."""
        tracker = self._tracker
        enter = f"{move_rows(-footer.row)}\r{ERASE_DOWN}" if footer.height else ""
        diff = RowDiff(tracker.width, tracker.palette, tracker.shown, at=len(tracker.shown))
        text = diff.render(target)
        return FooterFrame(f"{enter}{text}" + ("\r\n" if target else ""), footer_erased=footer.height > 0)


def _portions(first: int, size: int, room: int) -> Sequence[int]:
    """Return the ends of portions of rows, drawn from the `first` on, that each fit above the footer.

    Return no ends if there is no room, or if drawing the footer again is cheaper than so many portions. A portion may
    touch the last row of the one before, to continue it.
    """
    if size - first <= room:
        return [size]
    if room < 2 or size - first > room + (_PORTIONS - 1) * (room - 1):
        return []
    return [min(end, size) for end in range(first + room, size + room - 1, room - 1)]


def _first(shown: Sequence[Row], target: Sequence[Row]) -> int:
    """Return the first row to touch: the first changed one, or its predecessor if either version continues it."""
    size = min(len(shown), len(target))
    first = next((at for at in range(size) if shown[at] != target[at]), size)
    joined = any(first < len(rows) and rows[first].soft for rows in (shown, target))
    return first - 1 if joined and first else first


def _end(rows: Sequence[Row], width: int) -> tuple[int, int]:
    """Return the row and the column at which rows end on a terminal that has reflowed them to a width."""
    at, column = 0, 0
    for index, row in enumerate(rows):
        if index and not row.soft:
            at, column = at + 1, 0
        for cluster in WIDTHS.clusters(row.text):
            if column + cluster.cells > width:
                at, column = at + 1, 0
            column += cluster.cells
    return at, column
