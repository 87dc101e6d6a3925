"""What a block that holds text does with it."""

from __future__ import annotations

from typing import Protocol

from termchat.ui.markdown.layout import LayoutBuffer


class Leaf(Protocol):
    """A block of text, code or cells that is still open.

    A line comes as `line`, then perhaps `more` of it, then `end`. Rows go to the sheet as soon as nothing that
    follows can change them. What is done depends on the text alone, never on how it is cut into `more`.
    """

    def line(self, sheet: LayoutBuffer, text: str) -> None:
        """The beginning of a line, or all of it."""
        ...

    def more(self, sheet: LayoutBuffer, text: str) -> None:
        """The line goes on."""
        ...

    def end(self, sheet: LayoutBuffer) -> None:
        """The line is complete."""
        ...

    def close(self, sheet: LayoutBuffer, *, preview: bool = False) -> None:
        """The block ends; in a preview, markup that is not finished is shown as it will probably look."""
        ...

    def resize(self, sheet: LayoutBuffer) -> None:
        """The sheet has another width."""
        ...

    def copy(self) -> Leaf:
        """The same state; what one goes through is not seen by the other."""
        ...
