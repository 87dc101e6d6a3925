"""Server-sent events of the page: https://html.spec.whatwg.org/multipage/server-sent-events.html."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any

from starlette.types import Receive, Scope, Send

from termchat.serve.page_api.page_port import Document, Subscription
from termchat.serve.replies import STREAM_HEADERS, client_gone, raw_headers

_KEEP_ALIVE = 10.0  # seconds without an event


def json_bytes(value: Mapping[str, Any]) -> bytes:
    """Return JSON in UTF-8; half of a surrogate pair, as it may stream, is escaped.

    The nodes of a chat are encoded one by one: a single call would hold up the event loop, from any thread.
    """
    if not (nodes := value.get("nodes")):
        return _encoded(value)
    whole = _encoded({**value, "nodes": []})
    before, empty, after = whole.partition(b'"nodes":[')
    return b"".join((before, empty, b",".join(map(_encoded, nodes)), after))


def _encoded(value: object) -> bytes:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    try:
        return text.encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()


class EventStream:
    """An ASGI application that sends the events of a subscription until its end, or until the client has gone."""

    def __init__(self, subscription: Subscription, keep_alive: float = _KEEP_ALIVE) -> None:
        self._subscription = subscription
        self._keep_alive = keep_alive

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        work = asyncio.create_task(self._send(send))
        gone = asyncio.create_task(client_gone(receive))
        try:
            await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                work.result()
        finally:
            self._subscription.close()
            for task in (work, gone):
                task.cancel()
            await asyncio.gather(work, gone, return_exceptions=True)

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": raw_headers(STREAM_HEADERS)})
        while True:
            try:
                async with asyncio.timeout(self._keep_alive):
                    events = await self._subscription.next()
            except TimeoutError:
                body = b": keep-alive\n\n"
            else:
                if not events:
                    break
                body = b"".join([await self._encoded(*event) for event in events])
            await send({"type": "http.response.body", "body": body, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async def _encoded(self, name: str, document: Document) -> bytes:
        data = await asyncio.to_thread(json_bytes, document) if name == "snapshot" else json_bytes(document)
        return f"event: {name}\ndata: ".encode() + data + b"\n\n"
