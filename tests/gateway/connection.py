"""One client's connection: parses requests, writes bytes, and reports a client that leaves."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress

from tests.gateway.requests import RawRequest, RecordedRequest, record, take_request

_TLS = b"\x16\x03"  # first bytes of a TLS connection
_PLAIN_HTTP = b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n"


class ClientGoneError(Exception):
    """The client closed the connection; nothing more can be sent."""


class Connection(asyncio.Protocol):
    """Pass requests to `serve`, one after the other."""

    def __init__(self, number: int, serve: Callable[[Connection, RecordedRequest], Awaitable[None]]) -> None:
        self.number = number
        self.gone = asyncio.Event()
        self.ended = asyncio.Event()
        self._serve = serve
        self._buffer = bytearray()
        self._writable = asyncio.Event()
        self._writable.set()
        self._task: asyncio.Task[None] | None = None
        self._request: RecordedRequest | None = None
        self._transport: asyncio.Transport | None = None
        self._last = False

    # Callbacks of the event loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._buffer.startswith(_TLS) and self._transport is not None:
            self._transport.write(_PLAIN_HTTP)  # as HTTP servers answer TLS on their port
            self.close()
            return
        self._next()

    def eof_received(self) -> bool:
        self._left()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._left()
        self.ended.set()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    # Methods for `serve`

    async def send(self, data: bytes) -> None:
        """Write and wait while the client does not read; raise ClientGoneError once it has left."""
        if self._transport is None or self.gone.is_set():
            raise ClientGoneError
        if self._transport.is_closing():  # a write failed; the loop calls `connection_lost` later
            self._left()
            raise ClientGoneError
        self._transport.write(data)
        if self._request is not None:
            self._request.sent += len(data)
        await self._writable.wait()
        if self.gone.is_set():
            raise ClientGoneError

    async def idle(self, seconds: float | None) -> None:
        """Wait for some seconds, or forever; raise ClientGoneError when the client leaves."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.gone.wait()
        if self.gone.is_set():
            raise ClientGoneError

    def close(self) -> None:
        """Close the connection after everything is sent."""
        self._last = True
        if self._transport is not None:
            self._transport.close()

    def reset(self) -> None:
        """Reset the connection."""
        self._last = True
        if self._transport is not None:
            sock = self._transport.get_extra_info("socket")
            with suppress(OSError):
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._abort()

    async def stop(self) -> None:
        """Cancel the task and close the socket; return when both are gone."""
        self._last = True
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        if self._transport is not None:
            self._abort()
            await self.ended.wait()

    # Private methods

    def _abort(self) -> None:
        """Abort the transport. One that closed after it sent its buffer has no loop any more and cannot be aborted."""
        if self._transport is not None and not self.ended.is_set():
            self._transport.abort()

    def _next(self) -> None:
        if self._task is not None or self._last:
            return
        raw = take_request(self._buffer)
        if raw is not None:
            self._task = asyncio.get_running_loop().create_task(self._run(raw))

    async def _run(self, raw: RawRequest) -> None:
        self._request = record(raw, self.number)
        try:
            await self._serve(self, self._request)
            self._request.answered.set()
        except ClientGoneError:
            self.close()
        finally:
            self._task = None
        if not self.gone.is_set():
            self._next()

    def _left(self) -> None:
        if self.gone.is_set():
            return
        self.gone.set()
        self._writable.set()
        if self._request is not None and not self._last:
            self._request.note_closed()
