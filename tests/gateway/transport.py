"""Answers as bytes on a connection: heads, framing, splits, pace, and faults."""

from __future__ import annotations

import asyncio
import zlib

from tests.gateway.connection import Connection
from tests.gateway.render.frames import Frame, Stream, encode
from tests.gateway.script import Cut, Raw, Repeat, Stall, Wire
from tests.gateway.signals import Gate
from tests.gateway.signatures import Protocol

_REASONS = {200: "OK", 307: "Temporary Redirect", 400: "Bad Request", 401: "Unauthorized", 404: "Not Found"}
_REASONS |= {429: "Too Many Requests", 500: "Internal Server Error", 502: "Bad Gateway", 529: "Overloaded"}

Headers = tuple[tuple[str, str], ...]


def head(status: int, headers: Headers) -> bytes:
    """The status line and the headers."""
    lines = [f"HTTP/1.1 {status} {_REASONS.get(status, 'Status')}", *(f"{name}: {value}" for name, value in headers)]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8")


async def send_body(conn: Connection, status: int, content_type: str, data: bytes, extra: Headers = ()) -> None:
    """Send a complete answer at once."""
    headers = (("content-type", content_type), ("content-length", str(len(data))), *extra)
    await conn.send(head(status, headers) + data)


async def send_stream(conn: Connection, stream: Stream, wire: Wire, protocol: Protocol) -> None:
    """Send a streamed answer: the head, then each event; a fault ends it."""
    if wire.framing == "length":
        await _send_measured(conn, stream, wire)
        return
    await _send_head(conn, wire)
    body = _Body(conn, wire)
    items = iter(stream)
    for number, item in enumerate(items):
        if isinstance(item, Cut):
            await _cut(conn, body, item, items, wire)
            return
        if isinstance(item, Stall):
            await _stall(conn, body, item, protocol)
        elif isinstance(item, Gate):
            await body.flush()
            await _wait(conn, item)
        elif isinstance(item, Repeat):
            await _repeat(body, encode(_next_frame(items), wire, number), item.times)
        else:
            await body.add(item.data if isinstance(item, Raw) else encode(item, wire, number))
    await body.end()
    if wire.framing == "close":
        conn.close()


_BLOCK = 500  # copies of a repeated event in one write


async def _repeat(body: _Body, data: bytes, times: int) -> None:
    for _ in range(times // _BLOCK):
        await body.add(data * _BLOCK)
    await body.add(data * (times % _BLOCK))


def _next_frame(items: Stream) -> Frame:
    item = next(items)
    assert isinstance(item, Frame), f"only an event can be repeated, not {item}"
    return item


class _Body:
    """The body of a stream, split into writes as the wire format says."""

    def __init__(self, conn: Connection, wire: Wire) -> None:
        self._conn = conn
        self._wire = wire
        self._zip = zlib.compressobj(wbits=31) if wire.gzip else None
        self._held = b""
        self._written = 0

    async def add(self, data: bytes) -> None:
        """Send complete splits and keep the rest."""
        if self._zip is not None:
            data = self._zip.compress(data) + self._zip.flush(zlib.Z_SYNC_FLUSH)
        self._held += data
        while size := self._next_size():
            await self._write(self._held[:size])

    async def flush(self) -> None:
        """Send the kept bytes."""
        if self._held:
            await self._write(self._held)

    async def end(self) -> None:
        """End the body properly."""
        if self._zip is not None:
            self._held += self._zip.flush()
        await self.flush()
        if self._wire.framing == "chunked":
            await self._conn.send(b"0\r\n\r\n")

    async def broken_chunk(self, part: bytes, announced: int) -> None:
        """Send a chunk shorter than its announced length."""
        await self.flush()
        promise = f"{announced:x}\r\n".encode() if self._wire.framing == "chunked" else b""
        await self._conn.send(promise + part)

    def _next_size(self) -> int:
        """Number of kept bytes for one write; 0 for none yet."""
        split = self._wire.split
        if split is None:
            return len(self._held)
        if isinstance(split, int):
            return split if len(self._held) >= split else 0
        edge = next((edge for edge in sorted(split) if edge > self._written), None)
        if edge is None:
            return len(self._held)
        return edge - self._written if len(self._held) >= edge - self._written else 0

    async def _write(self, data: bytes) -> None:
        self._held = self._held[len(data) :]
        self._written += len(data)
        framed = f"{len(data):x}\r\n".encode() + data + b"\r\n" if self._wire.framing == "chunked" else data
        await self._conn.send(framed)
        if self._wire.pace:
            await self._conn.idle(self._wire.pace)


async def _send_head(conn: Connection, wire: Wire) -> None:
    headers: list[tuple[str, str]] = [("content-type", wire.content_type), ("cache-control", "no-cache"), *wire.headers]
    if wire.gzip:
        headers.append(("content-encoding", "gzip"))
    headers.append(("transfer-encoding", "chunked") if wire.framing == "chunked" else ("connection", "close"))
    data = head(200, tuple(headers))
    if not wire.header_pace:
        await conn.send(data)
        return
    for byte in data:
        await conn.send(bytes([byte]))
        await conn.idle(wire.header_pace)


async def _send_measured(conn: Connection, stream: Stream, wire: Wire) -> None:
    """Send the stream as one body with a content length; a cut makes it shorter than announced."""
    data, short = b"", False
    for number, item in enumerate(stream):
        if isinstance(item, Cut):
            short = True
        elif isinstance(item, (Frame, Raw)) and not short:
            data += item.data if isinstance(item, Raw) else encode(item, wire, number)
    length = len(data) + (100 if short else 0)
    await conn.send(head(200, (("content-type", wire.content_type), ("content-length", str(length)))) + data)
    if short:
        conn.close()


async def _cut(conn: Connection, body: _Body, cut: Cut, rest: Stream, wire: Wire) -> None:
    """End the body early; inside the next fitting event if the cut says so."""
    await body.flush()
    if cut.inside is not None:
        data = next((found for found in (_encoded(item, wire) for item in rest) if _fits(found, cut)), b"")
        if not data:
            raise ValueError(f"no event left in this reply to cut inside: {cut}")
        part = data[: _middle(data, cut)]
        if cut.how == "end":
            await body.add(part)
        else:
            await body.broken_chunk(part, len(data))
    if cut.how == "end":
        await body.end()
        if wire.framing == "close":
            conn.close()
    elif cut.how == "fin":
        conn.close()
    else:
        conn.reset()


def _encoded(item: object, wire: Wire) -> bytes:
    return encode(item, wire, 0) if isinstance(item, Frame) else b""


def _fits(data: bytes, cut: Cut) -> bool:
    return any(byte > 127 for byte in data) if cut.inside == "utf8" else bool(data)


def _middle(data: bytes, cut: Cut) -> int:
    """Offset of the cut: after the first byte of a multi-byte character, or in the middle of the JSON."""
    if cut.inside == "utf8":
        return next(place for place, byte in enumerate(data) if byte >= 0xC0) + 1
    start = data.index(b"{") if b"{" in data else 0
    return (start + len(data)) // 2


async def _stall(conn: Connection, body: _Body, stall: Stall, protocol: Protocol) -> None:
    await body.flush()
    if stall.keep_alive is None:
        await conn.idle(stall.seconds)
        return
    native = stall.keep_alive == "ping" and protocol is Protocol.ANTHROPIC
    data = b'event: ping\ndata: {"type": "ping"}\n\n' if native else b": PROCESSING\n\n"
    loop = asyncio.get_running_loop()
    until = None if stall.seconds is None else loop.time() + stall.seconds
    while until is None or loop.time() < until:
        await body.add(data)
        await body.flush()
        await conn.idle(stall.every)


async def _wait(conn: Connection, gate: Gate) -> None:
    """Wait at a gate unless the client has left."""
    opened = asyncio.ensure_future(gate.pass_through())
    gone = asyncio.ensure_future(conn.gone.wait())
    try:
        await asyncio.wait({opened, gone}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        opened.cancel()
        gone.cancel()
        await asyncio.gather(opened, gone, return_exceptions=True)
