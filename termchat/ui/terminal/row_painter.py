"""Rows to the terminal, where the cursor stands or above a footer: only what changed, one write a frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

from termchat.ui.terminal.row_diff import ERASE_DOWN, RowDiff, move_rows
from termchat.ui.text.palette import Palette
from termchat.ui.text.row import Row
from termchat.ui.text.width import WidthTable, width_table

_REMEMBERED = 200
"""So many rows of a line are known when the terminal reflows it."""
_PORTIONS = 3
"""In so many portions at most rows are drawn above a footer."""
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
    """Knows which rows of a document are on the screen, and which are to be there next.

    Final rows go to the scrollback and are forgotten. Of the live rows the last `window` are on the screen; the rows
    above those wait until they are final.
    """

    def __init__(self, width: int, window: int, palette: Palette, *, ambiguous: int = 1) -> None:
        self.width = width
        self.window = window
        self.palette = palette
        self.cells: WidthTable = width_table(ambiguous)
        self.shown: list[Row] = []  # from the first row that may change on
        self.apart = False  # whether a resize has moved the cursor off the end of the last of them
        self._final = 0  # how many of these are final: one at most
        self._line: list[Row] = []  # the last line that became final, as far as it may go on in a soft row
        self._joined = False  # whether to the terminal the first row shown goes on that line, as an earlier one did

    def target(self, final: Sequence[Row], live: Sequence[Row]) -> list[Row]:
        """The rows to be shown from now on instead of those that are; what is final leaves `shown` with `drawn`."""
        return [*self.shown[: self._final], *final, *self._visible(live)]

    def drawn(self, target: list[Row], final: Sequence[Row], live: Sequence[Row]) -> None:
        """The target is on the screen."""
        visible = len(self._visible(live))
        self._joined = self._joined or (not self._final and bool(self.shown) and self.shown[0].soft)
        for row in final:
            goes_on = row.soft or self._joined
            self._line = [*self._line[-_REMEMBERED:], replace(row, soft=True)] if goes_on else [row]
            self._joined = False
        # The last final row stays in mind where the cursor is on it, or where a hidden row may have to continue it.
        self._final = 1 if visible < max(1, len(live)) and visible < len(target) else 0
        self.shown = target[len(target) - visible - self._final :]

    def move_to_live_start(self, width: int, height: int) -> tuple[str, int]:
        """From the last row on a screen of another width, reflowed, to where the live rows begin: how, and the column.

        Nothing is shown any more afterwards but, if the column is not 0, what stands before it.
        """
        live = self.shown[self._final :]
        if not live:
            return "", 0
        joined = self.continues_line
        if self._joined:
            live[0] = replace(live[0], soft=True)
        begun = self._line if live[0].soft else []
        row, column = _end(begun, width, self.cells)
        last, _ = _end([*begun, *live], width, self.cells)
        if column == width:
            row, column = row + 1, 0
        self.width = width
        self.shown, self._final = self._line[-1:] if column else [], 1 if column else 0
        self._joined = joined and not column
        return f"{move_rows(-min(height - 1, last - row))}\r" + (f"\x1b[{column}C" if column else ""), column

    @property
    def has_live_rows(self) -> bool:
        """Whether rows that may still change are on the screen."""
        return len(self.shown) > self._final

    @property
    def continues_line(self) -> bool:
        """Whether the first of them goes on the line above it, to the terminal."""
        return self._joined or self.shown[self._final].soft

    def forget(self, *, joined: bool = False) -> None:
        """Nothing is shown any more; the next row may be `joined` to the last final one by the terminal."""
        self._line = self._line if joined else []
        self.shown, self._final, self._joined = [], 0, joined

    def _visible(self, live: Sequence[Row]) -> Sequence[Row]:
        """The live rows that fit; the row that a soft one continues may not be among them."""
        visible = live[max(0, len(live) - self.window) :]
        if len(visible) == len(live) or not visible or not visible[0].soft:
            return visible
        return [replace(visible[0], soft=False), *visible[1:]]


class InlinePainter:
    """Draws where the cursor stands, on a terminal nobody else writes to; it stays at the end of the last row.

    `write` gets the text of each frame in one piece.
    """

    def __init__(
        self, width: int, height: int, palette: Palette, write: Callable[[str], None], *, ambiguous: int = 1
    ) -> None:
        self._brush = RowTracker(width, max(1, height - 1), palette, ambiguous=ambiguous)
        self._write = write

    def frame(self, final: Sequence[Row], live: Sequence[Row]) -> None:
        """Show the rows that became final since the last frame, and after them the live ones."""
        brush = self._brush
        target = brush.target(final, live)
        stroke = RowDiff(brush.width, brush.palette, brush.cells, brush.shown, apart=brush.apart)
        if text := stroke.render(target):
            brush.apart = False
            self._write(f"{_SYNC}{text}{_UNSYNC}" if stroke.moved else text)
        brush.drawn(target, final, live)

    def resize(self, width: int, height: int) -> None:
        """Take the live rows off a screen that has reflowed them; the next frame draws them anew."""
        brush = self._brush
        brush.window = max(1, height - 1)
        if width == brush.width:
            return
        if not brush.has_live_rows:
            brush.width, brush.apart = width, True
            return
        way, column = brush.move_to_live_start(width, height)
        brush.apart = column > 0
        self._write(f"{way}{ERASE_DOWN}")

    def close(self) -> None:
        """Leave the cursor below the last row."""
        if self._brush.shown:
            self._write("\r\n")
        self._brush.forget()


class FooterPainter:
    """Draws rows right above a footer, which moves down where rows are added and is not written again.

    Every method returns the sequence to write; the cursor is in the footer before and afterwards.
    """

    def __init__(self, width: int, palette: Palette, *, ambiguous: int = 1) -> None:
        self._brush = RowTracker(width, 0, palette, ambiguous=ambiguous)

    @property
    def palette(self) -> Palette:
        return self._brush.palette

    @palette.setter
    def palette(self, palette: Palette) -> None:
        self._brush.palette = palette

    @property
    def rows(self) -> int:
        """How many rows of ours stand above the footer and may still change."""
        return len(self._brush.shown)

    def frame(
        self, final: Sequence[Row], live: Sequence[Row], *, window: int, height: int, footer: Footer
    ) -> FooterFrame:
        """Show more final rows and other live ones, `window` of these at most, on a screen `height` rows high."""
        brush = self._brush
        brush.window = window
        target = brush.target(final, live)
        shown = brush.shown
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
        brush.drawn(target, final, live)
        return frame

    def erase_sequence(self, width: int, height: int, *, reflows: bool) -> str:
        """From the row below to where the live rows begin, on a screen of another width; they are to be erased.

        `reflows` says whether the terminal has wrapped them anew. The next frame draws them again.
        """
        brush = self._brush
        if not brush.has_live_rows:
            brush.width = width
            brush.forget()
            return ""
        same, joined = width == brush.width, brush.continues_line
        way, column = brush.move_to_live_start(width if reflows else brush.width, height)
        brush.width = width
        brush.forget(joined=joined and not (same or column))
        if column:
            return f"\x1b[A{way}{ERASE_DOWN}\r\n"
        return f"\x1b[A{way}" + ("\x1b[A\r\n" if same and joined else "")  # what comes next is another line

    def forget(self) -> None:
        """What is shown belongs to the scrollback: the reply has ended."""
        self._brush.forget()

    def _footed(self, shown: list[Row], target: list[Row], footer: Footer) -> str:
        """Move the footer by as many rows as are added or removed."""
        brush, (height, row, column) = self._brush, footer
        old, more = len(shown), len(target) - len(shown)
        enter, at = "", old + row
        if more > 0:
            below = height - 1
            enter = f"{move_rows(below - row)}\r" + "\n" * more + f"{move_rows(-below - more)}\x1b[{more}L"
            at = old
        stroke = RowDiff(brush.width, brush.palette, brush.cells, shown, at=at, footed=True)
        text = stroke.render(target)
        home = f"{move_rows(len(target) + row - stroke.row)}\r" + (f"\x1b[{column}C" if column else "")
        return f"{enter}{text}{home}"

    def _free(self, target: list[Row], footer: Footer) -> FooterFrame:
        """Erase the footer and write more rows than the screen shows at once."""
        brush = self._brush
        enter = f"{move_rows(-footer.row)}\r{ERASE_DOWN}" if footer.height else ""
        stroke = RowDiff(brush.width, brush.palette, brush.cells, brush.shown, at=len(brush.shown))
        text = stroke.render(target)
        return FooterFrame(f"{enter}{text}" + ("\r\n" if target else ""), footer_erased=footer.height > 0)


def _portions(first: int, size: int, room: int) -> Sequence[int]:
    """Where rows are to be cut that are drawn from the `first` on, so that each portion fits above the footer.

    Nothing if there is no room, or if so many portions would be needed that the footer is better drawn again. A
    portion may touch the last row of the one before, to go on from there.
    """
    if size - first <= room:
        return [size]
    if room < 2 or size - first > room + (_PORTIONS - 1) * (room - 1):
        return []
    return [min(end, size) for end in range(first + room, size + room - 1, room - 1)]


def _first(shown: Sequence[Row], target: Sequence[Row]) -> int:
    """The first row that is touched; where it goes on from the one before, or no longer does, it is that one."""
    size = min(len(shown), len(target))
    first = next((at for at in range(size) if shown[at] != target[at]), size)
    joined = any(first < len(rows) and rows[first].soft for rows in (shown, target))
    return first - 1 if joined and first else first


def _end(rows: Sequence[Row], width: int, cells: WidthTable) -> tuple[int, int]:
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
