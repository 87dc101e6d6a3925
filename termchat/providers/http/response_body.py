"""Turn the body of a response into deltas: an event stream, or a complete reply as JSON.

Any other body (a web page, an empty body) raises `NotAReplyError` with a description of it. After the reply the rest
of the body is read, if it arrives at once, so that the connection can be reused.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing
from typing import Any

import httpx2

from termchat.core.events import Delta
from termchat.core.sanitize import Safe, safe_format
from termchat.late_dataclass import dataclass
from termchat.providers.decoder import Decoder, as_list, is_object
from termchat.providers.http.sse import MAX_EVENT, SseEvent, SseReader, TooLongError

_DRAIN_TIME = 0.02  # seconds to wait for the end of the body: only a drained connection is reused
_BOM = b"\xef\xbb\xbf"


class NotAReplyError(Exception):
    """The body is not a reply; `what` names its content for a message."""

    def __init__(self, what: Safe) -> None:
        super().__init__(what)
        self.what = what


async def decode_body(body: AsyncIterator[bytes], decoder: Decoder) -> AsyncGenerator[Delta, None]:
    """Yield the deltas of a body, and those of its end. Afterwards `decoder.finished` is True if the reply is complete.

    Raises NotAReplyError, ServerError, ValueError (invalid JSON or UTF-8, an event that is too long), and the
    exceptions of `body`.
    """
    async with aclosing(_until_closed(body, decoder)) as chunks:
        head = b""
        async for chunk in chunks:
            head = (head + chunk).removeprefix(_BOM).lstrip()
            if head and not _BOM.startswith(head):
                break
        match head[:1]:
            case b"":
                raise NotAReplyError(safe_format("an empty body"))
            case b"{" | b"[":
                for delta in _decode_whole(await _read_rest(head, chunks), decoder):
                    yield delta
                if not decoder.finished:
                    raise NotAReplyError(safe_format("unexpected content"))
            case b"<":
                raise NotAReplyError(safe_format("a web page"))
            case _:
                async with aclosing(_events(head, chunks, decoder)) as deltas:
                    async for delta in deltas:
                        yield delta
    for delta in decoder.end():
        yield delta


async def _events(head: bytes, chunks: AsyncIterator[bytes], decoder: Decoder) -> AsyncGenerator[Delta, None]:
    reader, events = SseReader(), _EventDecoder(decoder)
    for delta in events.deltas(reader.feed(head)):
        yield delta
    try:
        async for chunk in chunks:
            for delta in events.deltas(reader.feed(chunk)):
                yield delta
    except (httpx2.HTTPError, OSError):
        for delta in events.last(reader.close()):
            yield delta
        raise
    for delta in events.last(reader.close()):
        yield delta
    if not events.understood and not decoder.finished:
        raise NotAReplyError(safe_format("unexpected content"))


@dataclass(slots=True)
class _EventDecoder:
    """Decodes events; `understood` is True once an event was a JSON object, as in all protocols."""

    decoder: Decoder
    understood: bool = False

    def deltas(self, events: list[SseEvent]) -> Iterator[Delta]:
        for event in events:
            if self.decoder.closed:  # what follows the end of a reply is not part of it
                return
            data = event.data.strip()
            if data == b"[DONE]":
                self.decoder.closed = True
                return
            # Some gateways send plain text as keep-alives. Text that begins like JSON must be valid: content is in it.
            value = json.loads(data) if data[:1] in (b"{", b"[") else None
            if is_object(value):
                self.understood = True
                yield from self.decoder.decode_event(event.name, value)

    def last(self, events: list[SseEvent]) -> Iterator[Delta]:
        """Decode the event after the last blank line; a truncated one is ignored."""
        try:
            yield from self.deltas(events)
        except ValueError:
            self.understood = True


def _decode_whole(body: bytes, decoder: Decoder) -> Iterator[Delta]:
    """Decode a reply without streaming: one JSON object, or a list of the objects of a stream (Gemini)."""
    value: Any = json.loads(body)
    for item in as_list(value) if isinstance(value, list) else [value]:
        if is_object(item):
            yield from decoder.decode_response(item)


async def _until_closed(chunks: AsyncIterator[bytes], decoder: Decoder) -> AsyncGenerator[bytes, None]:
    """Yield the chunks of a body until the reply is closed, then drain the body.

    After the finish word other events may follow for the decoder's grace; content after it takes the word back.
    """
    deadline: float | None = None
    clock = asyncio.get_running_loop().time
    while not decoder.closed:
        if not decoder.finished:
            deadline, chunk = None, await anext(chunks, None)
        else:
            deadline = clock() + decoder.grace if deadline is None else deadline
            chunk = await _next_within(chunks, deadline - clock())
        if chunk is None:
            return
        yield chunk
    await _drain(chunks)


async def _drain(chunks: AsyncIterator[bytes]) -> None:
    """Read the rest of the body, if it arrives within `_DRAIN_TIME`."""
    try:
        async with asyncio.timeout(_DRAIN_TIME):
            while await anext(chunks, None) is not None:
                pass
    except (TimeoutError, httpx2.HTTPError):
        return


async def _next_within(chunks: AsyncIterator[bytes], seconds: float) -> bytes | None:
    """Return the next chunk, None when none arrives in time: the reply is complete without it."""
    try:
        async with asyncio.timeout(seconds):
            return await anext(chunks, None)
    except (TimeoutError, httpx2.HTTPError):
        return None


async def _read_rest(head: bytes, chunks: AsyncIterator[bytes]) -> bytes:
    pieces, size = [head], len(head)
    async for chunk in chunks:
        pieces.append(chunk)
        size += len(chunk)
        if size > MAX_EVENT:
            raise TooLongError
    return b"".join(pieces)
