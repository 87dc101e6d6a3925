"""The interface of leaf blocks, which hold text and no other blocks."""

from __future__ import annotations

from typing import Protocol

from termchat.ui.markdown.layout import LayoutBuffer


class Leaf(Protocol):
    """An open block of text, code or cells.

    The parser passes each line without its line end: the beginning to `line`, the rest to `more` in any number of
    pieces, then it calls `end`. A leaf adds rows to the buffer as soon as no later text can change them. The rows
    depend on the text alone, not on its division into pieces.
    """

    def line(self, buffer: LayoutBuffer, text: str) -> None:
        """Begin a line with all or the first part of its text."""
        ...

    def more(self, buffer: LayoutBuffer, text: str) -> None:
        """Append text to the line."""
        ...

    def end(self, buffer: LayoutBuffer) -> None:
        """End the line."""
        ...

    def close(self, buffer: LayoutBuffer, *, preview: bool = False) -> None:
        """End the block and add its last rows; a preview shows unfinished markup as it will probably look."""
        ...

    def resize(self, buffer: LayoutBuffer) -> None:
        """Use the new width of the buffer for all rows that are not in it yet."""
        ...

    def copy(self) -> Leaf:
        """Return an independent leaf in the same state."""
        ...
