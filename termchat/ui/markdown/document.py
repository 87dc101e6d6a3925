"""Documents: text in, final rows and a preview out; rich prints them as well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Protocol

from termchat.core.sanitize import Safe
from termchat.ui.markdown.block_parser import BlockParser
from termchat.ui.markdown.layout import NARROWEST, BlockKind, LayoutBuffer, LayoutOptions
from termchat.ui.text.row import Row

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

LONG_LINE = 240  # characters; what a longer line begins is decided by so many, and it is read while it arrives
LONG_TABLE_LINE = 1000  # characters; the same for a line with a bar, which may be a table's header or delimiter row


class Rows(Protocol):
    """Text in, rows out: the port of Markdown and plain text documents."""

    def feed(self, text: Safe) -> None:
        """Append a piece of the text."""
        ...

    def close(self) -> None:
        """End the text, complete or not: all rows become final."""
        ...

    def take(self) -> list[Row]:
        """Return the rows that became final since the last call; they never change again."""
        ...

    def preview(self) -> list[Row]:
        """Return the rows after those, as they look at the moment."""
        ...

    def resize(self, width: int) -> None:
        """Lay out at another width, in columns, from here on; final rows stay as they are."""
        ...


class Document:
    """A reply, rendered while it arrives.

    It is a rich renderable: `console.print(document)` prints the text so far, laid out at the console's width, and
    `document.blocks` holds a renderable for each block. Neither touches the rows of `take` and `preview`.
    """

    def __init__(self, width: int, *, hyperlinks: bool = True, signs: bool = True) -> None:
        """Start an empty document.

        Args:
            width: columns of the terminal; it is laid out for at least 8.
            hyperlinks: whether the terminal supports OSC 8.
            signs: whether bullets, rules and quote marks may be other than ASCII.
        """
        self._options = LayoutOptions(max(NARROWEST, width), hyperlinks, signs)
        self._parser = BlockParser(LayoutBuffer(self._options))
        self._source: list[Safe] = []
        self._closed = False
        self._line = ""
        self._column = 0
        self._inside = False  # True once the beginning of the line has been read

    def feed(self, text: Safe) -> None:
        """Append a piece of the text."""
        self._source.append(text)
        lines = text.split("\n")
        for line in lines[:-1]:
            self._more(line)
            self._end()
        self._more(lines[-1])

    def close(self) -> None:
        """End the text, complete or not: all rows become final."""
        self._closed = True
        if self._line or self._inside:
            self._end()
        self._parser.close()

    def take(self) -> list[Row]:
        """Return the rows that became final since the last call; they never change again."""
        return self._parser.sheet.take()

    def preview(self) -> list[Row]:
        """Return the rows after those, as they look at the moment."""
        return self._previewed().rows

    def resize(self, width: int) -> None:
        """Lay out at another width, in columns, from here on; final rows stay as they are."""
        self._parser.resize(width)

    @property
    def blocks(self) -> Sequence[Block]:
        """The blocks of the text so far: headings, paragraphs, list items, code, tables, formulas and rules."""
        return [Block(self, kind, n) for n, (kind, _) in enumerate(self._laid_out(self._options.width)[1])]

    def block_rows(self, width: int, block: int) -> list[Row]:
        """Return the rows of the block with this index at a width, without the blank row above it."""
        rows, starts = self._laid_out(width)
        ends = [*(start for _, start in starts), len(rows)]
        begin, end = list(pairwise(ends))[block]
        own = rows[begin:end]
        while block < len(starts) - 1 and len(own) > 1 and not own[-1].text.strip(" │>"):
            own.pop()  # the space before the next block
        return own

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from self._laid_out(options.max_width)[0]

    def _laid_out(self, width: int) -> tuple[list[Row], list[tuple[BlockKind, int]]]:
        """Return all rows of the text so far at a width, and the kind and first row of each block."""
        whole = Document(width, hyperlinks=self._options.hyperlinks, signs=self._options.signs)
        whole.feed(Safe("".join(self._source)))
        final = whole._parser.sheet
        if self._closed:
            whole.close()
            return final.rows, final.blocks
        live = whole._previewed()
        return [*final.rows, *live.rows], [*final.blocks, *((kind, len(final.rows) + at) for kind, at in live.blocks)]

    def _previewed(self) -> LayoutBuffer:
        twin = self._parser.copy()
        if self._line:
            twin.begin(_expanded(self._line), whole=True, preview=True)
        twin.close(preview=True)
        return twin.sheet

    def _more(self, text: str) -> None:
        """Append to the line; a long one is parsed from its first characters on."""
        if not self._inside:
            self._line += text
            limit = LONG_TABLE_LINE if "|" in self._line[:LONG_LINE] else LONG_LINE
            if len(self._line) <= limit:
                return
            head, text = _expanded(self._line[:limit]), self._line[limit:]
            self._line, self._inside, self._column = "", True, len(head)
            self._parser.begin(head, whole=False)
        if text:
            lead = self._column % 4
            text = (" " * lead + text).expandtabs(4)[lead:]
            self._column += len(text)
            self._parser.more(text)

    def _end(self) -> None:
        if not self._inside:
            self._parser.begin(_expanded(self._line), whole=True)
        self._parser.end()
        self._line, self._inside = "", False


@dataclass(frozen=True, slots=True)
class Block:
    """A block of a document: a rich renderable.

    kind    text, a heading, or a box (code, table, formula)
    index   its place among the blocks of the document
    """

    document: Document
    kind: BlockKind
    index: int

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from self.document.block_rows(options.max_width, self.index)


def _expanded(line: str) -> str:
    """Expand the tabs of a line; one at its end becomes one blank, because two would be a line break."""
    if "\t" not in line:
        return line
    head, tab, tail = line.rpartition("\t")
    if tail.strip(" "):
        return line.expandtabs(4)
    return head.rstrip(" \t").expandtabs(4) + (tab and " ") + (tail if len(tail) > 1 else "")
