"""Input and output of renderers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

from tests.gateway.script import AUTO, Call, Cut, Gate, Raw, Repeat, Stall, Wire
from tests.gateway.signatures import Origin, Protocol, prefix_of, seal, word

Json: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Frame:
    """One SSE event: an optional name, and data."""

    event: str | None
    data: str


Item: TypeAlias = Frame | Cut | Stall | Raw | Gate | Repeat  # everything the transport can send

Stream: TypeAlias = Iterator[Item]


@dataclass(frozen=True, slots=True)
class Ask:
    """One request for a renderer: origin, body, and a unique seed."""

    origin: Origin
    body: Json
    serial: str

    @property
    def model(self) -> str:
        return self.origin.model

    def word(self, *parts: object, length: int = 24) -> str:
        """A unique word for an id in this request."""
        return word(self.serial, *parts, length=length)

    def call_id(self, call: Call, number: int, prefix: str) -> str | None:
        """The id of a call: as scripted, or one in the vendor's format."""
        return f"{prefix}{self.word('call', number)}" if call.id == AUTO else call.id

    def seal(self, kind: str, content: Any, place: int = 0, nth: int = 0) -> str:
        """A signature of this reply; that of Anthropic's thinking is bound to the request."""
        bound = self.origin.protocol is Protocol.ANTHROPIC and kind in ("thinking", "redacted") and self.body
        prefix = prefix_of(self.body, self.body["messages"]) if bound else ""
        return seal(self.origin, kind, content, self.serial, place, nth=nth, prefix=prefix)


def compact(value: Any) -> str:
    """JSON as vendors send it: without spaces, non-ASCII unescaped."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def encode(frame: Frame, wire: Wire, number: int) -> bytes:
    """The bytes of one event in the wire format."""
    lines: list[str] = []
    if wire.comments:
        lines += [": keep-alive", ""]
    if wire.ids:
        lines += [f"id: {number}", "retry: 3000", ""]
    if frame.event is not None:
        lines.append(f"event:{' ' * wire.space}{frame.event}")
    lines += [f"data:{' ' * wire.space}{frame.data}", "", ""]
    return wire.line_end.join(lines).encode("utf-8", "surrogatepass")
