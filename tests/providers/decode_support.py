"""Helpers that feed JSON events to decoders and collect the parts."""

from __future__ import annotations

from itertools import count
from typing import Any

from termchat.core.events import Delta
from termchat.core.messages import Part
from termchat.core.wire.assemble import MessageBuilder
from termchat.providers.decoder import Decoder, NewId


def new_ids() -> NewId:
    """Ids for calls without one: `new1`, `new2` ..."""
    numbers = count(1)
    return lambda: f"new{next(numbers)}"


def fed(decoder: Decoder, *events: dict[str, Any]) -> list[Delta]:
    """The deltas of these events and of the end of the body; the value of `@` is the name of the SSE event."""
    deltas = [
        delta
        for event in events
        for delta in decoder.decode_event(event.get("@", ""), {k: v for k, v in event.items() if k != "@"})
    ]
    return [*deltas, *decoder.end()]


def assembled(deltas: list[Delta]) -> MessageBuilder:
    assembly = MessageBuilder()
    for delta in deltas:
        assembly.add(delta)
    return assembly


def parts(deltas: list[Delta]) -> tuple[Part, ...]:
    return assembled(deltas).parts()
