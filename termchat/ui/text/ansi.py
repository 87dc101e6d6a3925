"""Rows to what a terminal reads: SGR for looks, OSC 8 for links, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from termchat.ui.text.row import Roles, Row, Segment

if TYPE_CHECKING:
    from termchat.ui.text.palette import Palette

_LINK_END = "\x1b]8;;\x1b\\"


def encode_row(row: Row, palette: Palette) -> str:
    """The row without a line end; whatever look it turns on is off again at its end."""
    return encode_segments(row.segments, palette)


def encode_rows(rows: Iterable[Row], palette: Palette) -> str:
    """Rows as one text, each line ended with CR LF; soft rows are joined to the row before them."""
    parts: list[str] = []
    for row in rows:
        if parts and not row.soft:
            parts.append("\r\n")
        parts.append(encode_row(row, palette))
    if parts:
        parts.append("\r\n")
    return "".join(parts)


def encode_segments(segments: Iterable[Segment], palette: Palette) -> str:
    """The segments one after another, from the plain look back to the plain look."""
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
    """The opening of a link; with an id terminals see the pieces of a wrapped link, which have one address, as one."""
    return f"\x1b]8;id=0;{url}\x1b\\" if url else _LINK_END
