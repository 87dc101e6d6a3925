"""Rendering of replies into each vendor's frames.

`stream(reply, ask)` returns events and acts for the transport, `whole(reply, ask)` the same reply as one body.
"""

from __future__ import annotations

from tests.gateway.render import anthropic, chat, gemini, responses
from tests.gateway.render.frames import Ask, Json, Stream
from tests.gateway.script import Reply
from tests.gateway.signatures import Protocol

_VENDORS = {
    Protocol.CHAT: chat,
    Protocol.RESPONSES: responses,
    Protocol.ANTHROPIC: anthropic,
    Protocol.GEMINI: gemini,
}


def stream(reply: Reply, ask: Ask) -> Stream:
    """Events and acts for a request with streaming."""
    return _VENDORS[ask.origin.protocol].stream(reply, ask)


def whole(reply: Reply, ask: Ask) -> Json:
    """Body for a request without streaming."""
    return _VENDORS[ask.origin.protocol].whole(reply, ask)
