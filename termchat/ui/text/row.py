"""Rows: what a reply looks like, before anyone decides how to colour or where to draw it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from termchat.core.sanitize import Safe
from termchat.core.style import TextRole

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

Roles = tuple[TextRole, ...]
"""What a piece of text is, the outermost role first; a later role is laid over the earlier ones."""


@dataclass(frozen=True, slots=True)
class Segment:
    """Text of one look; `url` makes it a link of the terminal's own (OSC 8)."""

    text: Safe
    roles: Roles = ()
    url: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of the screen, without its line end.

    `soft` says that the row continues the one before it because the terminal itself wraps there: the row before
    fills the whole width and no newline stands between, so that a copy of both is one line. `cells` is the width.
    """

    segments: tuple[Segment, ...] = ()
    cells: int = 0
    soft: bool = False

    @property
    def text(self) -> Safe:
        return Safe("".join(segment.text for segment in self.segments))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Print the row and a line end; a role is a style name of the console's theme."""
        from rich.segment import Segment as RichSegment
        from rich.style import Style

        for segment in self.segments:
            styles = [console.get_style(role.value, default=Style.null()) for role in segment.roles]
            link = Style(link=segment.url) if segment.url else Style.null()
            yield RichSegment(segment.text, Style.combine([*styles, link]))
        yield RichSegment.line()


BLANK = Row()
