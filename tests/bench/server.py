"""Servers of the benches: one in a process of its own, which notes when it sent each token, and a distant relay."""

from __future__ import annotations

import asyncio
import multiprocessing
import socket
import ssl
import threading
import time
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

import trustme

from termchat.core.models import ApiProtocol
from tests.bench.terminal import PATIENCE, NotShownError
from tests.gateway import Reply, Text, render, signatures
from tests.gateway.render.frames import Ask, Frame, encode
from tests.gateway.requests import take_request
from tests.gateway.script import Wire as Travel
from tests.providers.support import MODELS, VENDORS

_HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
_NONE = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n"


_FIRST = 0.3  # seconds from the head to the first token; models take longer


class Sent(NamedTuple):
    """One answer on the monotonic clock: arrival of the request, and the time each piece was sent."""

    arrived: float
    times: list[float]


class PacedServer(NamedTuple):
    """A running server; any path under `url` answers a POST with the reply."""

    url: str
    pipe: Connection

    def sent(self) -> Sent:
        """Wait for the end of the next answer."""
        if not self.pipe.poll(PATIENCE):
            raise NotShownError("no answer was sent")
        return self.pipe.recv()

    def forget(self) -> None:
        """Drop the notes of answers so far."""
        while self.pipe.poll(0):
            self.pipe.recv()


def pieces(protocol: ApiProtocol, tokens: Sequence[str]) -> list[bytes]:
    """The server-sent events of a reply, one for each token and those around them."""
    ask = Ask(signatures.Origin("", VENDORS[protocol], MODELS[protocol]), {}, "bench")
    frames = render.stream(Reply(Text(*tokens)), ask)
    return [encode(frame, Travel(), n) for n, frame in enumerate(frames) if isinstance(frame, Frame)]


@contextmanager
def serving(events: Sequence[bytes], rate: float = 0) -> Iterator[PacedServer]:
    """Serve a reply with `rate` pieces a second; with 0 all bytes at once, as a single piece."""
    context = multiprocessing.get_context("spawn")  # a fork would copy threads' locks
    near, far = context.Pipe()
    answer = list(events) if rate else [b"".join(events)]
    process = context.Process(target=_serve, args=(answer, rate, far), daemon=True)
    process.start()
    far.close()  # so that a server that ends is noticed
    try:
        yield PacedServer(f"http://127.0.0.1:{near.recv()}", near)
    finally:
        process.terminate()
        process.join()
        near.close()


def _serve(answer: Sequence[bytes], rate: float, pipe: Connection) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        pipe.send(server.getsockname()[1])
        while True:
            client, _ = server.accept()
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=_talk, args=(client, answer, rate, pipe), daemon=True).start()


def _talk(client: socket.socket, answer: Sequence[bytes], rate: float, pipe: Connection) -> None:
    buffer = bytearray()
    with client, suppress(OSError):
        while data := client.recv(1 << 16):
            buffer += data
            request = take_request(buffer)
            if request is None:
                continue
            if request.method != "POST":
                client.sendall(_NONE)
                continue
            arrived, times = time.monotonic(), list[float]()
            client.sendall(_HEAD)
            begin = time.monotonic() + _FIRST
            for n, piece in enumerate(answer):
                if rate:
                    time.sleep(max(0.0, begin + n / rate - time.monotonic()))
                times.append(time.monotonic())
                client.sendall(piece)
            client.shutdown(socket.SHUT_WR)
            pipe.send(Sent(arrived, times))
            while client.recv(1 << 16):
                pass
            return


@dataclass
class Relay:
    """A running relay.

    url     its address; `ca` the file of its authority
    ready   end of the last TLS handshake as the server sees it, on the monotonic clock
    first   arrival of the first bytes after it
    """

    url: str
    ca: Path
    ready: float = 0.0
    first: float = 0.0
    _tasks: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])
    _servers: list[asyncio.Server] = field(default_factory=list[asyncio.Server])


@contextmanager
def relay(port: int, folder: Path, round_trip: float) -> Iterator[Relay]:
    """Relay TLS connections to a port of this machine; each piece takes half of `round_trip` seconds either way."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    found = Relay("", folder / "ca.pem")
    authority.cert_pem.write_to_path(str(found.ca))
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="relay", daemon=True)
    thread.start()
    try:
        starting = asyncio.run_coroutine_threadsafe(_listen(found, port, context, round_trip / 2), loop)
        found.url = f"https://127.0.0.1:{starting.result(PATIENCE)}"
        yield found
    finally:
        asyncio.run_coroutine_threadsafe(_stop(found), loop).result(PATIENCE)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(PATIENCE)
        loop.close()


async def _stop(found: Relay) -> None:
    for server in found._servers:
        server.close()
    tasks = list(found._tasks)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.sleep(0)  # the aborted connections close


async def _listen(found: Relay, port: int, context: ssl.SSLContext, delay: float) -> int:
    """Listen; the outer socket delays bytes, the inner one speaks TLS, so that the handshake is as far away."""

    def keep(handler: asyncio.Task[None]) -> None:
        found._tasks.add(handler)
        handler.add_done_callback(found._tasks.discard)

    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        found.ready, found.first = time.monotonic(), 0.0
        there, back = await asyncio.open_connection("127.0.0.1", port)
        await _both(_pump(reader, back, 0, found), _pump(there, writer, 0), writers=(back, writer))

    async def hold(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", inner)
        await _both(_pump(reader, back, delay), _pump(there, writer, delay), writers=(back, writer))

    tls = await asyncio.start_server(lambda r, w: keep(asyncio.ensure_future(speak(r, w))), "127.0.0.1", 0, ssl=context)
    inner = tls.sockets[0].getsockname()[1]
    front = await asyncio.start_server(lambda r, w: keep(asyncio.ensure_future(hold(r, w))), "127.0.0.1", 0)
    found._servers += [front, tls]
    return front.sockets[0].getsockname()[1]


async def _both(*pumps: Coroutine[Any, Any, None], writers: Sequence[asyncio.StreamWriter]) -> None:
    """Run both directions of a connection; if they are cancelled, nothing of it stays open."""
    try:
        await asyncio.gather(*pumps)
    except asyncio.CancelledError:
        for writer in writers:
            writer.transport.abort()
        raise


async def _pump(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, delay: float, found: Relay | None = None
) -> None:
    later = asyncio.get_running_loop().call_later
    with suppress(OSError):
        while data := await reader.read(1 << 16):
            if found is not None and not found.first:
                found.first = time.monotonic()
            later(delay, writer.write, data)
    later(delay, writer.close)
