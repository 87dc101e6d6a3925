"""The request after any reply: the rules of each protocol accept it, whatever bytes the reply came from."""

from __future__ import annotations

import asyncio

from termchat.core.messages import Message, Origin, Role, Text, ToolResult, user_message
from termchat.core.outcomes import Outcome
from termchat.core.wire.assemble import MessageBuilder
from tests.fuzz.fuzz_decoders import PROTOCOLS, RECORDINGS, decode_reply
from tests.fuzz.targets import FuzzTarget, split_head
from tests.gateway.validate import problems
from tests.providers.conversations import vendor
from tests.providers.test_wire_views import HEADERS, TARGETS, body_for, jsonable


def _run(data: bytes) -> None:
    head, body = split_head(data, 1)
    protocol = PROTOCOLS[head[0] % len(PROTOCOLS)]
    deltas, end = asyncio.run(decode_reply(protocol, body, b"\0"))
    builder = MessageBuilder()
    for delta in deltas:
        builder.add(delta)
    history = [user_message("A question")]
    if parts := builder.parts():
        outcome = Outcome.COMPLETE if end == "whole" else Outcome.CUT
        reply = Message(Role.ASSISTANT, parts, Origin("elsewhere", protocol, "other"), outcome)
        history.append(reply)
        done = [call for call in reply.calls if call.complete] if end == "whole" else []
        results = tuple(ToolResult(call.id, call.name, (Text("done"),)) for call in done)
        history += [Message(Role.TOOL, results)] if results else []
    history.append(user_message("And now?"))
    for target in TARGETS:
        path, sent = body_for(target, history)
        assert problems(jsonable(sent), HEADERS, vendor(target).endpoint + path) == []


next_request = FuzzTarget(
    _run, tuple(bytes([PROTOCOLS.index(found.protocol)]) + found.body[:6000] for found in RECORDINGS)
)
