"""rich renders text that is printed in one piece, on a console or as styled lines of a front end.

A role is a style name of the console's theme. rich is imported when something is printed.
"""

from __future__ import annotations

from collections.abc import Iterable
from io import StringIO
from typing import TYPE_CHECKING

from termchat.core.sanitize import Safe
from termchat.core.style import TextRole
from termchat.ui.text.line import Line
from termchat.ui.text.palette import ColorDepth, Palette
from termchat.ui.text.row import Roles, Segment

if TYPE_CHECKING:
    from typing import IO

    from rich.console import Console, RenderableType
    from rich.segment import Segment as RichSegment
    from rich.style import Style
    from rich.text import Text


def make_console(
    palette: Palette, *, file: IO[str] | None = None, width: int | None = None, record: bool = False
) -> Console:
    """Return a rich Console that shows the palette's theme at its colour depth.

    Text is printed as it is: no markup, emoji names or highlighting.

    Args:
        palette: the theme and the colour depth.
        file: where to print; standard output by default.
        width: in columns; by default the terminal's, or COLUMNS.
        record: keep what is printed, for `export_svg` and `export_html`.
    """
    from rich.console import Console
    from rich.theme import Theme

    depth = palette.depth
    return Console(
        file=file,
        width=width,
        record=record,
        theme=Theme(palette.rich_styles),
        color_system=depth.color_system,
        no_color=depth is ColorDepth.MONO,
        force_terminal=depth is not ColorDepth.PLAIN,
        legacy_windows=False,
        markup=False,
        emoji=False,
        highlight=False,
    )


def to_text(line: Line) -> Text:
    """Return a styled line as rich Text whose style names are roles."""
    from rich.style import Style
    from rich.text import Text

    text = Text()
    for segment in line:
        start = len(text)
        text.append(segment.text, Style(link=segment.url) if segment.url else None)
        for role in segment.roles:
            text.stylize(role.value, start)
    return text


def render_lines(renderable: RenderableType, columns: int, *, signs: bool = True) -> tuple[Line, ...]:
    """Lay out a renderable as styled lines without trailing blanks.

    Args:
        renderable: its styles are roles or combinations of roles; other styles are dropped.
        columns: the width.
        signs: False for ASCII guides and borders only.
    """
    from rich.console import Console
    from rich.style import Style
    from rich.theme import Theme

    roles = {role.value: Style(meta={role.value: True}) for role in TextRole}
    console = Console(
        file=StringIO(), width=max(1, columns), theme=Theme(roles), markup=False, emoji=False, highlight=False
    )
    options = console.options
    options.encoding = "utf-8" if signs else "ascii"
    return tuple(_line(line) for line in console.render_lines(renderable, options, pad=False))


def _line(rendered: Iterable[RichSegment]) -> Line:
    segments = [Segment(Safe(text), _roles(style), style.link or "" if style else "") for text, style, _ in rendered]
    while segments and not segments[-1].text.strip(" "):
        segments.pop()
    if segments:
        last = segments[-1]
        segments[-1] = Segment(Safe(last.text.rstrip(" ")), last.roles, last.url)
    return tuple(segments)


def _roles(style: Style | None) -> Roles:
    return tuple(map(TextRole, style.meta)) if style else ()
