"""Answers to one request: a rendered reply or a fault."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import replace
from typing import assert_never
from urllib.parse import urlencode

from tests.gateway import fault, render
from tests.gateway.connection import Connection
from tests.gateway.render.errors import error_body, error_status
from tests.gateway.render.frames import Ask, Json, compact
from tests.gateway.requests import RecordedRequest
from tests.gateway.script import Finish, Reply
from tests.gateway.signatures import Protocol, word
from tests.gateway.transport import head, send_body, send_stream

_JSON = "application/json"

Answer = Reply | fault.Fault
_serials = itertools.count(1)


async def answer(conn: Connection, request: RecordedRequest, scripted: Answer, seed: str) -> None:
    """Send the scripted answer in the protocol of the request."""
    assert request.origin is not None
    if isinstance(scripted, Reply):
        await _reply(conn, request, scripted, Ask(request.origin, request.body, f"{seed}-{next(_serials)}"))
    elif isinstance(scripted, fault.Status):
        await send_error(conn, request, scripted)
    elif isinstance(scripted, fault.Drop):
        conn.close() if scripted.how == "fin" else conn.reset()
    elif isinstance(scripted, fault.Silence):
        await conn.idle(None)
    elif isinstance(scripted, fault.Body):
        data = _encoded(error_body(request.origin.protocol, 500)) if scripted.data == "error" else scripted.data
        assert isinstance(data, bytes)
        await send_body(conn, 200, scripted.content_type, data, scripted.headers)
    elif isinstance(scripted, fault.Redirect):
        where = scripted.location or request.path + "?" * bool(request.query) + urlencode(request.query)
        await conn.send(head(scripted.code, (("location", where), ("content-length", "0"))))
    elif isinstance(scripted, fault.NotHttp):
        await conn.send(scripted.data)
        conn.close()
    elif isinstance(scripted, fault.Endless):
        await conn.send(scripted.start)
        while request.sent < scripted.most:
            await conn.send(scripted.again)
            await asyncio.sleep(0)  # let the loop notice a client that left
        conn.close()
    else:
        assert_never(scripted)


async def send_error(conn: Connection, request: RecordedRequest, status: fault.Status) -> None:
    """Send an HTTP error with its scripted body."""
    protocol = request.protocol or Protocol.CHAT
    code = error_status(protocol, status.code, status.kind)
    extra = (*status.headers, _request_id(protocol, "error"))
    if status.retry_after is not None:
        extra = (*extra, ("retry-after", status.retry_after))
    if status.body == "html":
        await send_body(conn, code, "text/html; charset=utf-8", fault.HTML, extra)
        return
    if status.body == "empty":
        await send_body(conn, code, "text/plain", b"", extra)
        return
    if isinstance(status.body, bytes):
        await send_body(conn, code, _JSON, status.body, extra)
        return
    await send_body(conn, code, _JSON, _encoded(_error(request, status, protocol)), extra)


def _error(request: RecordedRequest, status: fault.Status, protocol: Protocol) -> Json:
    message = status.message
    if status.echo_key:
        message = f"Incorrect API key provided: {request.key}. " + message
    body = error_body(protocol, status.code, kind=status.kind, message=message, retry_after=status.retry_after)
    if status.padding:
        body["error"]["message"] += " " + "x" * status.padding
    return body


async def _reply(conn: Connection, request: RecordedRequest, reply: Reply, ask: Ask) -> None:
    if reply.ends == Finish.CONTEXT_FULL and ask.origin.protocol is not Protocol.ANTHROPIC:
        await send_error(conn, request, fault.context_full())  # only Anthropic has a finish reason for it
        return
    named = (*reply.wire.headers, _request_id(ask.origin.protocol, ask.serial))
    if request.streams and not reply.wire.plain:
        wire = replace(reply.wire, headers=named)
        await send_stream(conn, render.stream(reply, ask), wire, ask.origin.protocol)
    else:
        await send_body(conn, 200, _JSON, _encoded(render.whole(reply, ask)), named)


def _request_id(protocol: Protocol, serial: str) -> tuple[str, str]:
    """Header with the request id, as the vendor names it."""
    name = "request-id" if protocol is Protocol.ANTHROPIC else "x-request-id"
    return (name, f"req_{word('request', serial)}")


async def send_count(conn: Connection, request: RecordedRequest) -> None:
    """Answer a token count request with a quarter of the bytes."""
    tokens = len(request.raw) // 4
    shapes: dict[Protocol, Json] = {
        Protocol.ANTHROPIC: {"input_tokens": tokens},
        Protocol.GEMINI: {"totalTokens": tokens},
        Protocol.RESPONSES: {"object": "response.input_tokens", "input_tokens": tokens},
    }
    assert request.origin is not None
    await send_body(conn, 200, _JSON, _encoded(shapes[request.origin.protocol]))


async def send_json(conn: Connection, value: Json) -> None:
    """Send a JSON body with status 200."""
    await send_body(conn, 200, _JSON, _encoded(value))


def _encoded(value: Json) -> bytes:
    return compact(value).encode("utf-8", "surrogatepass")
