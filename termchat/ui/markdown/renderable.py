"""A whole Markdown text as a rich renderable, laid out by the same parser as a streamed reply."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from termchat.core.sanitize import Safe
from termchat.ui.markdown.document import Document
from termchat.ui.markdown.layout import BlockKind
from termchat.ui.text.row import Row

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

_WIDTH = 80  # columns; any width gives the same blocks


@dataclass(frozen=True, slots=True)
class Markdown:
    """A Markdown text: `console.print(Markdown(text))` prints what the screen shows, at the console's width.

    text         the source
    complete     False for a text that is still arriving: unfinished markup looks as in the preview of a stream
    hyperlinks   whether links are clickable (OSC 8); otherwise their URLs are printed
    signs        whether bullets, rules and quote marks may be other than ASCII
    math         whether formulas are shown as Unicode; otherwise as written
    headers      whether a fenced code block has a line above it with its language and its number
    """

    text: Safe
    complete: bool = True
    hyperlinks: bool = True
    signs: bool = True
    math: bool = True
    headers: bool = False

    @property
    def blocks(self) -> Sequence[Block]:
        """The blocks in their order: headings, paragraphs, list items, code, tables, formulas and rules."""
        return [Block(self, kind, index) for index, (kind, _) in enumerate(self._lay_out(_WIDTH)[1])]

    def rows(self, width: int) -> list[Row]:
        """Return all rows at a width in columns."""
        return self._lay_out(width)[0]

    def block_rows(self, width: int, index: int) -> list[Row]:
        """Return the rows of a block at a width, without the blank row that separates it from the next."""
        rows, starts = self._lay_out(width)
        begin, end = list(pairwise([*(start for _, start in starts), len(rows)]))[index]
        own = rows[begin:end]
        while index < len(starts) - 1 and len(own) > 1 and not own[-1].text.strip(" │>"):
            own.pop()
        return own

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from self.rows(options.max_width)

    def _lay_out(self, width: int) -> tuple[list[Row], list[tuple[BlockKind, int]]]:
        """Return the rows, and for each block its kind and the index of its first row."""
        document = Document(width, hyperlinks=self.hyperlinks, signs=self.signs, math=self.math, headers=self.headers)
        document.feed(self.text)
        if self.complete:
            document.close()
            return document.buffer.rows, document.buffer.blocks
        rows, live = document.buffer.rows, document.preview_buffer()
        blocks = [*document.buffer.blocks, *((kind, len(rows) + start) for kind, start in live.blocks)]
        return [*rows, *live.rows], blocks


@dataclass(frozen=True, slots=True)
class Block:
    """A block of a Markdown text: a rich renderable.

    text    the whole text
    kind    text, a heading, or a box (code, table, formula)
    index   its place among the blocks of the text
    """

    text: Markdown
    kind: BlockKind
    index: int

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from self.text.block_rows(options.max_width, self.index)
