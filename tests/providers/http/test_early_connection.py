"""Connections opened before the first request: one is used, none is lost, nothing is sent on it."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import pytest
import trustme

from termchat.providers.http.transport import HttpClient, new_client


@dataclass
class Relay:
    """A server that answers each request with `ok`; `connections` holds the bytes received on each."""

    url: str = ""
    connections: list[bytearray] = field(default_factory=list[bytearray])
    open: int = 0


@asynccontextmanager
async def serving(context: ssl.SSLContext | None = None) -> AsyncIterator[Relay]:
    """Serve on loopback, over TLS with a context, behind a relay."""
    relay = Relay()
    writers: list[asyncio.StreamWriter] = []
    handlers: list[asyncio.Task[None]] = []

    def handler(serve: Callable[..., Coroutine[None, None, None]]) -> Callable[..., None]:
        def begin(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writers.append(writer)
            handlers.append(asyncio.create_task(serve(reader, writer)))

        return begin

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        received = bytearray()
        relay.connections.append(received)
        relay.open += 1
        try:
            while data := await reader.read(65536):
                received += data
                if received.endswith(b"\r\n\r\n"):
                    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                    await writer.drain()
        finally:
            relay.open -= 1
            writer.close()

    async def forward(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", port)
        writers.append(back)
        await asyncio.gather(pump(reader, back), pump(there, writer))

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
        writer.close()

    server = await asyncio.start_server(handler(answer), "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    front = await asyncio.start_server(handler(forward), "127.0.0.1", 0)
    relay.url = f"http{'s' if context else ''}://127.0.0.1:{front.sockets[0].getsockname()[1]}/v1"
    async with server, front:
        yield relay
    for writer in writers:
        writer.close()
    await asyncio.gather(*handlers, *(writer.wait_closed() for writer in writers), return_exceptions=True)


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[ssl.SSLContext, str]:
    """The context of a server for 127.0.0.1, and the file of the authority that signed its certificate."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    file = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(file)
    return context, str(file)


async def until(condition: object) -> None:
    async with asyncio.timeout(20):
        while not condition():  # type: ignore[operator]
            await asyncio.sleep(0)


async def ask(client: HttpClient, url: str) -> str:
    return (await client.get(url)).text


async def test_early_connection_serves_first_request_only() -> None:
    async with serving() as relay, new_client(5) as client:
        client.connect_early(relay.url)
        await until(lambda: relay.connections)
        assert relay.connections == [b""]  # nothing is sent before the request
        assert await ask(client, relay.url) == "ok"
        assert len(relay.connections) == 1
        both = await asyncio.gather(ask(client, relay.url), ask(client, relay.url))
        assert both == ["ok", "ok"]
        assert len(relay.connections) == 2


async def test_early_connection_shakes_hands_while_the_caller_works(certificate: tuple[ssl.SSLContext, str]) -> None:
    context, ca = certificate
    async with serving(context) as relay, new_client(5, ca=ca) as client:
        client.connect_early(relay.url)
        await until(lambda: relay.connections)  # the server learns of a connection when its handshake is over
        assert relay.connections == [b""]
        assert await ask(client, relay.url) == "ok"
        assert len(relay.connections) == 1


async def test_early_connection_that_fails_is_the_failure_of_the_request() -> None:
    async with serving() as relay:
        url = relay.url
    async with new_client(5) as client:
        client.connect_early(url)
        with pytest.raises(httpx2.ConnectError):
            await ask(client, url)


async def test_early_connection_with_unknown_certificate_is_refused(certificate: tuple[ssl.SSLContext, str]) -> None:
    async with serving(certificate[0]) as relay, new_client(5) as client:
        client.connect_early(relay.url)
        with pytest.raises(httpx2.ConnectError, match="certificate"):
            await ask(client, relay.url)


async def test_early_connection_that_no_request_takes_is_closed() -> None:
    async with serving() as relay:
        client = new_client(5)
        client.connect_early(relay.url)
        await until(lambda: relay.open == 1)
        await client.aclose()
        await until(lambda: relay.open == 0)
        assert relay.connections == [b""]


async def test_early_connection_after_the_first_request_is_not_made() -> None:
    async with serving() as relay, new_client(5) as client:
        assert await ask(client, relay.url) == "ok"
        client.connect_early(relay.url)
        assert await ask(client, relay.url) == "ok"
        assert len(relay.connections) == 1


async def test_early_connection_is_not_made_around_a_proxy() -> None:
    async with serving() as relay, new_client(5, proxy="http://127.0.0.1:9") as client:
        client.connect_early(relay.url)
        with pytest.raises(httpx2.ProxyError):
            await ask(client, relay.url)
        assert relay.connections == []


async def test_early_connection_that_is_old_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    from termchat.providers.http import early_connection

    async with serving() as relay, new_client(5) as client:
        client.connect_early(relay.url)
        await until(lambda: relay.connections)
        monkeypatch.setattr(early_connection, "_MAX_AGE", -1.0)
        assert await ask(client, relay.url) == "ok"
        assert len(relay.connections) == 2
        await until(lambda: relay.open == 1)
