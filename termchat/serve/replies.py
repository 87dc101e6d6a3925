"""Answer a request with a running reply: as a stream of events, or as one document.

The status waits for the first content, so that an error before it is a plain HTTP error; a model that takes longer
gets a stream with comments. A client that goes away stops the reply, whose tokens are still counted.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Mapping
from contextlib import aclosing
from typing import Any, Protocol

from starlette.types import Receive, Scope, Send

from termchat.core.events import TurnEnded
from termchat.core.models import ModelRef
from termchat.late_dataclass import dataclass
from termchat.serve.answering import RunningReply
from termchat.serve.face_request import FaceRequest, ReplyMemory
from termchat.serve.faults import Fault, end_fault
from termchat.serve.pieces import Piece, PieceReader

STREAM_HEADERS = {
    "content-type": "text/event-stream; charset=utf-8",
    "cache-control": "no-cache",
    "x-accel-buffering": "no",
}
_COMMENT = b": keep-alive\n\n"
_KEEP_ALIVE = 10.0  # seconds without an event; also the longest wait for a status
_NOTICE = 500  # characters of a header
_LEAVING = 5.0  # seconds for a reply to end after its client has gone


@dataclass(frozen=True, slots=True)
class EndedReply:
    """A reply that has ended well: its end, its parts, and the model that answered."""

    ended: TurnEnded
    read: PieceReader

    @property
    def model(self) -> ModelRef:
        return self.ended.model


class ReplyEncoder(Protocol):
    """Encodes one reply in a dialect."""

    def piece(self, piece: Piece, read: PieceReader) -> Iterable[bytes]:
        """Encode a piece of the reply; the first one begins the stream."""
        ...

    def end(self, reply: EndedReply) -> Iterable[bytes]:
        """Encode the end of a reply, which may have had no piece."""
        ...

    def broken(self, fault: Fault, read: PieceReader) -> Iterable[bytes]:
        """Encode the error that ends a stream."""
        ...

    def document(self, reply: EndedReply) -> Mapping[str, Any]:
        """Return the whole reply."""
        ...

    def error(self, fault: Fault) -> Mapping[str, Any]:
        """Return an error in place of a reply."""
        ...


def event_bytes(value: object, name: str = "") -> bytes:
    """Return an event of a stream with a JSON value."""
    data = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return f"event: {name}\ndata: {data}\n\n".encode() if name else f"data: {data}\n\n".encode()


class ReplyAnswer:
    """An ASGI application that answers one request with a reply."""

    def __init__(
        self,
        asked: FaceRequest,
        reply: RunningReply,
        encoder: ReplyEncoder,
        memory: ReplyMemory,
        wait: float = _KEEP_ALIVE,
    ) -> None:
        self._asked = asked
        self._reply = reply
        self._encoder = encoder
        self._memory = memory
        self._wait = wait
        self._read = PieceReader()
        self._started = False
        self._sent = 0.0  # when something was sent last, by the clock of the loop

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        work = asyncio.create_task(self._answer(send))
        gone = asyncio.create_task(client_gone(receive))
        alive = asyncio.create_task(self._keep_alive(send)) if self._asked.stream else None
        try:
            await asyncio.wait({work, gone}, return_when=asyncio.FIRST_COMPLETED)
            if not work.done():
                self._reply.cancel()
                await asyncio.wait({work}, timeout=_LEAVING)
            if work.done():
                work.result()
        finally:
            others = [task for task in (work, gone, alive) if task]
            for task in others:
                task.cancel()
            await asyncio.gather(*others, return_exceptions=True)

    async def _answer(self, send: Send) -> None:
        read = self._read
        async with aclosing(self._reply.events()) as events:
            async for event in events:
                pieces = list(read.read(event))
                if self._asked.stream and pieces:
                    await self._write(send, [data for piece in pieces for data in self._encoder.piece(piece, read)])
        ended = read.ended
        assert ended is not None, "a turn ends with TurnEnded"
        for message in read.messages:
            self._memory.keep(message)
        await self._finish(send, ended, read)

    async def _finish(self, send: Send, ended: TurnEnded, read: PieceReader) -> None:
        fault, reply = end_fault(ended), EndedReply(ended, read)
        if not self._asked.stream or (fault and not self._started):
            value = self._encoder.error(fault) if fault else self._encoder.document(reply)
            headers = {**(fault.headers if fault else {}), **self._notices()}
            await send_json(send, fault.status if fault else 200, value, headers)
            return
        last = self._encoder.broken(fault, read) if fault else self._encoder.end(reply)
        await self._write(send, list(last))
        await send({"type": "http.response.body", "body": b""})

    async def _write(self, send: Send, parts: list[bytes]) -> None:
        if not parts:
            return
        await self._start(send)
        self._sent = asyncio.get_running_loop().time()
        await send({"type": "http.response.body", "body": b"".join(parts), "more_body": True})

    async def _start(self, send: Send) -> None:
        if self._started:
            return
        self._started = True
        headers = raw_headers({**STREAM_HEADERS, **self._notices()})
        await send({"type": "http.response.start", "status": 200, "headers": headers})

    def _notices(self) -> dict[str, str]:
        """Return the header that tells what the provider has changed in the request so far, if anything."""
        words = " ".join(" ".join(self._read.notices).split())[:_NOTICE].encode("ascii", "replace").decode()
        return {"x-termchat-notice": words} if words else {}

    async def _keep_alive(self, send: Send) -> None:
        loop = asyncio.get_running_loop()
        self._sent = loop.time()
        while True:
            await asyncio.sleep(self._sent + self._wait - loop.time())
            if loop.time() - self._sent >= self._wait:
                await self._write(send, [_COMMENT])


async def client_gone(receive: Receive) -> None:
    """Wait until the client has gone away."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def send_json(send: Send, status: int, value: Mapping[str, Any], headers: Mapping[str, str]) -> None:
    """Send a JSON document as the answer."""
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    given = {**headers, "content-type": "application/json", "content-length": str(len(body))}
    await send({"type": "http.response.start", "status": status, "headers": raw_headers(given)})
    await send({"type": "http.response.body", "body": body})


def raw_headers(headers: Mapping[str, str]) -> list[tuple[bytes, bytes]]:
    """Return headers as ASGI takes them."""
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
