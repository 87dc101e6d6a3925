"""The one HTTP client all SDKs share, and the transport that counts its bytes.

Redirects are never followed (a key must not travel to another origin), every connection attempt has a limit, and
reading has none: `engine/timeouts.py` decides when a reply has stalled.
"""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import AsyncIterator, Generator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any
from urllib.request import getproxies

import httpx2

from termchat.core.provider import StreamMonitor

_reading = threading.Lock()
_trusted: dict[str, ssl.SSLContext] = {}
_wire: ContextVar[StreamMonitor | None] = ContextVar("wire", default=None)
_path: ContextVar[str] = ContextVar("path", default="")
_diverted: ContextVar[CapturedResponse | None] = ContextVar("diverted", default=None)

_KEEP_ALIVE = [
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    *(
        (socket.IPPROTO_TCP, getattr(socket, name), value)
        for name, value in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 60), ("TCP_KEEPCNT", 5))
        if hasattr(socket, name)  # macOS has other names
    ),
]

# Bytes of what the SDKs keep whole: an error, a listing; packed, as it may become a thousand times that.
_LONGEST_ERROR, _LONGEST_PACKED_ERROR = 1_000_000, 10_000
_LONGEST_LISTING, _LONGEST_PACKED_LISTING = 20_000_000, 300_000

# People think between two questions; the connection is kept for them.
_LIMITS = httpx2.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=300.0)


@dataclass(slots=True)
class CapturedResponse:
    """Where the transport leaves a response that the SDK is not to read."""

    response: httpx2.Response | None = None


@contextmanager
def count_bytes(wire: StreamMonitor) -> Generator[None]:
    """Requests made inside count their bytes on `wire`."""
    token = _wire.set(wire)
    try:
        yield
    finally:
        _wire.reset(token)


@contextmanager
def override_path(path: str) -> Generator[None]:
    """Requests made inside go to another path of the same server; "" changes nothing."""
    token = _path.set(path)
    try:
        yield
    finally:
        _path.reset(token)


@contextmanager
def capture_response(slot: CapturedResponse) -> Generator[None]:
    """A good response to a request made inside goes to the slot; the SDK sees an empty one.

    For an SDK without raw-response access to streams. Errors still go to the SDK.
    """
    token = _diverted.set(slot)
    try:
        yield
    finally:
        _diverted.reset(token)


def new_client(connect: float, proxy: str = "", ca: str = "") -> httpx2.AsyncClient:
    """A client for any of the SDKs; close it once, at the end.

    connect   seconds for the connection, TLS included
    proxy     its URL; without one the environment decides (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY)
    ca        file of certificates to trust instead of the system's
    """
    options = _Options(connect, _ssl_context(ca))
    mounts = {} if proxy else _environment_mounts(options)
    return httpx2.AsyncClient(
        transport=Transport(options, proxy or None), mounts=mounts, follow_redirects=False, trust_env=False
    )


def preload_certificates(ca: str) -> None:
    """Read the certificates for `new_client` on a thread: OpenSSL takes 20 ms, and nothing of Python's waits for it."""

    def read() -> None:
        with suppress(OSError, ValueError):  # `new_client` tells what is wrong with them
            _ssl_context(ca)

    if ca not in _trusted:
        threading.Thread(target=read, daemon=True).start()


def _ssl_context(ca: str) -> ssl.SSLContext:
    """What certificates are trusted, read once."""
    with _reading:
        found = _trusted.get(ca)
        if found is None:
            found = _trusted[ca] = ssl.create_default_context(cafile=ca or None)
        return found


@dataclass(frozen=True, slots=True)
class _Options:
    connect: float
    verify: ssl.SSLContext


class Transport(httpx2.AsyncHTTPTransport):
    """The socket side of every provider."""

    def __init__(self, options: _Options, proxy: str | None = None) -> None:
        super().__init__(verify=options.verify, proxy=proxy, socket_options=_KEEP_ALIVE, limits=_LIMITS)
        self._connect = options.connect

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        # The SDKs each bring clocks of their own, Gemini's none at all: ours hold for everyone.
        request.extensions["timeout"] = {"connect": self._connect, "read": None, "write": 60.0, "pool": None}
        request.extensions["trace"] = _Handshake()
        if path := _path.get():
            request.url = request.url.copy_with(path=path)
        response = await super().handle_async_request(request)
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        wire = _wire.get()
        response.stream = _Body(response.stream, wire or StreamMonitor(), _longest(response, listing=wire is None))
        slot = _diverted.get()
        if slot is None or not response.is_success:
            return response
        response.request = request
        slot.response = response
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=b"", request=request)


class _Handshake:
    """Closes the connection of a TLS handshake that is cancelled: httpcore2 leaves it open.

    The `trace` extension is told of all that a request does: https://www.encode.io/httpcore/extensions/#trace
    """

    def __init__(self) -> None:
        self._stream: Any = None

    async def __call__(self, event: str, info: Mapping[str, Any]) -> None:
        match event.partition(".")[2]:
            case "connect_tcp.complete":
                self._stream = info["return_value"]
            case "start_tls.failed" if self._stream:
                await self._stream.aclose()
            case _:
                pass


class _Body(httpx2.AsyncByteStream):
    """A body that counts what arrives, and ends after `longest` bytes."""

    def __init__(self, stream: httpx2.AsyncByteStream, wire: StreamMonitor, longest: int | None) -> None:
        self._stream = stream
        self._wire = wire
        self._left = longest

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._stream:
            self._wire.bytes_received += len(chunk)
            yield chunk if self._left is None else chunk[: self._left]
            if self._left is not None:
                self._left -= len(chunk)
                if self._left <= 0:
                    return

    async def aclose(self) -> None:
        await self._stream.aclose()


def _longest(response: httpx2.Response, *, listing: bool) -> int | None:
    """How much of a body is read, in bytes: the SDKs keep errors and listings whole, and one may have no end."""
    packed = bool(response.headers.get("content-encoding"))
    if not response.is_success:
        return _LONGEST_PACKED_ERROR if packed else _LONGEST_ERROR
    if listing:
        return _LONGEST_PACKED_LISTING if packed else _LONGEST_LISTING
    return None


def _environment_mounts(options: _Options) -> dict[str, httpx2.AsyncBaseTransport | None]:
    """Proxies of the environment as mounts, because a client with a transport of its own does not look there."""
    found = getproxies()
    mounts: dict[str, httpx2.AsyncBaseTransport | None] = {
        f"{scheme}://": Transport(options, found[scheme if scheme != "all" else "all"])
        for scheme in ("http", "https", "all")
        if found.get(scheme)
    }
    if not mounts:
        return {}
    direct = Transport(options)
    for host in (part.strip() for part in found.get("no", "").split(",")):
        if host == "*":
            return {}
        if host:
            mounts[f"all://*{host}" if host.startswith(".") else f"all://{host}"] = direct
    return mounts | {"all://localhost": direct, "all://127.0.0.1": direct, "all://[::1]": direct}
