"""Documents: text in, rows out, some of them final and the rest a preview."""

from __future__ import annotations

from typing import Protocol

from termchat.core.sanitize import Safe
from termchat.ui.markdown.block_parser import BlockParser
from termchat.ui.markdown.layout import NARROWEST, LayoutBuffer, LayoutOptions
from termchat.ui.text.row import Row

LONG_LINE = 240
"""A longer line is read while it arrives: what it begins is decided by so many of its characters."""
LONG_TABLE_LINE = 1000
"""The same for a line with a bar among them: it may be a table's header or its delimiter row."""


class Rows(Protocol):
    """Text in, rows out: what rendered and plain documents have in common."""

    def feed(self, text: Safe) -> None:
        """More of the text."""
        ...

    def close(self) -> None:
        """The text ends here, complete or not: all rows become final."""
        ...

    def take(self) -> list[Row]:
        """The rows that have become final since the last call; they never change again."""
        ...

    def preview(self) -> list[Row]:
        """The rows after those, as they look at the moment."""
        ...

    def resize(self, width: int) -> None:
        """The terminal has another width; what is final stays as it is."""
        ...


class Document:
    """One reply, rendered while it arrives.

    `spare` columns on the right stay free in prose (not in code, which the terminal wraps); `hyperlinks` says whether
    it knows OSC 8, `ambiguous` how wide it draws East Asian ambiguous characters; `soft` leaves all wrapping to it;
    `signs` says whether it can show signs outside of ASCII.
    """

    def __init__(
        self,
        width: int,
        *,
        hyperlinks: bool = True,
        signs: bool = True,
    ) -> None:
        look = LayoutOptions(max(NARROWEST, width), hyperlinks, signs)
        self._blocks = BlockParser(LayoutBuffer(look))
        self._line = ""
        self._column = 0
        self._inside = False  # whether the beginning of the line has been read already

    def feed(self, text: Safe) -> None:
        lines = text.split("\n")
        for line in lines[:-1]:
            self._more(line)
            self._end()
        self._more(lines[-1])

    def close(self) -> None:
        if self._line or self._inside:
            self._end()
        self._blocks.close()

    def take(self) -> list[Row]:
        rows = self._blocks.sheet.rows
        self._blocks.sheet.rows = []
        return rows

    def preview(self) -> list[Row]:
        twin = self._blocks.copy()
        if self._line:
            twin.begin(_expanded(self._line), whole=True, preview=True)
        twin.close(preview=True)
        return twin.sheet.rows

    def resize(self, width: int) -> None:
        self._blocks.resize(width)

    def _more(self, text: str) -> None:
        """More of the line; a long one is read from its first characters on."""
        if not self._inside:
            self._line += text
            limit = LONG_TABLE_LINE if "|" in self._line[:LONG_LINE] else LONG_LINE
            if len(self._line) <= limit:
                return
            head, text = _expanded(self._line[:limit]), self._line[limit:]
            self._line, self._inside, self._column = "", True, len(head)
            self._blocks.begin(head, whole=False)
        if text:
            lead = self._column % 4
            text = (" " * lead + text).expandtabs(4)[lead:]
            self._column += len(text)
            self._blocks.more(text)

    def _end(self) -> None:
        if not self._inside:
            self._blocks.begin(_expanded(self._line), whole=True)
        self._blocks.end()
        self._line, self._inside = "", False


def _expanded(line: str) -> str:
    """The line without tabs; at its end a tab is one blank, because two blanks there would break the row."""
    if "\t" not in line:
        return line
    head, tab, tail = line.rpartition("\t")
    if tail.strip(" "):
        return line.expandtabs(4)
    return head.rstrip(" \t").expandtabs(4) + (tab and " ") + (tail if len(tail) > 1 else "")
