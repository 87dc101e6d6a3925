"""One request and its reply: send, read, decode, and send again where that is right.

`Exchange` is what the registry hands out as a provider. A client brings the SDK, a decoder the protocol; the
rules that hold for all of them are here:

- a reply is complete only when the model said so: an end without it is a cut, however clean it looks;
- what is no event stream is looked at: a whole reply in JSON is accepted, a page or an error is told;
- nothing is sent again once content was given out.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass
from typing import Any

import httpx2

from termchat.core.errors import Failure, Kind, ProviderError
from termchat.core.events import CONTENT, Adapted, Delta, Retrying
from termchat.core.messages import Origin
from termchat.core.ports import Request, Wire
from termchat.core.sanitize import Safe, safe_line, say
from termchat.providers.decoding import Decoder, ServerError, as_list, is_object
from termchat.providers.endpoint import Body, Client, Endpoint, Report
from termchat.providers.errors import broken, cut, not_an_answer, redirected, refused
from termchat.providers.http import posted_to, watched
from termchat.providers.retry import RetryPolicy, given_up
from termchat.providers.sse import MAX_EVENT, SseEvent, SseReader, TooLongError

_GRACE = 1.0  # seconds for the usage that follows the end of some replies
_DRAIN = 0.02  # seconds for the end of the body, so that the connection can be used again


# A client with a newer key, None when there can be none.
Renew = Callable[[Client], Awaitable[Client | None]]


class Exchange:
    """A model behind an endpoint; `renew` is asked once when a key was refused."""

    def __init__(self, client: Client, origin: Origin, policy: RetryPolicy, renew: Renew) -> None:
        self._client: Client = client
        self._policy = policy
        self._renew = renew
        self.origin = origin

    async def stream(self, request: Request, wire: Wire) -> AsyncGenerator[Delta, None]:
        """The reply, delta by delta, ending with `Finished`. Raises ProviderError."""
        body = self._client.encode(request, self.origin)
        path, tried, shown, renewed = self._client.path, 1, False, False
        while True:
            try:
                async with aclosing(self._attempt(body, path, wire)) as deltas:
                    async for delta in deltas:
                        shown = shown or isinstance(delta, CONTENT)
                        yield delta
                return
            except ProviderError as error:
                failure = error.failure
            if shown:
                raise ProviderError(failure)
            if failure.status == 404 and (other := self._next_path(path)):
                path = other
                yield Adapted(_elsewhere(self._client.endpoint, path))
                continue
            change = self._client.relent(body, failure)
            if change:
                body = change.body
                yield Adapted(change.words)
                continue
            if failure.kind is Kind.AUTH and not renewed:
                renewed = True
                newer = await self._renew(self._client)
                if newer:
                    self._client = newer
                    continue
            delay = self._policy.delay(failure, tried)
            if delay is None:
                raise ProviderError(given_up(failure, tried))
            tried += 1
            yield Retrying(tried, self._policy.tries, delay, failure)
            await asyncio.sleep(delay)

    def _next_path(self, path: str) -> str | None:
        """The path to try where this one is not known; the one that works is kept for the next request."""
        paths = ("", *self._client.endpoint.profile.fallback_paths)
        return next(iter(paths[paths.index(path) + 1 :]), None)

    async def _attempt(self, body: Body, path: str, wire: Wire) -> AsyncGenerator[Delta, None]:
        async with AsyncExitStack() as stack:
            try:
                with watched(wire), posted_to(path):
                    response = await stack.enter_async_context(self._client.open(body))
            except Exception as error:
                raise ProviderError(converted(self._client, error, self.origin.model, began=False)) from error
            self._client.path = path
            decoder = self._client.decoder()
            try:
                async with aclosing(self._read(response, decoder)) as deltas:
                    async for delta in deltas:
                        yield delta
            except (ProviderError, ServerError, httpx2.HTTPError, OSError, ValueError, RecursionError) as error:
                if not decoder.finished:
                    raise ProviderError(converted(self._client, error, self.origin.model, began=True)) from error
            if not decoder.finished:
                raise ProviderError(cut(say("The stream ended too early")))

    async def _read(self, response: httpx2.Response, decoder: Decoder) -> AsyncGenerator[Delta, None]:
        if response.status_code >= 300:
            raise ProviderError(
                redirected(Report(response.status_code, "", dict(response.headers)), self._client.endpoint)
            )
        async with aclosing(_chunks(response, decoder)) as chunks:
            head = b""
            async for chunk in chunks:
                head = (head + chunk).removeprefix(b"\xef\xbb\xbf").lstrip()
                if head:
                    break
            match head[:1]:
                case b"":
                    raise ProviderError(not_an_answer(self._client.endpoint, say("an empty body")))
                case b"{" | b"[":
                    whole = await _rest(head, chunks)
                    for delta in _whole(whole, decoder):
                        yield delta
                    if not decoder.finished:
                        raise ProviderError(not_an_answer(self._client.endpoint, say("something else")))
                case b"<":
                    raise ProviderError(not_an_answer(self._client.endpoint, say("a web page")))
                case _:
                    async with aclosing(self._events(head, chunks, decoder)) as deltas:
                        async for delta in deltas:
                            yield delta

    async def _events(self, head: bytes, chunks: AsyncIterator[bytes], decoder: Decoder) -> AsyncGenerator[Delta, None]:
        reader, talk = SseReader(), _Talk(decoder)
        for delta in talk.deltas(reader.feed(head)):
            yield delta
        async for chunk in chunks:
            for delta in talk.deltas(reader.feed(chunk)):
                yield delta
        for delta in talk.last(reader.close()):
            yield delta
        if not talk.understood and not decoder.finished:
            raise ProviderError(not_an_answer(self._client.endpoint, say("something else")))


@dataclass(slots=True)
class _Talk:
    """Events decoded; `understood` once one was an object, as the events of all protocols are."""

    decoder: Decoder
    understood: bool = False

    def deltas(self, events: list[SseEvent]) -> Iterator[Delta]:
        for event in events:
            data = event.data.strip()
            if data == b"[DONE]":
                self.decoder.ended = True
                return
            # Keep-alives of some gateways are words; what begins like JSON must be JSON, or text would be lost.
            value = json.loads(data) if data[:1] in (b"{", b"[") else None
            if is_object(value):
                self.understood = True
                yield from self.decoder.feed(event.name, value)

    def last(self, events: list[SseEvent]) -> Iterator[Delta]:
        """What stood behind the last blank line: an event without its own, or the part of one that was cut."""
        try:
            yield from self.deltas(events)
        except ValueError:
            self.understood = True


def _elsewhere(at: Endpoint, path: str) -> Safe:
    return say("{title} has no such address; trying {path}.", title=safe_line(at.title), path=safe_line(path))


def converted(client: Client, error: Exception, model: str, *, began: bool) -> Failure:
    """An exception of an exchange as a failure; one that is none of the world's is a bug, and goes on as it is.

    `began`: the headers had come.
    """
    at = client.endpoint
    if isinstance(error, ProviderError):
        return error.failure
    report = Report(None, error.body, {}) if isinstance(error, ServerError) else client.report(error)
    if report and report.status and 300 <= report.status < 400:
        return redirected(report, at)
    if report:
        return refused(report, at, model)
    failure = broken(error, at, began=began)
    if failure:
        return failure
    if isinstance(error, ValueError | RecursionError):  # JSON, UTF-8, an event without end
        return not_an_answer(at, say("something that cannot be read"))
    raise error


def _whole(body: bytes, decoder: Decoder) -> Iterator[Delta]:
    """A reply that did not come as a stream: one object, or a list of what would have been events."""
    value: Any = json.loads(body)
    for item in as_list(value) if isinstance(value, list) else [value]:
        if is_object(item):
            yield from decoder.whole(item)


async def _chunks(response: httpx2.Response, decoder: Decoder) -> AsyncGenerator[bytes, None]:
    """The body's chunks, until nothing more can come."""
    chunks = response.aiter_bytes()
    while not decoder.ended:
        if not decoder.finished:
            chunk = await anext(chunks, None)
        else:
            chunk = await _soon(chunks, _GRACE)
        if chunk is None:
            return
        yield chunk
    await _drained(chunks)


async def _drained(chunks: AsyncIterator[bytes]) -> None:
    """Read to the end of the body, if it comes at once."""
    try:
        async with asyncio.timeout(_DRAIN):
            while await anext(chunks, None) is not None:
                pass
    except (TimeoutError, httpx2.HTTPError):
        return


async def _soon(chunks: AsyncIterator[bytes], seconds: float) -> bytes | None:
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
