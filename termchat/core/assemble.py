"""Folding deltas into the parts of a message.

Pieces are kept in lists keyed by their index and joined by the thousand and when somebody asks, so a reply of any
length costs the same for each piece and holds little more than its text. Interleaved parallel calls come out whole
because each piece names its part.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from termchat.core.events import (
    Adapted,
    CitationDelta,
    Delta,
    Finished,
    ReasoningDelta,
    Retrying,
    SearchDelta,
    TextDelta,
    ToolCallDelta,
    UsageDelta,
)
from termchat.core.messages import Citation, Extra, Json, Part, Reasoning, Search, Text, ToolCall
from termchat.core.sanitize import well_formed
from termchat.core.usage import Usage

_MANY = 4096  # pieces that become one: each small one holds a dozen times its text


@dataclass(slots=True)
class _Open:
    """A part that is still being said."""

    blocks: list[str] = field(default_factory=list[str])
    pieces: list[str] = field(default_factory=list[str])
    extra: dict[str, Json] = field(default_factory=dict[str, Json])

    def add(self, piece: str, extra: Extra) -> None:
        if piece:
            self.pieces.append(piece)
            if len(self.pieces) == _MANY:
                self.blocks.append("".join(self.pieces))
                self.pieces.clear()
        if extra:
            self.extra.update((k, v) for k, v in extra.items() if v is not None)

    @property
    def text(self) -> str:
        """All pieces; halves of a character that came in two of them are one again, lone ones are replaced."""
        return well_formed("".join((*self.blocks, *self.pieces)))

    @property
    def opaque(self) -> Extra:
        return self.extra or None


@dataclass(slots=True)
class _OpenText(_Open):
    citations: list[Citation] = field(default_factory=list[Citation])

    def part(self) -> Part | None:
        if not self.text and not self.extra:
            return None
        return Text(self.text, tuple(self.citations), self.opaque)


@dataclass(slots=True)
class _OpenReasoning(_Open):
    redacted: bool = False

    def part(self) -> Part | None:
        return Reasoning(self.text, self.redacted, self.opaque) if self.text or self.extra else None


@dataclass(slots=True)
class _OpenSearch(_Open):
    queries: tuple[str, ...] = ()

    def part(self) -> Part | None:
        return Search(self.queries, self.opaque) if self.queries or self.extra else None


@dataclass(slots=True)
class _OpenCall(_Open):
    id: str = ""
    name: str = ""
    done: bool = False

    def part(self) -> Part | None:
        return ToolCall(self.id, self.name, self.text or "{}", self.done and bool(self.name), self.opaque)


class Assembly:
    """The message that one step's deltas make, at any moment of the stream."""

    def __init__(self) -> None:
        self._open: dict[tuple[type[_Open], int], _OpenText | _OpenReasoning | _OpenSearch | _OpenCall] = {}
        self.usage: Usage | None = None
        self.finished: Finished | None = None

    @property
    def received(self) -> bool:
        """Whether any content came at all."""
        return bool(self._open)

    def add(self, delta: Delta) -> None:
        match delta:
            case TextDelta():
                self._text(delta.index).add(delta.text, delta.extra)
            case ReasoningDelta():
                part = self._reasoning(delta.index)
                part.add(delta.text, delta.extra)
                part.redacted |= delta.redacted
            case ToolCallDelta():
                call = self._call(delta.index)
                call.id = call.id or delta.id
                call.name = call.name or delta.name
                call.done |= delta.done
                call.add(delta.arguments, delta.extra)
            case SearchDelta():
                search = self._search(delta.index)
                search.queries = delta.queries or search.queries
                search.add("", delta.extra)
            case CitationDelta():
                citations = self._text(delta.index).citations
                if delta.citation not in citations:
                    citations.append(delta.citation)
            case UsageDelta():
                self.usage = delta.usage
            case Finished():
                self.finished = delta
            case Retrying() | Adapted():
                pass

    def parts(self) -> tuple[Part, ...]:
        """What was said so far, in order, without parts that are empty."""
        return tuple(part for open_part in self._open.values() if (part := open_part.part()))

    def _text(self, index: int) -> _OpenText:
        part = self._open.setdefault((_OpenText, index), _OpenText())
        assert isinstance(part, _OpenText)
        return part

    def _reasoning(self, index: int) -> _OpenReasoning:
        part = self._open.setdefault((_OpenReasoning, index), _OpenReasoning())
        assert isinstance(part, _OpenReasoning)
        return part

    def _search(self, index: int) -> _OpenSearch:
        part = self._open.setdefault((_OpenSearch, index), _OpenSearch())
        assert isinstance(part, _OpenSearch)
        return part

    def _call(self, index: int) -> _OpenCall:
        part = self._open.setdefault((_OpenCall, index), _OpenCall())
        assert isinstance(part, _OpenCall)
        return part
