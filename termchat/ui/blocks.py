"""Blocks: what is to be written into the scrollback, as values.

The reducer in `view` says blocks; whoever owns the terminal turns them into rows. A line is made of segments of
safe text, each with the roles it plays; no block knows of colours, and only a card is told the columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from termchat.core.messages import Citation, ToolCall, ToolResult
from termchat.ui.text.line import Line


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


Block: TypeAlias = ReplyText | ReasoningText | EndOfText | StaticLines | ToolCard | Sources
