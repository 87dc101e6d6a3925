"""Blocks: what is to be written into the scrollback, as values.

The reducer in `view` says blocks; whoever owns the terminal turns them into rows. A line is made of segments of
safe text, each with the roles it plays; no block knows of colours, and only a card is told the columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from termchat.core.messages import Citation, ToolCall, ToolResult
from termchat.core.sanitize import EMPTY, Safe
from termchat.core.style import TextRole
from termchat.core.urls import safe_url
from termchat.ui.text.row import Segment

Line: TypeAlias = tuple[Segment, ...]
BLANK: Line = ()


@dataclass(frozen=True, slots=True)
class ReplyText:
    """A piece of the reply, as it came: foreign text that the renderer makes safe."""

    text: str


@dataclass(frozen=True, slots=True)
class ReasoningText:
    """A piece of reasoning that is to be shown in full, as it came."""

    text: str


@dataclass(frozen=True, slots=True)
class EndOfText:
    """What was being said (prose or thought) is over: all of it is final now."""


@dataclass(frozen=True, slots=True)
class StaticLines:
    """Finished lines. `gap` asks for a blank line before them."""

    lines: tuple[Line, ...]
    gap: bool = True


@dataclass(frozen=True, slots=True)
class ToolCard:
    """A tool call that is over, the `number`th of this session."""

    number: int
    call: ToolCall
    result: ToolResult
    seconds: float
    gap: bool = True


@dataclass(frozen=True, slots=True)
class Sources:
    """What the reply named as its sources, each once."""

    sources: tuple[Citation, ...]


@dataclass(frozen=True, slots=True)
class Restore:
    """The question got no answer: it goes back into the input."""


Block: TypeAlias = ReplyText | ReasoningText | EndOfText | StaticLines | ToolCard | Sources | Restore


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
