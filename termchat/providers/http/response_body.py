"""The body of a reply as deltas: an event stream, a whole reply in JSON, or nothing of the kind.

What is no event stream is looked at: a whole reply is accepted, a page or an error is told. The body is read to its
end, if that comes at once, so that its connection can be used again.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import httpx2

from termchat.core.events import Delta
from termchat.core.sanitize import Safe, safe_format
from termchat.providers.decoder import Decoder, as_list, is_object
from termchat.providers.http.sse import MAX_EVENT, SseEvent, SseReader, TooLongError

_GRACE = 1.0  # seconds for the usage that follows the end of some replies
_DRAIN = 0.02  # seconds for the end of the body, so that the connection can be used again
_BOM = b"\xef\xbb\xbf"


class NotAReplyError(Exception):
    """A body that is no reply; `what` says what it is instead."""

    def __init__(self, what: Safe) -> None:
        super().__init__(what)
        self.what = what


async def decode_body(body: AsyncIterator[bytes], decoder: Decoder) -> AsyncGenerator[Delta, None]:
    """The deltas of a body, however it was split. The decoder says whether the reply has its end.

    Raises NotAReplyError, ServerError, ValueError (what cannot be read), and whatever `body` raises.
    """
    async with aclosing(_until_ended(body, decoder)) as chunks:
        head = b""
        async for chunk in chunks:
            head = (head + chunk).removeprefix(_BOM).lstrip()
            if head and not _BOM.startswith(head):
                break
        match head[:1]:
            case b"":
                raise NotAReplyError(safe_format("an empty body"))
            case b"{" | b"[":
                for delta in _whole(await _rest(head, chunks), decoder):
                    yield delta
                if not decoder.finished:
                    raise NotAReplyError(safe_format("something else"))
            case b"<":
                raise NotAReplyError(safe_format("a web page"))
            case _:
                async with aclosing(_events(head, chunks, decoder)) as deltas:
                    async for delta in deltas:
                        yield delta


async def _events(head: bytes, chunks: AsyncIterator[bytes], decoder: Decoder) -> AsyncGenerator[Delta, None]:
    reader, events = SseReader(), _EventDecoder(decoder)
    for delta in events.deltas(reader.feed(head)):
        yield delta
    async for chunk in chunks:
        for delta in events.deltas(reader.feed(chunk)):
            yield delta
    for delta in events.last(reader.close()):
        yield delta
    if not events.understood and not decoder.finished:
        raise NotAReplyError(safe_format("something else"))


@dataclass(slots=True)
class _EventDecoder:
    """Events decoded; `understood` once one was an object, as the events of all protocols are."""

    decoder: Decoder
    understood: bool = False

    def deltas(self, events: list[SseEvent]) -> Iterator[Delta]:
        for event in events:
            data = event.data.strip()
            if data == b"[DONE]":
                self.decoder.closed = True
                return
            # Keep-alives of some gateways are words; what begins like JSON must be JSON, or text would be lost.
            value = json.loads(data) if data[:1] in (b"{", b"[") else None
            if is_object(value):
                self.understood = True
                yield from self.decoder.decode_event(event.name, value)

    def last(self, events: list[SseEvent]) -> Iterator[Delta]:
        """What stood behind the last blank line: an event without its own, or the part of one that was cut."""
        try:
            yield from self.deltas(events)
        except ValueError:
            self.understood = True


def _whole(body: bytes, decoder: Decoder) -> Iterator[Delta]:
    """A reply that did not come as a stream: one object, or a list of what would have been events."""
    value: Any = json.loads(body)
    for item in as_list(value) if isinstance(value, list) else [value]:
        if is_object(item):
            yield from decoder.decode_response(item)


async def _until_ended(chunks: AsyncIterator[bytes], decoder: Decoder) -> AsyncGenerator[bytes, None]:
    """The body's chunks, until nothing more can come."""
    while not decoder.closed:
        if not decoder.finished:
            chunk = await anext(chunks, None)
        else:
            chunk = await _next_within(chunks, _GRACE)
        if chunk is None:
            return
        yield chunk
    await _drain(chunks)


async def _drain(chunks: AsyncIterator[bytes]) -> None:
    """Read to the end of the body, if it comes at once."""
    try:
        async with asyncio.timeout(_DRAIN):
            while await anext(chunks, None) is not None:
                pass
    except (TimeoutError, httpx2.HTTPError):
        return


async def _next_within(chunks: AsyncIterator[bytes], seconds: float) -> bytes | None:
    """The next chunk of a reply that is already whole, if it comes at once."""
    try:
        async with asyncio.timeout(seconds):
            return await anext(chunks, None)
    except (TimeoutError, httpx2.HTTPError):
        return None


async def _rest(head: bytes, chunks: AsyncIterator[bytes]) -> bytes:
    pieces, size = [head], len(head)
    async for chunk in chunks:
        pieces.append(chunk)
        size += len(chunk)
        if size > MAX_EVENT:
            raise TooLongError
    return b"".join(pieces)
