"""A network that connects to given addresses only, whatever the host is called."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

import httpcore2


class PinnedNetwork(httpcore2.AsyncNetworkBackend):
    """Connects to the first address that answers; Host and TLS name stay those of the URL."""

    def __init__(self, addresses: list[str]) -> None:
        self._addresses = addresses
        self._backend: httpcore2.AsyncNetworkBackend = cast("Any", httpcore2.AnyIOBackend)()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        failure: Exception = httpcore2.ConnectError(f"{host} has no address")
        for address in self._addresses:
            try:
                return await self._backend.connect_tcp(address, port, timeout, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failure = error
        raise failure

    async def connect_unix_socket(
        self, path: str, timeout: float | None = None, socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None
    ) -> httpcore2.AsyncNetworkStream:
        raise httpcore2.ConnectError("only TCP")

    async def sleep(self, seconds: float) -> None:
        await self._backend.sleep(seconds)
