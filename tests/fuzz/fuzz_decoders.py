"""The decoders, from the bytes of a body to a message that can be saved.

Chunks do not matter, only errors of a kind that the exchange expects are raised, and what came before one is kept.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

from termchat.core.events import Delta
from termchat.core.messages import Message, Role
from termchat.core.models import ApiProtocol
from termchat.core.wire.assemble import MessageBuilder
from termchat.providers.decoder import ServerError
from termchat.providers.http.recording import RecordedResponse, parse_recording
from termchat.providers.http.response_body import NotAReplyError, decode_body
from termchat.providers.replay import decoder_for
from termchat.store.message_json import dump, to_dict
from tests.fuzz.targets import FuzzTarget, pieces, split_head
from tests.providers.decode_support import new_ids

_WIRE = Path(__file__).parent.parent / "wire"
RECORDINGS = [parse_recording(file.read_bytes())[0] for file in sorted(_WIRE.glob("*.sse"))]


PROTOCOLS = (ApiProtocol.CHAT, ApiProtocol.RESPONSES, ApiProtocol.ANTHROPIC, ApiProtocol.GEMINI)


async def decode_reply(protocol: ApiProtocol, body: bytes, sizes: bytes) -> tuple[list[Delta], str]:
    """Decode a body in pieces of these sizes; return the deltas and the end: whole, cut, or the name of an error."""

    async def chunks() -> AsyncIterator[bytes]:
        for piece in pieces(body, sizes):
            yield piece

    recorded = RecordedResponse(200, "text/event-stream", protocol, "m", "p", ("think_tags",), ())
    decoder, deltas = decoder_for(recorded, new_ids()), list[Delta]()
    try:
        async for delta in decode_body(chunks(), decoder):
            deltas.append(delta)
    except (ServerError, NotAReplyError, ValueError, RecursionError) as error:
        if not decoder.finished:
            return deltas, type(error).__name__
        deltas += decoder.end()  # as the exchange: what follows the end of a reply does no harm
    return deltas, "whole" if decoder.finished else "cut"


def _target(protocol: ApiProtocol) -> FuzzTarget:
    def run(data: bytes) -> None:
        sizes, body = split_head(data, 2)
        deltas, end = asyncio.run(decode_reply(protocol, body, sizes))
        if end in ("whole", "cut") and 0 not in sizes:
            assert (deltas, end) == asyncio.run(decode_reply(protocol, body, b"\0"))
        builder = MessageBuilder()
        for delta in deltas:
            builder.add(delta)
        message = Message(Role.ASSISTANT, builder.parts(), usage=builder.usage)
        assert json.loads(dump(to_dict(message))) is not None

    seeds = (b"\x40\x07" + found.body[:4000] for found in RECORDINGS if found.protocol is protocol)
    return FuzzTarget(run, tuple(seeds))


chat = _target(ApiProtocol.CHAT)
responses = _target(ApiProtocol.RESPONSES)
anthropic = _target(ApiProtocol.ANTHROPIC)
gemini = _target(ApiProtocol.GEMINI)
