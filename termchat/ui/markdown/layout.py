"""The rows of a document as they are laid out: width, indentation by containers, and the space between blocks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto

from termchat.core.sanitize import Safe
from termchat.core.style import TextRole
from termchat.ui.text.row import Row, Segment
from termchat.ui.text.width import WIDTHS
from termchat.ui.text.wrap import LineSpace, OpenLine, rstrip

NARROWEST = 8  # columns; a narrower terminal gets rows of this width


@dataclass(frozen=True, slots=True)
class LayoutOptions:
    """Options of the layout of a document.

    width        the columns of the terminal
    hyperlinks   whether the terminal supports OSC 8
    signs        whether bullets, rules and quote marks may be other than ASCII
    math         whether formulas are shown as Unicode; otherwise as written
    headers      whether a fenced code block has a line above it with its language and its number
    """

    width: int
    hyperlinks: bool = True
    signs: bool = True
    math: bool = True
    headers: bool = False

    def sign(self, sign: str, ascii_sign: str) -> str:
        """Return the sign, or its ASCII substitute."""
        return sign if self.signs else ascii_sign


@dataclass(frozen=True, slots=True)
class Quote:
    """An open block quote."""

    def marker(self, options: LayoutOptions) -> Segment:
        """Return the margin of the first row."""
        return Segment(Safe(options.sign("│ ", "> ")), (TextRole.QUOTE,))

    def rest(self, options: LayoutOptions) -> Segment:
        """Return the margin of the rows after it."""
        return self.marker(options)


@dataclass(frozen=True, slots=True)
class Item:
    """An open list item.

    offset   the column at which its content begins
    kind     the sign of its marker: `-`, `*`, `+`, `.` or `)`
    number   the number of an ordered item
    task     the checkbox of a task, shown instead of a bullet, or ""
    """

    offset: int
    kind: str
    number: int | None
    task: str = ""

    def marker(self, options: LayoutOptions) -> Segment:
        """Return the margin of the first row."""
        sign = (self.task or options.sign("•", "-")) if self.number is None else f"{self.number:>2}{self.kind}"
        return Segment(Safe(f"{sign} "), (TextRole.MARKER,))

    def rest(self, options: LayoutOptions) -> Segment:
        """Return the margin of the rows after it."""
        return Segment(Safe(" " * WIDTHS.width(self.marker(options).text)))


Container = Quote | Item


class BlockKind(Enum):
    """The kind of a block; it decides the space around the block."""

    TEXT = auto()
    HEADING = auto()
    BOX = auto()  # code, tables, formulas: always with space around


class LayoutBuffer:
    """Collects the rows of a document.

    rows              the rows since the last `take`
    blocks            the kind of each block begun since then, and the index of its first row
    stack             the open containers, the innermost last
    pending_markers   how many of the innermost have not shown their marker yet
    blank             True if the source had a blank line since the last row
    fences            the number of fenced code blocks so far, by which /copy takes one
    """

    def __init__(self, options: LayoutOptions) -> None:
        self.options = options
        self.rows: list[Row] = []
        self.blocks: list[tuple[BlockKind, int]] = []
        self.stack: tuple[Container, ...] = ()
        self.pending_markers = 0
        self.blank = False
        self.fences = 0
        self._last: BlockKind | None = None

    def copy(self) -> LayoutBuffer:
        """Return a buffer in the same state, without rows."""
        twin = LayoutBuffer.__new__(LayoutBuffer)
        vars(twin).update(vars(self), rows=[], blocks=[])
        return twin

    def take(self) -> list[Row]:
        """Return the rows and forget them."""
        rows, self.rows, self.blocks = self.rows, [], []
        return rows

    @property
    def line_space(self) -> LineSpace:
        """The space beside the margin of the open containers."""
        indent = sum(WIDTHS.width(part.text) for part in self._margin(self.stack, 0))
        return LineSpace(self.options.width, indent)

    def push(self, container: Container) -> None:
        """Open a container."""
        self.stack = (*self.stack, container)
        self.pending_markers += 1

    def pop_to(self, depth: int) -> None:
        """Close containers until `depth` are open; one that stayed empty still shows its marker."""
        if self.pending_markers and depth < len(self.stack):
            self.emit_pending_markers()
        self.stack = self.stack[:depth]

    def emit_pending_markers(self) -> None:
        """Add a row for the markers that were not shown, if there are any."""
        if self.pending_markers:
            self.begin(BlockKind.TEXT)
            self.put([OpenLine([], 0, False)])

    def begin_box(self) -> None:
        """Begin a code block, table or formula; the marker of a list item gets its own row above it."""
        if any(isinstance(container, Item) for container in self.stack[len(self.stack) - self.pending_markers :]):
            self.emit_pending_markers()
            self._last = None
        self.begin(BlockKind.BOX)

    def begin(self, kind: BlockKind) -> None:
        """Begin a block: add the space that belongs before it."""
        blank, self.blank = self.blank, False
        last, self._last = self._last, kind
        if last is not None and (blank or BlockKind.BOX in (kind, last) or kind is BlockKind.HEADING):
            shown = self.stack[: len(self.stack) - self.pending_markers]
            self._row(self._margin(shown, 0), OpenLine([], 0, False))
        self.blocks.append((kind, len(self.rows)))

    def put(self, lines: Iterable[OpenLine]) -> None:
        """Add rows for lines, each with the margin except the soft ones."""
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
        """Return the margin of a row: at most half of the width; the middle of a deep nesting is left out."""
        if not stack:
            return []
        first = len(stack) - fresh
        options = self.options
        parts = [each.marker(options) if index >= first else each.rest(options) for index, each in enumerate(stack)]
        room = options.width // 2 - WIDTHS.width(parts[-1].text)
        kept: list[Segment] = []
        for part in parts[:-1]:
            room -= WIDTHS.width(part.text)
            if room < 0:
                break
            kept.append(part)
        return [*kept, parts[-1]]
