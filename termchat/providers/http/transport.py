"""The HTTP client that all SDKs share, and its transport, which counts the bytes received.

Redirects are never followed, because the key must not reach another origin. Connecting has a timeout; reading has
none, because `engine/timeouts.py` decides when a reply has stalled.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from http import HTTPStatus
from typing import Any, NamedTuple

import httpcore2
import httpx2

from termchat.core.provider import StreamMonitor
from termchat.late_dataclass import dataclass
from termchat.providers.http.connection_options import (
    ConnectionOptionError,
    ProxyFailedError,
    ProxyOption,
    configured_proxy,
    environment_proxies,
    tls_context,
)
from termchat.providers.http.early_connection import EarlyConnections

_monitor: ContextVar[StreamMonitor | None] = ContextVar("monitor", default=None)
_path: ContextVar[str] = ContextVar("path", default="")
_captured: ContextVar[CapturedResponse | None] = ContextVar("captured", default=None)
_sending: ContextVar[Sending | None] = ContextVar("sending", default=None)
_intercepted: ContextVar[_Interception | None] = ContextVar("intercepted", default=None)

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

# Users think between two questions; the connection stays open for 300 s. The number of streams is limited by who asks
# (a server's clients, a batch), not here: a stream that waited for the end of another would look like a stalled one.
_LIMITS = httpx2.Limits(max_connections=None, max_keepalive_connections=100, keepalive_expiry=300.0)


@dataclass(slots=True)
class CapturedResponse:
    """A slot for a response that the transport keeps from the SDK."""

    response: httpx2.Response | None = None


@dataclass(slots=True)
class Sending:
    """State of a request: `began` once it has reached the transport, `refused` once an error has answered it."""

    began: bool = False
    refused: bool = False

    @property
    def repeatable(self) -> bool:
        """Return True if nobody pays twice for a second request."""
        return not self.began or self.refused


@contextmanager
def watch_sending() -> Generator[Sending]:
    """Return the state of the requests made inside the context."""
    sending = Sending()
    token = _sending.set(sending)
    try:
        yield sending
    finally:
        _sending.reset(token)


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


@dataclass(frozen=True, slots=True)
class UnsentRequest:
    """A request that is not sent, as its SDK made it."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes


class _Interception(NamedTuple):
    take: Callable[[UnsentRequest], None]
    answered: bool


@contextmanager
def intercept_requests(take: Callable[[UnsentRequest], None], *, answered: bool = False) -> Generator[None]:
    """Pass requests made inside the context to `take` instead of sending them.

    answered   the SDK gets `{}`; else the request waits until it is cancelled
    """
    token = _intercepted.set(_Interception(take, answered))
    try:
        yield
    finally:
        _intercepted.reset(token)


class HttpClient(httpx2.AsyncClient):
    """The client of `new_client`. `direct` is the transport of all requests, None if a proxy takes some."""

    direct: Transport | None = None

    def connect_early(self, url: str) -> None:
        """Begin to connect to the server of a URL, unless by a proxy. Needs a running loop."""
        if self.direct:
            self.direct.connect_early(httpx2.URL(url))


def new_client(connect: float, proxy: str = "", ca: str = "") -> HttpClient:
    """Return a client that several SDKs can share; the caller closes it.

    connect   timeout of the connection in seconds, TLS included
    proxy     URL of the proxy, "" to choose one by HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY
    ca        file of certificates to trust instead of the system's, "" for the system's

    Raises ConnectionOptionError for certificates that cannot be used. A request raises it for such a proxy.
    """
    options = _Options(connect, tls_context(ca))
    direct = Transport(options)
    if proxy:
        transport, mounts = _LazyProxy(options, configured_proxy(proxy)), {}
    else:
        transport, mounts = (
            direct,
            {pattern: _LazyProxy(options, p) if p else direct for pattern, p in environment_proxies()},
        )
    client = HttpClient(transport=transport, mounts=mounts, follow_redirects=False, trust_env=False)
    client.direct = None if proxy or mounts else direct
    return client


@dataclass(frozen=True, slots=True)
class _Options:
    connect: float
    verify: ssl.SSLContext


class _LazyProxy(httpx2.AsyncBaseTransport):
    """A proxy that is made with the first request for it: one that no request needs may be unusable."""

    def __init__(self, options: _Options, proxy: ProxyOption) -> None:
        self._options = options
        self._proxy = proxy
        self._transport: Transport | None = None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if self._transport is None:
            self._transport = Transport(self._options, self._proxy)
        return await self._transport.handle_async_request(request)

    async def aclose(self) -> None:
        if self._transport:
            await self._transport.aclose()


class Transport(httpx2.AsyncHTTPTransport):
    """The transport of every provider: one timeout policy, byte counts, size limits, path override, capture.

    Raises ConnectionOptionError for a proxy that cannot be used.
    """

    def __init__(self, options: _Options, proxy: ProxyOption | None = None) -> None:
        made = proxy.to_httpx2(options.verify) if proxy else None
        try:
            super().__init__(verify=options.verify, proxy=made, socket_options=_KEEP_ALIVE, limits=_LIMITS)
        except ImportError as error:
            assert proxy
            why = "a SOCKS proxy needs the package socksio: pip install socksio"
            raise ConnectionOptionError(proxy.option, proxy.shown, why) from error
        self._connect = options.connect
        self._proxy = proxy
        self._early: EarlyConnections | None = None
        if proxy is None:
            self._early = EarlyConnections(options.verify, _KEEP_ALIVE)
            self._pool = httpcore2.AsyncConnectionPool(  # as made above, with a network of our own
                ssl_context=options.verify,
                max_connections=_LIMITS.max_connections,
                max_keepalive_connections=_LIMITS.max_keepalive_connections,
                keepalive_expiry=_LIMITS.keepalive_expiry,
                socket_options=_KEEP_ALIVE,
                network_backend=self._early,
            )

    def connect_early(self, url: httpx2.URL) -> None:
        """Begin to connect to the origin of a URL; the first request to it takes the connection."""
        if self._early:
            self._early.open(url, self._connect)

    async def aclose(self) -> None:
        if self._early:
            await self._early.aclose()
        await super().aclose()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if path := _path.get():
            request.url = request.url.copy_with(path=path)
        if interception := _intercepted.get():
            return await _intercept(request, interception)
        if sending := _sending.get():
            sending.began = True
        # Each SDK sets other timeouts, and Gemini's sets none: these replace them.
        request.extensions["timeout"] = {"connect": self._connect, "read": None, "write": 60.0, "pool": None}
        response = await self._send(request)
        if sending:
            sending.refused = response.is_error
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

    async def _send(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request. Raises ProxyFailedError for a failure of the proxy, not of the server behind it."""
        request.extensions["trace"] = connection = _ConnectionTrace()
        try:
            response = await super().handle_async_request(request)
        except (httpx2.ProxyError, httpx2.ConnectError, httpx2.ConnectTimeout) as error:
            if self._proxy is None or (connection.open and not isinstance(error, httpx2.ProxyError)):
                raise
            raise ProxyFailedError(self._proxy, str(error)) from error
        if self._proxy and response.status_code == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
            await response.aclose()
            raise ProxyFailedError(self._proxy, f"407 {HTTPStatus.PROXY_AUTHENTICATION_REQUIRED.phrase}")
        return response


async def _intercept(request: httpx2.Request, interception: _Interception) -> httpx2.Response:
    body = await request.aread()
    interception.take(UnsentRequest(request.method, str(request.url), dict(request.headers), body))
    if not interception.answered:
        await asyncio.Event().wait()
    response = httpx2.Response(200, json={}, request=request)
    if captured := _captured.get():
        captured.response = response
    return response


class _ConnectionTrace:
    """Follows the steps of a request: https://www.encode.io/httpcore/extensions/#trace

    Closes the connection of a cancelled TLS handshake, which httpcore2 2.16 leaves open.
    """

    def __init__(self) -> None:
        self._stream: Any = None

    @property
    def open(self) -> bool:
        """True if this request opened a connection, to the server or to the proxy."""
        return self._stream is not None

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
