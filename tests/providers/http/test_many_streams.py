"""Many streams at once: none waits for the end of another."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

from termchat.providers.http.transport import new_client

STREAMS = 120  # more than the 100 connections that httpx2 allows by default


async def test_new_client_opens_stream_for_every_request_at_once() -> None:
    end = asyncio.Event()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n")
        await end.wait()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0, backlog=STREAMS)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(server)
        client = await stack.enter_async_context(new_client(20))
        stack.callback(end.set)
        async with asyncio.timeout(20):
            requests = (client.send(client.build_request("GET", url), stream=True) for _ in range(STREAMS))
            answers = await asyncio.gather(*requests)
        assert [answer.status_code for answer in answers] == [200] * STREAMS
        end.set()
        await asyncio.gather(*(answer.aclose() for answer in answers))
