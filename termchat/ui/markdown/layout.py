"""The sheet rows are written on: its width, the containers that indent it, and the gaps between blocks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto

from termchat.core.sanitize import Safe
from termchat.core.style import TextRole
from termchat.ui.text.row import Row, Segment
from termchat.ui.text.width import WIDTHS
from termchat.ui.text.wrap import LineSpace, OpenLine, rstrip

NARROWEST = 8
"""Rows are laid out for a terminal at least this wide."""


@dataclass(frozen=True, slots=True)
class LayoutOptions:
    """How a document is laid out.

    width        the columns of the terminal
    hyperlinks   whether the terminal supports OSC 8
    signs        whether bullets, rules and quote marks may be other than ASCII
    """

    width: int
    hyperlinks: bool = True
    signs: bool = True

    def sign(self, sign: str, ascii_sign: str) -> str:
        """Return the sign, or its ASCII substitute."""
        return sign if self.signs else ascii_sign


@dataclass(frozen=True, slots=True)
class Quote:
    """An open block quote."""

    def marker(self, look: LayoutOptions) -> Segment:
        return Segment(Safe(look.sign("│ ", "> ")), (TextRole.QUOTE,))

    def rest(self, look: LayoutOptions) -> Segment:
        return self.marker(look)


@dataclass(frozen=True, slots=True)
class Item:
    """An open list item: its content begins at `offset`; `kind` and `number` are what its marker was."""

    offset: int
    kind: str
    number: int | None

    def marker(self, look: LayoutOptions) -> Segment:
        sign = look.sign("•", "-") if self.number is None else f"{self.number:>2}{self.kind}"
        return Segment(Safe(f"{sign} "), (TextRole.MARKER,))

    def rest(self, look: LayoutOptions) -> Segment:
        return Segment(Safe(" " * WIDTHS.width(self.marker(look).text)))


Container = Quote | Item


class BlockKind(Enum):
    """What a block is, as far as the space around it is concerned."""

    TEXT = auto()
    HEADING = auto()
    BOX = auto()  # code, tables, formulas: always with space around


class LayoutBuffer:
    """Rows go in at the end; `stack` are the open containers, the innermost last.

    The innermost `fresh` of them have not yet shown their marker. `blank` says that the source had a blank line
    since the last row. `blocks` holds, for each block begun, its kind and the index of its first row in `rows`.
    """

    def __init__(self, look: LayoutOptions) -> None:
        self.look = look
        self.rows: list[Row] = []
        self.blocks: list[tuple[BlockKind, int]] = []
        self.stack: tuple[Container, ...] = ()
        self.pending_markers = 0
        self.blank = False
        self._last: BlockKind | None = None

    def copy(self) -> LayoutBuffer:
        """A sheet that goes on where this one is, with no rows on it."""
        twin = LayoutBuffer.__new__(LayoutBuffer)
        vars(twin).update(vars(self), rows=[], blocks=[])
        return twin

    def take(self) -> list[Row]:
        """Return the rows and forget them."""
        rows, self.rows, self.blocks = self.rows, [], []
        return rows

    @property
    def line_space(self) -> LineSpace:
        """The space beside the containers' margin."""
        indent = sum(WIDTHS.width(part.text) for part in self._margin(self.stack, 0))
        return LineSpace(self.look.width, indent)

    def push(self, container: Container) -> None:
        self.stack = (*self.stack, container)
        self.pending_markers += 1

    def pop_to(self, depth: int) -> None:
        """Close containers until `depth` are open; one that stayed empty still shows its marker."""
        if self.pending_markers and depth < len(self.stack):
            self.emit_pending_markers()
        self.stack = self.stack[:depth]

    def emit_pending_markers(self) -> None:
        """A row for the markers that have not been shown, if there are any."""
        if self.pending_markers:
            self.begin(BlockKind.TEXT)
            self.put([OpenLine([], 0, False)])

    def begin_box(self) -> None:
        """A box is about to put its first row; the marker of a list item gets a row of its own above it."""
        if any(isinstance(container, Item) for container in self.stack[len(self.stack) - self.pending_markers :]):
            self.emit_pending_markers()
            self._last = None
        self.begin(BlockKind.BOX)

    def begin(self, kind: BlockKind) -> None:
        """A block is about to put its first row: leave the space that belongs before it."""
        blank, self.blank = self.blank, False
        last, self._last = self._last, kind
        if last is not None and (blank or BlockKind.BOX in (kind, last) or kind is BlockKind.HEADING):
            shown = self.stack[: len(self.stack) - self.pending_markers]
            self._row(self._margin(shown, 0), OpenLine([], 0, False))
        self.blocks.append((kind, len(self.rows)))

    def put(self, lines: Iterable[OpenLine]) -> None:
        """Rows for lines, each with the margin but the soft ones."""
        for line in lines:
            if line.soft:
                self.rows.append(Row(tuple(line.segments), line.cells, True))
                continue
            self._row(self._margin(self.stack, self.pending_markers), line)
            self.pending_markers = 0

    def _row(self, margin: list[Segment], line: OpenLine) -> None:
        segments = [*margin, *line.segments]
        if not line.segments:
            rstrip(segments)
        cells = sum(WIDTHS.width(part.text) for part in segments[: len(margin)])
        self.rows.append(Row(tuple(segments), cells + line.cells))

    def _margin(self, stack: tuple[Container, ...], fresh: int) -> list[Segment]:
        """What stands left of a row: half of the width at most, so the middle of a deep nesting is left out."""
        if not stack:
            return []
        first = len(stack) - fresh
        look = self.look
        parts = [each.marker(look) if index >= first else each.rest(look) for index, each in enumerate(stack)]
        room = look.width // 2 - WIDTHS.width(parts[-1].text)
        kept: list[Segment] = []
        for part in parts[:-1]:
            room -= WIDTHS.width(part.text)
            if room < 0:
                break
            kept.append(part)
        return [*kept, parts[-1]]
