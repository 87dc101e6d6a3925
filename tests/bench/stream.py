"""CPU time per 1,000 chunks through each protocol, compared with the bare SDK's loop over the same bytes.

    python -m tests.bench.stream [CHUNKS]

The server is another process that sends one body, rendered beforehand; only the time of this process counts.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import socket
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from multiprocessing.connection import Connection

from termchat.core.models import ApiProtocol, ModelRef
from termchat.core.provider import StreamMonitor
from tests.gateway import Reply, Text, render, signatures
from tests.gateway import clients as sdks
from tests.gateway.render.frames import Ask, Frame, encode
from tests.gateway.script import Wire as Travel
from tests.providers.support import HELLO, MODELS, PROTOCOLS, VENDORS, provider_config, registry

ROUNDS = 5
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"


def body(protocol: ApiProtocol, chunks: int) -> bytes:
    """The bytes of a reply with `chunks` words."""
    ask = Ask(signatures.Origin("", VENDORS[protocol], MODELS[protocol]), {}, "bench")
    frames = render.stream(Reply(Text(*["word "] * chunks)), ask)
    return b"".join(encode(frame, Travel(), n) for n, frame in enumerate(frames) if isinstance(frame, Frame))


def serve(answer: bytes, ready: Connection) -> None:
    """Answer every request with the same bytes, until terminated."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        ready.send(server.getsockname()[1])
        while True:
            client, _ = server.accept()
            with client:
                client.recv(1 << 20)
                client.sendall(HEAD + answer)
                client.shutdown(socket.SHUT_WR)
                while client.recv(1 << 20):
                    pass


async def ours(protocol: ApiProtocol, url: str) -> float:
    async with registry(provider_config(url, protocol)) as providers:
        provider = await providers.open(ModelRef(protocol.value, MODELS[protocol]))
        began = time.process_time()
        async with aclosing(provider.stream(HELLO, StreamMonitor())) as deltas:
            async for _ in deltas:
                pass
        return time.process_time() - began


async def theirs(protocol: ApiProtocol, url: str) -> float:
    began = time.process_time()
    async with sdks.http() as client:
        ask = sdks._ASKERS[VENDORS[protocol]]
        async for _ in ask(client, url, {}):
            pass
    return time.process_time() - began


async def median(measure: Callable[[ApiProtocol, str], Awaitable[float]], protocol: ApiProtocol, url: str) -> float:
    await measure(protocol, url)  # a first run, so that imports and client setup do not count
    return statistics.median([await measure(protocol, url) for _ in range(ROUNDS)])


def main(chunks: int) -> None:
    print(f"{'':10} {'bare SDK':>10} {'termchat':>10}   ms of CPU per 1,000 chunks, median of {ROUNDS}")
    for protocol in PROTOCOLS:
        near, far = multiprocessing.Pipe()
        server = multiprocessing.Process(target=serve, args=(body(protocol, chunks), far), daemon=True)
        server.start()
        url = f"http://127.0.0.1:{near.recv()}"
        bare, own = (asyncio.run(median(m, protocol, url)) * 1e6 / chunks for m in (theirs, ours))
        print(f"{protocol.value:10} {bare:10.1f} {own:10.1f}   {own / bare:.2f} x")
        server.terminate()
        server.join()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 5000)
