"""A proxy as companies run it: it opens TLS connections with a certificate of its own, and passes all on to a gateway.

`CONNECT host:443` is answered for every host. The proxy then speaks TLS as that host, so that a client has to trust its
authority, and sends what it reads to the gateway, whatever the host is.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
from contextlib import suppress
from pathlib import Path
from typing import Self

import trustme

from tests.gateway.signals import PATIENCE


class TlsProxy:
    """The proxy on a thread, as a context manager.

    hosts      the hosts of all CONNECT requests, in order
    url        the address of the proxy
    authority  the file with the certificate that a client has to trust
    """

    def __init__(self, gateway_port: int, folder: Path) -> None:
        self.hosts: list[str] = []
        self.url = ""
        self.authority = folder / "authority.pem"
        self._ca = trustme.CA()
        self._ca.cert_pem.write_to_path(str(self.authority))
        self._gateway_port = gateway_port
        self._contexts: dict[str, ssl.SSLContext] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="tls proxy", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._up(), self._loop).result(PATIENCE)
        return self

    def __exit__(self, *exc: object) -> None:
        asyncio.run_coroutine_threadsafe(self._down(), self._loop).result(PATIENCE)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)
        self._loop.close()

    async def _up(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def _down(self) -> None:
        self._server.close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # the closed connections end

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        with suppress(OSError, asyncio.CancelledError, asyncio.IncompleteReadError):
            head = await reader.readuntil(b"\r\n\r\n")
            method, target, _ = head.decode("latin-1").split(" ", 2)
            host = target.partition(":")[0]
            self.hosts.append(host if method == "CONNECT" else f"{method} {target}")
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await writer.drain()
            await writer.start_tls(self._context(host))
            ours, theirs = await asyncio.open_connection("127.0.0.1", self._gateway_port)
            await asyncio.gather(_copy(reader, theirs), _copy(ours, writer))
        writer.close()
        self._tasks.discard(task)

    def _context(self, host: str) -> ssl.SSLContext:
        if host not in self._contexts:
            context = self._contexts[host] = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._ca.issue_cert(host).configure_cert(context)
        return self._contexts[host]


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass on bytes until their end."""
    try:
        with suppress(OSError):
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
    finally:
        writer.close()  # a writer that is open when the loop ends fails in its finalizer
