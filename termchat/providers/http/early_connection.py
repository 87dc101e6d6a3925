"""The connection of a script's first request, opened while the SDK is being imported.

DNS, TCP and TLS take several round trips, and the import of an SDK takes longer: a request that finds the connection
open leaves that much earlier. Nothing is sent on it; it is closed if no request takes it.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Any, cast

import httpcore2
import httpx2

_MAX_AGE = 5.0  # seconds; a server may close a connection that it hears nothing on


class _TlsStream(httpcore2.AsyncNetworkStream):
    """A stream whose TLS handshake is done: `start_tls` returns it."""

    def __init__(self, stream: httpcore2.AsyncNetworkStream) -> None:
        self._stream = stream

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return await self._stream.read(max_bytes, timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.AsyncNetworkStream:
        return self._stream

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class EarlyConnections(httpcore2.AsyncNetworkBackend):
    """The network of a connection pool, with at most one connection opened early for each address."""

    def __init__(self, context: ssl.SSLContext, socket_options: Iterable[httpcore2.SOCKET_OPTION]) -> None:
        self._backend: httpcore2.AsyncNetworkBackend = cast("Any", httpcore2.AnyIOBackend)()
        self._context = context
        self._socket_options = tuple(socket_options)
        self._known: set[tuple[str, int]] = set()  # addresses that are connected, early or not
        self._opening: dict[tuple[str, int], asyncio.Task[tuple[httpcore2.AsyncNetworkStream, float]]] = {}

    def open(self, url: httpx2.URL, timeout: float) -> None:
        """Begin to connect to the origin of a URL; `timeout` is in seconds, TLS included."""
        host, secure = url.raw_host.decode("ascii"), url.scheme == "https"
        address = host, url.port or (443 if secure else 80)
        if address not in self._known:
            self._known.add(address)
            self._opening[address] = asyncio.create_task(self._open(*address, timeout, secure=secure))

    async def _open(
        self, host: str, port: int, timeout: float, *, secure: bool
    ) -> tuple[httpcore2.AsyncNetworkStream, float]:
        stream = await self._backend.connect_tcp(host, port, timeout, socket_options=self._socket_options)
        if secure:
            try:
                self._context.set_alpn_protocols(["http/1.1"])
                stream = _TlsStream(await stream.start_tls(self._context, host, timeout))
            except BaseException:
                await stream.aclose()
                raise
        return stream, time.monotonic()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        self._known.add((host, port))
        opening = self._opening.pop((host, port), None)
        if opening:
            stream, opened = await opening  # its failure is that of this request
            if time.monotonic() - opened < _MAX_AGE:
                return stream
            await stream.aclose()
        return await self._backend.connect_tcp(host, port, timeout, local_address, socket_options)

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None
    ) -> httpcore2.AsyncNetworkStream:
        return await self._backend.connect_unix_socket(path, timeout, socket_options)

    async def sleep(self, seconds: float) -> None:
        await self._backend.sleep(seconds)

    async def aclose(self) -> None:
        """Close the connections that no request has taken."""
        while self._opening:
            _, opening = self._opening.popitem()
            opening.cancel()
            with suppress(Exception, asyncio.CancelledError):
                stream, _ = await opening
                await stream.aclose()
