"""Messages: the immutable values a conversation is made of.

A message is a role and parts in order. What only one vendor understands (signatures, item ids, encrypted
reasoning) sits in `extra` on the part it belongs to; nobody but the adapter that made it looks inside, and
`Origin` decides whether it may be replayed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from termchat.core.models import ApiProtocol, ModelRef
from termchat.core.outcomes import Outcome
from termchat.core.usage import Usage

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"
Extra: TypeAlias = Mapping[str, Json] | None


class Role(StrEnum):
    """Who speaks in a message."""

    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


@dataclass(frozen=True, slots=True)
class Origin:
    """Who produced a message; opaque data goes back to the same origin only."""

    provider: str
    protocol: ApiProtocol
    model: str

    @property
    def ref(self) -> ModelRef:
        return ModelRef(self.provider, self.model)


@dataclass(frozen=True, slots=True)
class Citation:
    """A source the model names for what it said."""

    url: str
    title: str = ""


@dataclass(frozen=True, slots=True)
class Text:
    """Words, as they were typed or said."""

    text: str
    citations: tuple[Citation, ...] = ()
    provider_data: Extra = None


@dataclass(frozen=True, slots=True)
class Reasoning:
    """What the model thought aloud; `redacted` when the vendor shows only that it thought."""

    text: str
    redacted: bool = False
    provider_data: Extra = None


@dataclass(frozen=True, slots=True)
class Search:
    """The vendor searched the web for the model; what it asked, and in `extra` what it wants to be told again."""

    queries: tuple[str, ...] = ()
    provider_data: Extra = None


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call the model asks for.

    `arguments` is the raw JSON text the model wrote; it is parsed late. `whole` is False when the stream ended
    inside the arguments: such a call is never run and never sent again.
    """

    id: str
    name: str
    arguments: str
    complete: bool = True
    provider_data: Extra = None


@dataclass(frozen=True, slots=True)
class Image:
    """A picture: its bytes, or an address the vendor can fetch."""

    mime: str
    data: bytes = b""
    url: str = ""


@dataclass(frozen=True, slots=True)
class File:
    """A document the model takes as it is, for example a PDF."""

    name: str
    mime: str
    data: bytes


@dataclass(frozen=True, slots=True)
class ToolResult:
    """What a call gave: text (and images), or why it failed."""

    call_id: str
    name: str
    parts: tuple[Text | Image, ...]
    is_error: bool = False

    @property
    def text(self) -> str:
        return "\n".join(part.text for part in self.parts if isinstance(part, Text))


Part: TypeAlias = Text | Reasoning | Search | ToolCall | ToolResult | Image | File


@dataclass(frozen=True, slots=True)
class Message:
    """One message.

    `origin`, `outcome` and `usage` are those of an assistant's reply; a user's or a tool's message has none.
    """

    role: Role
    parts: tuple[Part, ...]
    origin: Origin | None = None
    outcome: Outcome | None = None
    usage: Usage | None = None

    @property
    def can_continue(self) -> bool:
        """True for a reply of the model that stopped in the middle."""
        return self.role is Role.ASSISTANT and self.outcome is not None and self.outcome.can_continue

    @property
    def text(self) -> str:
        """The text parts joined, without reasoning, calls and results."""
        return "".join(part.text for part in self.parts if isinstance(part, Text))

    @property
    def sources(self) -> tuple[Citation, ...]:
        """The sources of what was said, each once, in the order in which they were named."""
        return unique_citations(part for part in self.parts if isinstance(part, Text))

    @property
    def calls(self) -> tuple[ToolCall, ...]:
        return tuple(part for part in self.parts if isinstance(part, ToolCall))

    @property
    def results(self) -> tuple[ToolResult, ...]:
        return tuple(part for part in self.parts if isinstance(part, ToolResult))


def unique_citations(texts: Iterable[Text]) -> tuple[Citation, ...]:
    """The sources of several texts, each address once."""
    found: dict[str, Citation] = {}
    for text in texts:
        for citation in text.citations:
            known = found.get(citation.url)
            if known is None or (citation.title and not known.title):
                found[citation.url] = citation
    return tuple(found.values())


def user_message(text: str, *others: Part) -> Message:
    """A user's message; attachments stand before the words that speak of them."""
    return Message(Role.USER, (*others, *((Text(text),) if text else ())))
