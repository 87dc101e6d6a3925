"""Encode rows as terminal output: text, SGR for styles and OSC 8 for hyperlinks, nothing else.

OSC 8: https://gist.github.com/egmontkob/eb114294efbcd5adb1944c9f3cb5feda
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from termchat.ui.text.row import Roles, Row, Segment

if TYPE_CHECKING:
    from termchat.ui.text.palette import Palette

_LINK_END = "\x1b]8;;\x1b\\"


def encode_row(row: Row, palette: Palette) -> str:
    """Encode a row without a line end; all styles and hyperlinks are off at its end."""
    return encode_segments(row.segments, palette)


def encode_rows(rows: Iterable[Row], palette: Palette) -> str:
    """Encode rows, each with CR LF at its end; a soft row follows the row before it directly."""
    parts: list[str] = []
    for row in rows:
        if parts and not row.soft:
            parts.append("\r\n")
        parts.append(encode_row(row, palette))
    if parts:
        parts.append("\r\n")
    return "".join(parts)


def encode_segments(segments: Iterable[Segment], palette: Palette) -> str:
    """Encode segments; the terminal has its default style before and after them."""
    parts: list[str] = []
    roles: Roles = ()
    url = ""
    for segment in segments:
        if segment.url != url:
            url = segment.url
            parts.append(_link(url))
        if segment.roles != roles and not (segment.text.isspace() and palette.is_invisible_blank(segment.roles, roles)):
            parts.append(palette.transition(roles, segment.roles))
            roles = segment.roles
        parts.append(segment.text)
    if url:
        parts.append(_LINK_END)
    if roles:
        parts.append(palette.transition(roles, ()))
    return "".join(parts)


def _link(url: str) -> str:
    """Return the sequence that begins a hyperlink, or ends it for "".

    The id makes a terminal highlight all pieces of a wrapped link as one.
    """
    return f"\x1b]8;id=0;{url}\x1b\\" if url else _LINK_END
