"""Fetch a URL: each host is resolved once, its addresses are checked, and the connection goes to a checked one.

No cookies, no credentials, no proxy: a proxy would resolve the host by itself, and the check would mean nothing.
"""

from __future__ import annotations

import asyncio
import hashlib
import socket
import ssl
from collections.abc import AsyncIterable, Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, cast

from termchat.core.approval import Permit
from termchat.tools.web.bounded_body import BODY_BYTES, BoundedBody, EncodingError, read_body
from termchat.tools.web.public_address import is_public
from termchat.tools.web.web_url import UrlError, WebUrl

if TYPE_CHECKING:
    import httpcore2

SECONDS = 30.0  # of a whole fetch
REDIRECTS = 5
_CONNECT = 10.0  # seconds
_REDIRECT = frozenset({301, 302, 303, 307, 308})
_KNOWN_HOSTS = 1_000
_HEADERS: dict[bytes | str, bytes | str] = {
    "User-Agent": "termchat (fetch_url)",
    "Accept": "text/html, application/xhtml+xml, text/*, application/json, */*;q=0.1",
    "Accept-Encoding": "gzip, deflate",
    "Connection": "close",
}

Resolver = Callable[[str, int], Awaitable[list[str]]]
"""Returns the addresses of a host and port as text. Raises OSError."""


class FetchError(Exception):
    """A failed fetch, as a sentence for the model."""


@dataclass(frozen=True, slots=True)
class WebResponse:
    """A response. `hops` are the URLs that redirected to `url`."""

    url: WebUrl
    status: int
    content_type: str
    body: BoundedBody
    hops: tuple[WebUrl, ...]


async def resolve_host(host: str, port: int) -> list[str]:
    """Return the addresses of a host, by the resolver of the system. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


@cache
def _system_trust() -> ssl.SSLContext:
    import httpcore2

    return httpcore2.default_ssl_context()


@dataclass(slots=True)
class UrlFetcher:
    """Fetches URLs.

    resolve    the resolver of names
    trust      makes the TLS context
    seconds    the time limit of a fetch
    """

    resolve: Resolver = resolve_host
    trust: Callable[[], ssl.SSLContext] = _system_trust
    seconds: float = SECONDS
    _looked_up: set[str] = field(default_factory=set[str])

    async def private_addresses(self, url: WebUrl) -> tuple[str, ...]:
        """Return the addresses of a URL that are not public, to be shown before it is approved.

        A public name is not looked up before: the query would carry the name to its owner. It is looked up if an
        approved call has done so.
        """
        if not (url.is_literal or url.is_local_name or url.host in self._looked_up):
            return ()
        try:
            async with asyncio.timeout(_CONNECT):
                addresses = await self.resolve(url.host, url.port)
        except (OSError, UnicodeError):
            return ()
        return tuple(sorted(address for address in addresses if not is_public(address)))

    async def fetch(self, url: WebUrl, permit: Permit) -> WebResponse:
        """Fetch a URL and follow its redirects. Raises FetchError."""
        try:
            async with asyncio.timeout(self.seconds):
                return await self._follow(url, permit)
        except TimeoutError as error:
            raise FetchError(f"{url.text} did not answer completely within {self.seconds:g} seconds") from error

    async def _follow(self, start: WebUrl, permit: Permit) -> WebResponse:
        url, hops = start, list[WebUrl]()
        while True:
            addresses = await self._checked_addresses(url, start, permit)
            found = await self._request(url, addresses)
            if isinstance(found, str):
                hops.append(url)
                url = self._redirected(url, found, hops, permit)
                continue
            return WebResponse(url, found.status, found.content_type, found.body, tuple(hops))

    def _redirected(self, url: WebUrl, location: str, hops: list[WebUrl], permit: Permit) -> WebUrl:
        if len(hops) > REDIRECTS:
            raise FetchError(f"{hops[0].text} redirects more than {REDIRECTS} times")
        try:
            target = url.joined(location)
        except (UrlError, ValueError) as error:
            raise FetchError(f"{url.text} redirects to an address that cannot be fetched: {error}") from error
        if not permit.by_person and target.host != hops[0].host:
            raise FetchError(f"{url.text} redirects to another host. To follow it, fetch {target.text}")
        return target

    async def _checked_addresses(self, url: WebUrl, start: WebUrl, permit: Permit) -> list[str]:
        """Resolve the host, and return its addresses if all of them may be connected to."""
        try:
            addresses = await self.resolve(url.host, url.port)
        except (OSError, UnicodeError) as error:
            raise FetchError(f"the host {url.host} is not known") from error
        if len(self._looked_up) < _KNOWN_HOSTS:
            self._looked_up.add(url.host)
        private = tuple(sorted(address for address in addresses if not is_public(address)))
        if not addresses:
            raise FetchError(f"the host {url.host} has no address")
        if not private or (permit.by_person and url.host == start.host and permit.seen == seen_url(start, private)):
            return addresses
        again = (
            "; call fetch_url again to ask the user for it"
            if url.host == start.host
            else f"; fetch {url.text} to ask for it"
        )
        raise FetchError(f"{url.host} is at {private[0]}, which is not a public address{again}")

    async def _request(self, url: WebUrl, addresses: list[str]) -> _Answer | str:
        """Return the answer of one server, or the target of its redirect."""
        import httpcore2

        from termchat.tools.web.pinned_network import PinnedNetwork

        context = await asyncio.to_thread(self.trust) if url.scheme == "https" else None
        timeouts = {"connect": _CONNECT, "read": self.seconds, "write": self.seconds, "pool": None}
        try:
            async with (
                httpcore2.AsyncConnectionPool(ssl_context=context, network_backend=PinnedNetwork(addresses)) as pool,
                pool.stream("GET", url.text, headers=_HEADERS, extensions={"timeout": timeouts}) as response,
            ):
                return await _answer(url, response)
        except EncodingError as error:
            raise FetchError(f"{url.text} cannot be read: {error}") from error
        except ssl.SSLError as error:
            raise FetchError(f"{url.host} cannot be reached (TLS: {error.reason or error})") from error
        except (httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.TimeoutException, OSError) as error:
            raise FetchError(f"{url.host} cannot be reached ({str(error) or type(error).__name__})") from error


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    content_type: str
    body: BoundedBody


async def _answer(url: WebUrl, response: httpcore2.Response) -> _Answer | str:
    headers = {name.lower().decode("latin-1"): value.decode("latin-1") for name, value in response.headers}
    if response.status in _REDIRECT and "location" in headers:
        return headers["location"]
    chunks = cast("AsyncIterable[bytes]", response.aiter_stream())
    body = await read_body(chunks, headers.get("content-encoding", ""), BODY_BYTES)
    return _Answer(response.status, headers.get("content-type", ""), body)


def seen_url(url: WebUrl, private: Iterable[str]) -> str:
    """Return the hash for `Plan.seen`: of the URL and the private addresses that were shown."""
    return hashlib.sha256("\0".join([url.text, *private]).encode()).hexdigest()


def status_words(status: int) -> str:
    """Return a status with its name: `404 Not Found`."""
    try:
        return f"{status} {HTTPStatus(status).phrase}"
    except ValueError:
        return str(status)
