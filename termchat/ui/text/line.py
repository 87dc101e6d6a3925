"""A styled line: segments with text roles and links."""

from __future__ import annotations

from typing import TypeAlias

from termchat.core.sanitize import EMPTY, Safe
from termchat.core.style import TextRole
from termchat.core.urls import safe_url
from termchat.ui.text.row import Segment


def styled_line(text: Safe, *roles: TextRole) -> Line:
    """A line in one look; the empty text is the blank line."""
    return (Segment(text, roles),) if text else BLANK


def linked(text: Safe, page: Safe, *roles: TextRole) -> Line:
    """A line whose address `page` leads there, where it is in the line and one of the web."""
    before, found, behind = text.partition(page) if page and safe_url(page) else (text, "", "")
    if not found:
        return styled_line(text, *roles)
    pieces = (Segment(Safe(before), roles), Segment(page, roles, safe_url(page)), Segment(Safe(behind), roles))
    return tuple(piece for piece in pieces if piece.text)


def lines_of(text: Safe, *roles: TextRole) -> tuple[Line, ...]:
    """A text of several lines, all in one look."""
    return tuple(styled_line(Safe(row), *roles) for row in text.split("\n"))


def strip_links(row: Line) -> Line:
    """The line for a terminal that knows no links."""
    return tuple(Segment(segment.text, segment.roles) for segment in row)


def plain_text(row: Line) -> Safe:
    """The words of a line without their looks."""
    return Safe("".join(segment.text for segment in row)) if row else EMPTY


Line: TypeAlias = tuple[Segment, ...]


BLANK: Line = ()
