"""A web server on loopback that receives the answer of a login from the browser."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from urllib.parse import parse_qs, urlsplit

_PATH = "/callback"
_HEAD_SECONDS = 10.0
_PAGE = (
    "<!doctype html><meta charset=utf-8><title>termchat</title>"
    "<p>{words} You can close this page and return to the terminal.</p>"
)


class LoopbackRedirect:
    """The address that the browser is sent back to, and the first answer to it."""

    def __init__(self) -> None:
        self.url = ""
        self.answer: asyncio.Future[dict[str, str]] = asyncio.get_running_loop().create_future()

    async def receive(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer a request of the browser."""
        with suppress(OSError, ValueError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            async with asyncio.timeout(_HEAD_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
                writer.write(self._reply(head.split(b"\r\n", 1)[0].decode("ascii")))
                await writer.drain()
        writer.close()

    def _reply(self, line: str) -> bytes:
        method, target, _ = line.split(" ")
        parts = urlsplit(target)
        if method != "GET" or parts.path != _PATH:
            return _response("404 Not Found", "There is nothing here.")
        given = {key: values[0] for key, values in parse_qs(parts.query).items()}
        if not self.answer.done():
            self.answer.set_result(given)
        return _response("200 OK", "The login is not complete." if "error" in given else "Received.")


@asynccontextmanager
async def loopback_redirect() -> AsyncGenerator[LoopbackRedirect]:
    """Listen on a free port of 127.0.0.1 until the end of the block. Raises OSError."""
    redirect = LoopbackRedirect()
    server = await asyncio.start_server(redirect.receive, "127.0.0.1", 0, limit=16_384)
    redirect.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}{_PATH}"
    try:
        yield redirect
    finally:
        server.close()


def _response(status: str, words: str) -> bytes:
    body = _PAGE.format(words=words).encode()
    head = (
        f"HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {len(body)}\r\n"
        "Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
