"""A client for the requests of an OAuth login: what a server names in its metadata may not lead into private networks.

No proxy is used: a proxy would resolve the host by itself, and the check would mean nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from ipaddress import IPv6Address, ip_address
from urllib.parse import urlsplit

import httpcore2
import httpx2

from termchat.tools.mcp.http_transport import limit_body
from termchat.tools.web.pinned_network import PinnedNetwork
from termchat.tools.web.public_address import is_public
from termchat.tools.web.url_fetcher import resolve_host

_SECONDS = 30.0  # of a request


class RefusedAddressError(Exception):
    """An address that a login may not use, as a sentence."""


def oauth_client(server_url: str) -> httpx2.AsyncClient:
    """Return a client that connects to public addresses only, and to private ones if the MCP server has one itself.

    Link-local addresses are never connected to, and http:// only on this computer. Redirects are left to the caller.
    """
    client = httpx2.AsyncClient(transport=_GuardedTransport(server_url), timeout=_SECONDS, trust_env=False)
    client.event_hooks["request"].append(_check_scheme)
    client.event_hooks["response"].append(limit_body)
    return client


class _GuardedTransport(httpx2.AsyncHTTPTransport):
    def __init__(self, server_url: str) -> None:
        context = httpcore2.default_ssl_context()
        super().__init__(verify=context)
        network = GuardedNetwork(server_url)
        self._pool = httpcore2.AsyncConnectionPool(ssl_context=context, network_backend=network)


def is_safe_page(url: str) -> bool:
    """Return True for an https:// URL, and for an http:// one of this computer."""
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and _is_loopback_name(parts.hostname or ""))


async def _check_scheme(request: httpx2.Request) -> None:
    if not is_safe_page(str(request.url)):
        raise RefusedAddressError(f"{request.url.scheme}://{request.url.host} is not encrypted")


class GuardedNetwork(httpcore2.AsyncNetworkBackend):
    """Resolves each host once, checks its addresses, and connects to one that was checked."""

    def __init__(self, server_url: str) -> None:
        parts = urlsplit(server_url)
        self._server = (parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80))
        self._private: bool | None = None

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        addresses = await _resolve(host, port)
        if self._private is None:
            self._private = not all(is_public(address) for address in await _resolve(*self._server))
        for address in addresses:
            if not (is_public(address) or (self._private and not _is_link_local(address))):
                raise RefusedAddressError(f"{host} leads to the private address {address}")
        network = PinnedNetwork(addresses)
        return await network.connect_tcp(host, port, timeout, local_address, socket_options)

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None
    ) -> httpcore2.AsyncNetworkStream:
        raise httpcore2.ConnectError("only TCP")

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


async def _resolve(host: str, port: int) -> list[str]:
    try:
        return await resolve_host(host, port)
    except (OSError, UnicodeError) as error:
        raise httpcore2.ConnectError(f"the host {host} is not known") from error


def _is_link_local(text: str) -> bool:
    address = ip_address(text)
    inner = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return address.is_link_local or (inner is not None and inner.is_link_local)


def _is_loopback_name(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
