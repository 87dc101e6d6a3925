"""The HTTP client that all SDKs share, and its transport, which counts the bytes received.

Redirects are never followed, because the key must not reach another origin. Connecting has a timeout; reading has
none, because `engine/timeouts.py` decides when a reply has stalled.
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

_certificates_lock = threading.Lock()
_contexts: dict[str, ssl.SSLContext] = {}
_monitor: ContextVar[StreamMonitor | None] = ContextVar("monitor", default=None)
_path: ContextVar[str] = ContextVar("path", default="")
_captured: ContextVar[CapturedResponse | None] = ContextVar("captured", default=None)

_KEEP_ALIVE = [
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    *(
        (socket.IPPROTO_TCP, getattr(socket, name), value)
        for name, value in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 60), ("TCP_KEEPCNT", 5))
        if hasattr(socket, name)  # macOS names them differently
    ),
]

# Limits in bytes for bodies that an SDK keeps in memory: error responses and model listings. Compressed bodies have
# lower limits, because they may grow a thousandfold.
_MAX_ERROR, _MAX_COMPRESSED_ERROR = 1_000_000, 10_000
_MAX_LISTING, _MAX_COMPRESSED_LISTING = 20_000_000, 300_000

# Users think between two questions; the connection stays open for 300 s.
_LIMITS = httpx2.Limits(max_connections=100, max_keepalive_connections=20, keepalive_expiry=300.0)


@dataclass(slots=True)
class CapturedResponse:
    """A slot for a response that the transport keeps from the SDK."""

    response: httpx2.Response | None = None


@contextmanager
def count_bytes(monitor: StreamMonitor) -> Generator[None]:
    """Count the response bytes of requests made inside the context in `monitor.bytes_received`."""
    token = _monitor.set(monitor)
    try:
        yield
    finally:
        _monitor.reset(token)


@contextmanager
def override_path(path: str) -> Generator[None]:
    """Send requests made inside the context to another path of the same server; "" changes nothing."""
    token = _path.set(path)
    try:
        yield
    finally:
        _path.reset(token)


@contextmanager
def capture_response(slot: CapturedResponse) -> Generator[None]:
    """Put the response to a request made inside the context into the slot, and hand the SDK an empty one.

    For an SDK without access to the raw response of a stream. An error response still goes to the SDK.
    """
    token = _captured.set(slot)
    try:
        yield
    finally:
        _captured.reset(token)


def new_client(connect: float, proxy: str = "", ca: str = "") -> httpx2.AsyncClient:
    """Return a client that several SDKs can share; the caller closes it.

    connect   timeout of the connection in seconds, TLS included
    proxy     URL of the proxy, "" to read HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY
    ca        file of certificates to trust instead of the system's, "" for the system's

    Raises OSError, ImportError (a SOCKS proxy without its package) or ValueError for a bad proxy or certificate.
    """
    options = _Options(connect, _ssl_context(ca))
    mounts = {} if proxy else _environment_mounts(options)
    return httpx2.AsyncClient(
        transport=Transport(options, proxy or None), mounts=mounts, follow_redirects=False, trust_env=False
    )


def preload_certificates(ca: str) -> None:
    """Load the certificates for `new_client` on a thread: OpenSSL takes 20 ms, and releases the GIL meanwhile."""

    def read() -> None:
        with suppress(OSError, ValueError):  # `new_client` raises the same error
            _ssl_context(ca)

    if ca not in _contexts:
        threading.Thread(target=read, daemon=True).start()


def _ssl_context(ca: str) -> ssl.SSLContext:
    """Return the TLS context of a certificate file, loaded once."""
    with _certificates_lock:
        found = _contexts.get(ca)
        if found is None:
            found = _contexts[ca] = ssl.create_default_context(cafile=ca or None)
        return found


@dataclass(frozen=True, slots=True)
class _Options:
    connect: float
    verify: ssl.SSLContext


class Transport(httpx2.AsyncHTTPTransport):
    """The transport of every provider: one timeout policy, byte counts, size limits, path override, capture."""

    def __init__(self, options: _Options, proxy: str | None = None) -> None:
        super().__init__(verify=options.verify, proxy=proxy, socket_options=_KEEP_ALIVE, limits=_LIMITS)
        self._connect = options.connect

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        # Each SDK sets other timeouts, and Gemini's sets none: these replace them.
        request.extensions["timeout"] = {"connect": self._connect, "read": None, "write": 60.0, "pool": None}
        request.extensions["trace"] = _HandshakeCloser()
        if path := _path.get():
            request.url = request.url.copy_with(path=path)
        response = await super().handle_async_request(request)
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        monitor = _monitor.get()
        response.stream = _Body(
            response.stream, monitor or StreamMonitor(), _body_limit(response, listing=monitor is None)
        )
        slot = _captured.get()
        if slot is None or not response.is_success:
            return response
        response.request = request
        slot.response = response
        return httpx2.Response(200, headers={"content-type": "text/event-stream"}, content=b"", request=request)


class _HandshakeCloser:
    """Closes the connection of a cancelled TLS handshake, which httpcore2 2.16 leaves open.

    Called for each step of a request: https://www.encode.io/httpcore/extensions/#trace
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
    """A body that counts the bytes received and ends after `limit` bytes; None for no limit."""

    def __init__(self, stream: httpx2.AsyncByteStream, monitor: StreamMonitor, limit: int | None) -> None:
        self._stream = stream
        self._monitor = monitor
        self._left = limit

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._stream:
            self._monitor.bytes_received += len(chunk)
            yield chunk if self._left is None else chunk[: self._left]
            if self._left is not None:
                self._left -= len(chunk)
                if self._left <= 0:
                    return

    async def aclose(self) -> None:
        await self._stream.aclose()


def _body_limit(response: httpx2.Response, *, listing: bool) -> int | None:
    """Return the limit of a body in bytes, None for a reply. SDKs keep error responses and listings in memory."""
    compressed = bool(response.headers.get("content-encoding"))
    if not response.is_success:
        return _MAX_COMPRESSED_ERROR if compressed else _MAX_ERROR
    if listing:
        return _MAX_COMPRESSED_LISTING if compressed else _MAX_LISTING
    return None


def _environment_mounts(options: _Options) -> dict[str, httpx2.AsyncBaseTransport | None]:
    """Return the proxies of the environment as mounts: httpx2 ignores them for a client with a custom transport."""
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
