"""Blocks: additions to the scrollback, as values.

The reducer in `turn_state` returns blocks; each front end turns them into rows. A line consists of segments of safe
text with their roles. Blocks have no colours and no width: a card is laid out when it is shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from termchat.core.messages import Citation, ToolCall, ToolResult
from termchat.ui.text.line import Line


@dataclass(frozen=True, slots=True)
class ReplyText:
    """A received piece of the reply: foreign text that the renderer makes safe."""

    text: str


@dataclass(frozen=True, slots=True)
class ReasoningText:
    """A received piece of reasoning to be shown in full."""

    text: str


@dataclass(frozen=True, slots=True)
class EndOfText:
    """The end of a reply text or of reasoning: all of its rows are final."""


@dataclass(frozen=True, slots=True)
class TextWithdrawn:
    """The open reply text is not the answer but reasoning, and ends here.

    `instead` replaces the text where none of its rows is in the scrollback; otherwise `below` marks it. The text is
    kept where `instead` is None.
    """

    instead: Line | None
    below: Line


@dataclass(frozen=True, slots=True)
class StaticLines:
    """Finished lines. `gap` asks for a blank line before them."""

    lines: tuple[Line, ...]
    gap: bool = True


@dataclass(frozen=True, slots=True)
class ToolCard:
    """A finished tool call, the `number`th of this chat; `seconds` is how long it ran, None if that is not known."""

    number: int
    call: ToolCall
    result: ToolResult
    seconds: float | None
    gap: bool = True


@dataclass(frozen=True, slots=True)
class Sources:
    """The sources that the reply cited, each once."""

    sources: tuple[Citation, ...]


Block: TypeAlias = ReplyText | ReasoningText | EndOfText | TextWithdrawn | StaticLines | ToolCard | Sources
