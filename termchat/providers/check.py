"""Live checks of a provider: the listing of each base URL, and small requests that cost tokens.

Each check opens its own clients, so that a corrected key or address is used at once, and none of them is repeated.
"""

from __future__ import annotations

import asyncio
import struct
import time
import zlib
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from termchat.core.errors import Failure, FailureKind, ProviderError
from termchat.core.events import Finished, ProviderNotice, ReasoningDelta, TextDelta, ToolCallDelta, UsageDelta
from termchat.core.messages import Image, Part, user_message
from termchat.core.models import ApiProtocol, ModelInfo, ProviderConfig, Timeouts
from termchat.core.provider import Params, Request, StreamMonitor, ToolSpec
from termchat.core.sanitize import Safe, safe_format, safe_line
from termchat.core.usage import Usage
from termchat.late_dataclass import dataclass
from termchat.providers.catalog.model_cache import ModelCache
from termchat.providers.credentials import CredentialSource
from termchat.providers.http.retry import RetryPolicy
from termchat.providers.sdk.lazy_import import load_on_thread

if TYPE_CHECKING:
    from termchat.providers.client_pool import ClientPool

LISTING_SECONDS = 20.0
REQUEST_SECONDS = 60.0
_REPLY_TOKENS = 16  # the smallest limit that OpenAI's Responses take
_TOOL_TOKENS = 512  # a model may think before it calls
_QUESTION = "Reply with the word ok."
_PING = ToolSpec("ping", "Report that tools work.", {"type": "object", "properties": {}})
SMALLEST = Usage(input=16, output=_REPLY_TOKENS)  # an estimate of the tokens of `ask`
THOROUGH = Usage(input=1_200, output=2 * _REPLY_TOKENS + _TOOL_TOKENS)  # of `ask_thoroughly`, at the most


@dataclass(frozen=True, slots=True)
class Listing:
    """The answer of one base URL to the question for its models.

    failure   None if it listed models, perhaps none
    seconds   until the answer
    """

    protocol: ApiProtocol
    models: tuple[ModelInfo, ...] = ()
    failure: Failure | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Asked:
    """The answer to a small request.

    failure    None if a reply came, even an empty one
    pieces     the pieces in which the reply came; more than one shows that it was streamed
    usage      the counts that the server reported, None without
    called     True if the model called the offered tool
    dropped    sentences about parts of the request that the server refused
    """

    failure: Failure | None = None
    pieces: int = 0
    usage: Usage | None = None
    called: bool = False
    dropped: tuple[Safe, ...] = ()
    seconds: float = 0.0


class ProviderChecks:
    """The checks of providers with keys of one source."""

    def __init__(self, keys: CredentialSource, timeouts: Timeouts) -> None:
        self._keys = keys
        self._timeouts = timeouts

    async def list_models(self, config: ProviderConfig, protocol: ApiProtocol) -> Listing:
        """Ask one base URL of a provider for its models; this costs nothing."""
        began = time.monotonic()
        try:
            async with self._pool() as pool, asyncio.timeout(LISTING_SECONDS):
                found = await pool.listing(config, protocol)
        except ProviderError as error:
            return Listing(protocol, failure=error.failure, seconds=time.monotonic() - began)
        except TimeoutError:
            failure = _too_late(config.base_urls[protocol], LISTING_SECONDS)
            return Listing(protocol, failure=failure, seconds=time.monotonic() - began)
        return Listing(protocol, tuple(found), seconds=time.monotonic() - began)

    async def lists_without_key(self, config: ProviderConfig, protocol: ApiProtocol) -> bool:
        """Return True if a base URL lists its models to anyone, so that its listing proves no key."""
        return (await self.list_models(replace(config, key=""), protocol)).failure is None

    async def ask(self, config: ProviderConfig, model: str) -> Asked:
        """Ask a model for one word. This costs about the tokens of `SMALLEST`."""
        return await self._ask(config, model, (), Params(max_tokens=_REPLY_TOKENS), ())

    async def ask_for_call(self, config: ProviderConfig, model: str) -> Asked:
        """Ask a model to call a tool."""
        params = Params(max_tokens=_TOOL_TOKENS)
        return await self._ask(config, model, (), params, (_PING,), "Call the tool ping now.")

    async def ask_about_image(self, config: ProviderConfig, model: str) -> Asked:
        """Ask a model about an image of 64 by 64 pixels."""
        params = Params(max_tokens=_REPLY_TOKENS)
        return await self._ask(config, model, (Image("image/png", _blue_square(), name="square.png"),), params, ())

    async def _ask(
        self,
        config: ProviderConfig,
        model: str,
        parts: Sequence[Part],
        params: Params,
        tools: tuple[ToolSpec, ...],
        question: str = _QUESTION,
    ) -> Asked:
        began, protocol = time.monotonic(), config.protocol_for(model)
        if protocol is None or protocol not in config.base_urls:
            words = safe_format("{name} has no base URL for this model.", name=safe_line(config.name))
            return Asked(Failure(FailureKind.BAD_CONFIG, words))
        request = Request((user_message(question, *parts),), tools=tools, params=params)
        try:
            async with self._pool() as pool, asyncio.timeout(REQUEST_SECONDS):
                provider = await pool.open(config, protocol, model)
                answer = await _read(provider.stream(request, StreamMonitor()))
        except ProviderError as error:
            failure = None if error.failure.kind is FailureKind.EMPTY else error.failure
            return Asked(failure, seconds=time.monotonic() - began)
        except TimeoutError:
            failure = _too_late(config.base_urls[protocol], REQUEST_SECONDS)
            return Asked(failure, seconds=time.monotonic() - began)
        return replace(answer, seconds=time.monotonic() - began)

    @asynccontextmanager
    async def _pool(self) -> AsyncGenerator[ClientPool]:
        pool = await load_on_thread(self._new_pool)
        try:
            yield pool
        finally:
            await pool.aclose()

    def _new_pool(self) -> ClientPool:
        from termchat.providers.client_pool import ClientPool

        return ClientPool(self._keys, self._timeouts, RetryPolicy(0), lambda _: {}, ModelCache(None))


async def _read(stream: AsyncGenerator[object, None]) -> Asked:
    """Read a reply to its end."""
    pieces, called, usage = 0, False, None
    dropped: list[Safe] = []
    async with aclosing(stream) as deltas:
        async for delta in deltas:
            match delta:
                case TextDelta() | ReasoningDelta():
                    pieces += bool(delta.text)
                case ToolCallDelta():
                    called, pieces = True, pieces + 1
                case UsageDelta(found):
                    usage = found
                case ProviderNotice(words):
                    dropped.append(words)
                case Finished():
                    break
                case _:
                    pass
    return Asked(pieces=pieces, usage=usage, called=called, dropped=tuple(dropped))


def _too_late(base: str, seconds: float) -> Failure:
    from urllib.parse import urlsplit

    host, waited = safe_line(urlsplit(base).hostname or base), Safe(f"{seconds:g}")
    return Failure(
        FailureKind.TIMEOUT,
        safe_format("No answer from {host} within {seconds} seconds.", host=host, seconds=waited),
        safe_format("Try again, or check the base URL and the proxy."),
    )


def _blue_square() -> bytes:
    """A PNG of 64 by 64 blue pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\x00" + b"\x20\x40\xc0" * 64) * 64
    head = struct.pack(">IIBBBBB", 64, 64, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
