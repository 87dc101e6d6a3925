"""Read the events of a turn as pieces of a reply, each of one part: text, reasoning, a call and its arguments."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import field
from enum import StrEnum
from uuid import uuid4

from termchat.core.events import (
    Event,
    Finished,
    MessageDone,
    ProviderNotice,
    ReasoningDelta,
    StepStarted,
    Streamed,
    TextBecameReasoning,
    TextDelta,
    ToolCallDelta,
    TurnEnded,
    UsageDelta,
)
from termchat.core.messages import Message, Part
from termchat.core.sanitize import repair_surrogates
from termchat.core.usage import Usage
from termchat.late_dataclass import dataclass


class PartKind(StrEnum):
    """The kind of a piece. CALL begins a call, ARGUMENTS continue it, CALL_END ends it."""

    TEXT = "text"
    REASONING = "reasoning"
    CALL = "call"
    ARGUMENTS = "arguments"
    CALL_END = "call_end"


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of part `part` of the reply; parts are numbered as they begin. `id` and `name` are those of a call."""

    kind: PartKind
    part: int
    text: str = ""
    id: str = ""
    name: str = ""


@dataclass(slots=True)
class _OpenCall:
    id: str = ""
    name: str = ""
    held: str = ""
    part: int = -1
    began: bool = False
    ended: bool = False


@dataclass(slots=True)
class PieceReader:
    """Reads events in their order. Text that may turn out to be reasoning waits until that is known.

    parts    the parts of the messages that have ended
    usage    the last counts
    messages the messages that have ended
    ended    the end of the turn, None before it
    word     the vendor's word for the end of the last message
    notices  what the provider has changed in the request
    """

    ended: TurnEnded | None = None
    word: str = ""
    notices: list[str] = field(default_factory=list[str])
    messages: list[Message] = field(default_factory=list[Message])
    usage: Usage = field(default_factory=Usage)
    _step: int = 0
    _parts: dict[tuple[int, PartKind, int], int] = field(default_factory=dict[tuple[int, PartKind, int], int])
    _calls: dict[tuple[int, int], _OpenCall] = field(default_factory=dict[tuple[int, int], _OpenCall])
    _held: dict[int, str] = field(default_factory=dict[int, str])
    _surrogate: str = ""

    @property
    def parts(self) -> tuple[Part, ...]:
        return tuple(part for message in self.messages for part in message.parts)

    def read(self, event: Event) -> Iterator[Piece]:
        """Yield the pieces that an event brings."""
        match event:
            case StepStarted():
                self._step = event.step
            case Streamed():
                yield from self._read_delta(event)
            case MessageDone():
                yield from self._release_text()
                self.messages.append(event.message)
            case TurnEnded():
                self.ended = event
            case _:
                return

    def _read_delta(self, event: Streamed) -> Iterator[Piece]:
        match event.delta:
            case TextDelta(provisional=True) as delta:
                self._held[delta.index] = self._held.get(delta.index, "") + delta.text
            case TextDelta() as delta:
                yield from self._piece(PartKind.TEXT, delta.index, self._held.pop(delta.index, "") + delta.text)
            case TextBecameReasoning() as delta:
                yield from self._piece(PartKind.REASONING, delta.index, self._held.pop(delta.index, ""))
            case ReasoningDelta() as delta:
                yield from self._piece(PartKind.REASONING, delta.index, delta.text)
            case ToolCallDelta() as delta:
                yield from self._release_text()
                yield from self._read_call(delta)
            case UsageDelta() as delta:
                self.usage = delta.usage
            case Finished() as delta:
                self.word = delta.raw
            case ProviderNotice() as delta:
                self.notices.append(delta.words)
            case _:
                return

    def _release_text(self) -> Iterator[Piece]:
        held, self._held = self._held, {}
        for index, text in held.items():
            yield from self._piece(PartKind.TEXT, index, text)

    def _piece(self, kind: PartKind, index: int, text: str) -> Iterator[Piece]:
        text, self._surrogate = self._surrogate + text, ""
        if text and "\ud800" <= text[-1] <= "\udbff":  # the other half is in the next piece
            text, self._surrogate = text[:-1], text[-1]
        if text:
            yield Piece(kind, self._number(kind, index), repair_surrogates(text))

    def _number(self, kind: PartKind, index: int) -> int:
        return self._parts.setdefault((self._step, kind, index), len(self._parts))

    def _read_call(self, delta: ToolCallDelta) -> Iterator[Piece]:
        call = self._calls.setdefault((self._step, delta.index), _OpenCall())
        call.id = call.id or delta.id
        call.name = delta.name if delta.name.startswith(call.name) else call.name
        call.held += delta.arguments
        if not delta.complete and not call.began and (not call.held.strip() or call.held.lstrip().startswith('"')):
            return  # the name may still grow; arguments in a string are unpacked at the end
        if call.part < 0 and call.name:
            call.id = call.id or f"call_{uuid4().hex[:24]}"
            call.part = self._number(PartKind.CALL, delta.index)
            yield Piece(PartKind.CALL, call.part, "", call.id, call.name)
        if call.part < 0:
            return
        text, call.held = call.held, ""
        if delta.complete and not call.began:
            text = _unpacked(text) or "{}"
        call.began = call.began or bool(text)
        if text:
            yield Piece(PartKind.ARGUMENTS, call.part, repair_surrogates(text))
        if delta.complete and not call.ended:
            call.ended = True
            yield Piece(PartKind.CALL_END, call.part)


def _unpacked(arguments: str) -> str:
    """Return the arguments inside a JSON string: some servers encode them twice."""
    try:
        inner: object = json.loads(arguments)
    except (ValueError, RecursionError):
        return arguments
    return inner if isinstance(inner, str) else arguments
