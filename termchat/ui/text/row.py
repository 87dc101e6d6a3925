"""Segments and rows: laid-out text with roles, which a palette later turns into colours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from termchat.core.sanitize import Safe
from termchat.core.style import TextRole

if TYPE_CHECKING:
    from rich.console import Console, ConsoleOptions, RenderResult

Roles = tuple[TextRole, ...]  # the outermost role first; the style of a later role overrides the earlier ones


@dataclass(frozen=True, slots=True)
class Segment:
    """Text with one style.

    text    the text, without line ends
    roles   the roles that give the style
    url     the target of an OSC 8 hyperlink, or ""
    """

    text: Safe
    roles: Roles = ()
    url: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of the screen, without its line end.

    segments   the text
    cells      its width
    soft       True if the row continues the row before it: that row fills the width and the terminal wraps it without
               a newline, so a copy of both is one line
    """

    segments: tuple[Segment, ...] = ()
    cells: int = 0
    soft: bool = False

    @property
    def text(self) -> Safe:
        """The text of the row without roles and hyperlinks."""
        return Safe("".join(segment.text for segment in self.segments))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the row and a line end; a role is the name of a style in the theme of the console."""
        from rich.segment import Segment as RichSegment
        from rich.style import Style

        for segment in self.segments:
            styles = [console.get_style(role.value, default=Style.null()) for role in segment.roles]
            link = Style(link=segment.url) if segment.url else Style.null()
            yield RichSegment(segment.text, Style.combine([*styles, link]))
        yield RichSegment.line()


BLANK = Row()
