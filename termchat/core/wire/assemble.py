"""Fold deltas into the parts of a message.

Pieces are kept in lists keyed by part index and joined every `_MANY` pieces and on read, so the cost of a piece does
not depend on the length of the reply. Every piece names its part, so parallel tool calls may interleave. Joined pieces
are kept as UTF-8: with one emoji in it, a string takes four bytes for each of its characters.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from dataclasses import field
from typing import TypeAlias

from termchat.core.events import (
    CitationDelta,
    Delta,
    Finished,
    ProviderNotice,
    ReasoningDelta,
    RequestAccepted,
    Retrying,
    SearchDelta,
    TextBecameReasoning,
    TextDelta,
    ToolCallDelta,
    UsageDelta,
)
from termchat.core.messages import Citation, Extra, Json, Origin, Part, Reasoning, Search, Text, ToolCall
from termchat.core.sanitize import repair_surrogates
from termchat.core.usage import Usage
from termchat.late_dataclass import dataclass

Encoded: TypeAlias = tuple[Part, tuple[bytes, ...]]
_MANY = 1024  # pieces joined into one block: a small string object is a dozen times the size of its text


@dataclass(slots=True)
class _PartBuilder(ABC):
    """A part of the message that is still arriving."""

    blocks: list[bytes] = field(default_factory=list[bytes])
    pieces: list[str] = field(default_factory=list[str])
    provider_data: dict[str, Json] = field(default_factory=dict[str, Json])

    def add(self, piece: str, extra: Extra) -> None:
        if piece:
            self.pieces.append(piece)
            if len(self.pieces) == _MANY:
                self._join()
        if extra:
            self.provider_data.update((k, v) for k, v in extra.items() if v is not None)

    @property
    def text(self) -> str:
        """The joined pieces. Surrogate halves split over two pieces are paired; lone ones are replaced."""
        self._join()
        joined = b"".join(self.blocks)
        try:
            return joined.decode()
        except UnicodeDecodeError:
            return repair_surrogates(joined.decode("utf-8", "surrogatepass"))

    def encoded(self) -> Encoded | None:
        """The part as `MessageBuilder.encoded_parts` returns it, None for an empty one."""
        part = self.part()
        return part and (part, ())

    @abstractmethod
    def part(self) -> Part | None:
        """The part as received so far, None for an empty one."""

    def _join(self) -> None:
        if self.pieces:
            self.blocks.append("".join(self.pieces).encode("utf-8", "surrogatepass"))
            self.pieces.clear()

    @property
    def opaque(self) -> Extra:
        return self.provider_data or None


@dataclass(slots=True)
class _TextBuilder(_PartBuilder):
    citations: list[Citation] = field(default_factory=list[Citation])

    def part(self) -> Part | None:
        text = self.text
        return Text(text, tuple(self.citations), self.opaque) if text or self.provider_data else None

    def encoded(self) -> Encoded | None:
        self._join()
        blocks = tuple(self.blocks)
        return (Text("", tuple(self.citations), self.opaque), blocks) if blocks or self.provider_data else None


@dataclass(slots=True)
class _ReasoningBuilder(_PartBuilder):
    redacted: bool = False

    def part(self) -> Part | None:
        text = self.text
        return Reasoning(text, self.redacted, self.opaque) if text or self.provider_data else None

    def encoded(self) -> Encoded | None:
        self._join()
        blocks = tuple(self.blocks)
        return (Reasoning("", self.redacted, self.opaque), blocks) if blocks or self.provider_data else None


@dataclass(slots=True)
class _SearchBuilder(_PartBuilder):
    queries: tuple[str, ...] = ()

    def part(self) -> Part | None:
        return Search(self.queries, self.opaque) if self.queries or self.provider_data else None


@dataclass(slots=True)
class _ToolCallBuilder(_PartBuilder):
    id: str = ""
    name: str = ""
    done: bool = False

    def part(self) -> Part | None:
        text = self.text
        arguments = _unwrapped(text) if self.done else text
        return ToolCall(self.id, self.name, arguments or "{}", self.done and bool(self.name), self.opaque)


def _unwrapped(arguments: str) -> str:
    """Return the JSON object inside a JSON string: some servers encode arguments twice."""
    if not arguments.lstrip().startswith('"'):
        return arguments
    try:
        inner: object = json.loads(arguments)
        return inner if isinstance(inner, str) and isinstance(json.loads(inner), dict) else arguments
    except ValueError:
        return arguments


class MessageBuilder:
    """Builds the message of one step from its deltas; `parts` can be read at any moment of the stream.

    usage     the counts of the last request, None without any
    origin    the model that accepted the last request, None if none was accepted
    refused   True if the last request known of was refused, and another may be sent
    earlier   the counts of the requests before it
    """

    def __init__(self) -> None:
        self._open: dict[
            tuple[type[_PartBuilder], int], _TextBuilder | _ReasoningBuilder | _SearchBuilder | _ToolCallBuilder
        ] = {}
        self.usage: Usage | None = None
        self.origin: Origin | None = None
        self.refused = False
        self.earlier: list[tuple[Origin, Usage]] = []
        self.finished: Finished | None = None

    @property
    def received(self) -> bool:
        """True once any content has arrived."""
        return bool(self._open)

    def add(self, delta: Delta) -> None:
        """Add one delta. Retries and notices are not content."""
        match delta:
            case TextDelta():
                self._text(delta.index).add(delta.text, delta.provider_data)
            case TextBecameReasoning():
                self._relabel(delta.index)
            case ReasoningDelta():
                part = self._reasoning(delta.index)
                part.add(delta.text, delta.provider_data)
                part.redacted |= delta.redacted
            case ToolCallDelta():
                call = self._call(delta.index)
                call.id = call.id or delta.id
                if delta.name.startswith(call.name):  # a server may send the name in pieces
                    call.name = delta.name
                call.done |= delta.complete
                call.add(delta.arguments, delta.provider_data)
            case SearchDelta():
                search = self._search(delta.index)
                search.queries = delta.queries or search.queries
                search.add("", delta.provider_data)
            case CitationDelta():
                citations = self._text(delta.index).citations
                if delta.citation not in citations:
                    citations.append(delta.citation)
            case UsageDelta() | RequestAccepted() | Retrying():
                self._count(delta)
            case Finished():
                self.finished = delta
            case ProviderNotice():
                pass

    def parts(self) -> tuple[Part, ...]:
        """Return the parts received so far, in order of their first piece, without empty ones."""
        return tuple(part for open_part in self._open.values() if (part := open_part.part()))

    def encoded_parts(self) -> tuple[Encoded, ...]:
        """Return `parts()`, where the text of a text or reasoning part is "", with its UTF-8 beside it in blocks.

        A long text is not joined, and the blocks are shared, not copied. They may contain surrogates.
        """
        return tuple(part for open_part in self._open.values() if (part := open_part.encoded()))

    def _count(self, delta: UsageDelta | RequestAccepted | Retrying) -> None:
        if isinstance(delta, Retrying):
            self.refused = True
        elif isinstance(delta, RequestAccepted):
            if self.origin and self.usage:
                self.earlier.append((self.origin, self.usage))
            self.origin, self.usage, self.refused = delta.origin, None, False
        elif self.usage is None or delta.usage.input or delta.usage.output:  # a last report may be zeros
            self.usage = delta.usage

    def _relabel(self, index: int) -> None:
        """Make the text of a part its reasoning, at the same place."""
        text = self._text(index)
        reasoning = _ReasoningBuilder(text.blocks, text.pieces, text.provider_data)
        self._open = {
            (_ReasoningBuilder, index) if part is text else key: reasoning if part is text else part
            for key, part in self._open.items()
        }

    def _text(self, index: int) -> _TextBuilder:
        part = self._open.setdefault((_TextBuilder, index), _TextBuilder())
        assert isinstance(part, _TextBuilder)
        return part

    def _reasoning(self, index: int) -> _ReasoningBuilder:
        part = self._open.setdefault((_ReasoningBuilder, index), _ReasoningBuilder())
        assert isinstance(part, _ReasoningBuilder)
        return part

    def _search(self, index: int) -> _SearchBuilder:
        part = self._open.setdefault((_SearchBuilder, index), _SearchBuilder())
        assert isinstance(part, _SearchBuilder)
        return part

    def _call(self, index: int) -> _ToolCallBuilder:
        part = self._open.setdefault((_ToolCallBuilder, index), _ToolCallBuilder())
        assert isinstance(part, _ToolCallBuilder)
        return part
