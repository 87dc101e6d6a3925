"""Build styled lines, which are tuples of segments."""

from __future__ import annotations

from typing import TypeAlias

from termchat.core.sanitize import EMPTY, Safe, safe_url
from termchat.core.style import TextRole
from termchat.ui.text.row import Segment


def styled_line(text: Safe, *roles: TextRole) -> Line:
    """Return a line of one segment; `BLANK` for an empty text."""
    return (Segment(text, roles),) if text else BLANK


def linked(text: Safe, page: Safe, *roles: TextRole) -> Line:
    """Return a line in which `page` is a hyperlink, if `page` is part of the text and a URL with an allowed scheme."""
    before, found, behind = text.partition(page) if page and safe_url(page) else (text, "", "")
    if not found:
        return styled_line(text, *roles)
    pieces = (Segment(Safe(before), roles), Segment(page, roles, safe_url(page)), Segment(Safe(behind), roles))
    return tuple(piece for piece in pieces if piece.text)


def lines_of(text: Safe, *roles: TextRole) -> tuple[Line, ...]:
    """Split a text at its newlines into lines with the same roles."""
    return tuple(styled_line(Safe(row), *roles) for row in text.split("\n"))


def strip_links(row: Line) -> Line:
    """Remove the hyperlinks of a line, for a terminal without OSC 8."""
    return tuple(Segment(segment.text, segment.roles) for segment in row)


def plain_text(row: Line) -> Safe:
    """Return the text of a line without roles and hyperlinks."""
    return Safe("".join(segment.text for segment in row)) if row else EMPTY


Line: TypeAlias = tuple[Segment, ...]


BLANK: Line = ()
