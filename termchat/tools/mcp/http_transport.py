"""Reach an MCP server over streamable HTTP, with the user's headers and a limit for each response."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from importlib import import_module
from typing import Any

BODY_BYTES = 16_000_000  # of a response that is no event stream


@asynccontextmanager
async def http_streams(
    url: str, headers: Mapping[str, str], auth: Any = None, on_status: Callable[[int], None] = lambda status: None
) -> AsyncGenerator[tuple[Any, Any]]:
    """Yield the streams of messages of a server; a redirect to another origin is not followed.

    auth        an httpx2.Auth that adds credentials to each request
    on_status   is called with the HTTP status of each response
    """
    from mcp.client.streamable_http import streamable_http_client

    utilities = import_module("mcp.shared._httpx_utils")
    client = utilities.create_mcp_http_client(headers=dict(headers), auth=auth)

    async def note_status(response: Any) -> None:
        on_status(response.status_code)

    client.event_hooks["response"] += [note_status, limit_body]
    async with client, streamable_http_client(url, http_client=client) as streams:
        yield streams


async def limit_body(response: Any) -> None:
    """Fail the reading of a long response that is no event stream."""
    if not response.headers.get("content-type", "").startswith("text/event-stream"):
        response.stream = _limited(response.stream)


def _limited(stream: Any) -> Any:
    httpx2 = import_module(type(stream).__module__.partition(".")[0])

    class LimitedStream(httpx2.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            size = 0
            async for chunk in stream:
                size += len(chunk)
                if size > BODY_BYTES:
                    raise httpx2.DecodingError(f"the response has more than {BODY_BYTES} bytes")
                yield chunk

        async def aclose(self) -> None:
            await stream.aclose()

    return LimitedStream()
