"""Documents: pieces of text in, final rows and a preview out."""

from __future__ import annotations

from typing import Protocol

from termchat.core.sanitize import Safe
from termchat.ui.markdown.block_parser import BlockParser
from termchat.ui.markdown.layout import NARROWEST, LayoutBuffer, LayoutOptions
from termchat.ui.text.row import Row

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
    """A reply, rendered while it arrives; it holds no more than the text that may still change.

    `renderable.Markdown` is the whole text as a rich renderable.
    """

    def __init__(
        self,
        width: int,
        *,
        hyperlinks: bool = True,
        signs: bool = True,
        math: bool = True,
        headers: bool = False,
        fences: int = 0,
    ) -> None:
        """Start an empty document.

        Args:
            width: columns of the terminal; it is laid out for at least 8.
            hyperlinks: whether the terminal supports OSC 8.
            signs: whether bullets, rules and quote marks may be other than ASCII.
            math: whether formulas are shown as Unicode, which needs `signs`; otherwise as written.
            headers: whether a fenced code block has a line above it with its language and its number.
            fences: number of fenced code blocks before this text, from which its own are counted on.
        """
        options = LayoutOptions(max(NARROWEST, width), hyperlinks, signs, math and signs, headers)
        self._parser = BlockParser(LayoutBuffer(options))
        self._parser.buffer.fences = fences
        self._line = ""
        self._column = 0
        self._inside = False  # True once the beginning of the line has been read

    def feed(self, text: Safe) -> None:
        """Append a piece of the text."""
        lines = text.split("\n")
        for line in lines[:-1]:
            self._more(line)
            self._end()
        self._more(lines[-1])

    def close(self) -> None:
        """End the text, complete or not: all rows become final."""
        if self._line or self._inside:
            self._end()
        self._parser.close()

    def take(self) -> list[Row]:
        """Return the rows that became final since the last call; they never change again."""
        return self._parser.buffer.take()

    def preview(self) -> list[Row]:
        """Return the rows after those, as they look at the moment."""
        return self.preview_buffer().rows

    def resize(self, width: int) -> None:
        """Lay out at another width, in columns, from here on; final rows stay as they are."""
        self._parser.resize(width)

    @property
    def buffer(self) -> LayoutBuffer:
        """The final rows since the last `take`, and their blocks."""
        return self._parser.buffer

    def preview_buffer(self) -> LayoutBuffer:
        """Return the rows of `preview`, and their blocks."""
        twin = self._parser.copy()
        if self._line:
            twin.begin(_expanded(self._line), whole=True, preview=True)
        twin.close(preview=True)
        return twin.buffer

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


def _expanded(line: str) -> str:
    """Expand the tabs of a line; one at its end becomes one blank, because two would be a line break."""
    if "\t" not in line:
        return line
    head, tab, tail = line.rpartition("\t")
    if tail.strip(" "):
        return line.expandtabs(4)
    return head.rstrip(" \t").expandtabs(4) + (tab and " ") + (tail if len(tail) > 1 else "")
