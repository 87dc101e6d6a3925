"""What a renderer works with and what it gives out."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from tests.gateway.script import AUTO, Call, Cut, Gate, Raw, Repeat, Stall, Wire
from tests.gateway.signatures import Origin, seal, word

Json: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Frame:
    """One SSE event: its name if it has one, and its data."""

    event: str | None
    data: str


Item: TypeAlias = Frame | Cut | Stall | Raw | Gate | Repeat
"""What the transport can do."""

Stream: TypeAlias = Iterator[Item]


@dataclass(frozen=True, slots=True)
class Ask:
    """One request, as a renderer sees it: who is asked, what for, and a word that no other request has."""

    origin: Origin
    body: Json
    serial: str

    @property
    def model(self) -> str:
        return self.origin.model

    def word(self, *parts: object, length: int = 24) -> str:
        """A word for an id, of this request alone."""
        return word(self.serial, *parts, length=length)

    def call_id(self, call: Call, number: int, prefix: str) -> str | None:
        """The id of a call: as scripted, or one of the vendor's form."""
        return f"{prefix}{self.word('call', number)}" if call.id == AUTO else call.id

    def seal(self, kind: str, content: Any, place: int = 0) -> str:
        """A signature of this reply."""
        return seal(self.origin, kind, content, self.serial, place)


def compact(value: Any) -> str:
    """JSON as vendors send it: without blanks, letters as they are."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def encode(frame: Frame, wire: Wire, number: int) -> bytes:
    """The bytes of one event in the dialect of the wire."""
    lines: list[str] = []
    if wire.comments:
        lines += [": keep-alive", ""]
    if wire.ids:
        lines += [f"id: {number}", "retry: 3000", ""]
    if frame.event is not None:
        lines.append(f"event:{' ' * wire.space}{frame.event}")
    lines += [f"data:{' ' * wire.space}{frame.data}", "", ""]
    return wire.line_end.join(lines).encode("utf-8", "surrogatepass")
