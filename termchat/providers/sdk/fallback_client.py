"""A client that is built again with plainly imported SDKs when a deferred import fails.

That is before a request is sent, or while the SDK makes the exception of an error response.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

import httpx2

from termchat.core.messages import Origin
from termchat.core.models import ModelInfo
from termchat.core.provider import Request
from termchat.providers.client import Body, Client, ErrorResponse
from termchat.providers.decoder import Decoder
from termchat.providers.http.transport import watch_sending
from termchat.providers.sdk.deferred_packages import build_with_fallback, import_plainly
from termchat.providers.sdk.lazy_import import load_on_thread

if TYPE_CHECKING:
    from termchat.providers.catalog.batch_vendors import BatchVendor
    from termchat.providers.protocols.batch_api import BatchApi


class FallbackClient:
    """The client that `build` returns. See `deferred_packages` for the reason; remove both together."""

    def __init__(self, build: Callable[[], Client]) -> None:
        self._build = build
        self._client: Client = build_with_fallback(build)
        self.endpoint = self._client.endpoint

    def encode(self, request: Request, origin: Origin, known: frozenset[str] = frozenset()) -> Body:
        try:
            return self._client.encode(request, origin, known)
        except Exception as error:
            if not import_plainly(error):
                raise
            self._client = self._build()
            return self._client.encode(request, origin, known)

    @asynccontextmanager
    async def open(self, body: Body) -> AsyncGenerator[httpx2.Response]:
        async with AsyncExitStack() as stack:
            with watch_sending() as sending:
                try:
                    response = await stack.enter_async_context(self._client.open(body))
                except Exception as error:
                    if not sending.repeatable or not import_plainly(error):
                        raise
                    self._client = await load_on_thread(self._build)
                    response = await stack.enter_async_context(self._client.open(body))
            yield response

    def decoder(self, body: Body) -> Decoder:
        return self._client.decoder(body)

    def error_response(self, error: Exception) -> ErrorResponse | None:
        return self._client.error_response(error)

    def batches(self, vendor: BatchVendor, model: str) -> BatchApi:
        try:
            return self._client.batches(vendor, model)
        except Exception as error:
            if not import_plainly(error):
                raise
            self._client = self._build()
            return self._client.batches(vendor, model)

    async def models(self) -> Sequence[ModelInfo]:
        with watch_sending() as sending:
            try:
                return await self._client.models()
            except Exception as error:
                if not sending.repeatable or not import_plainly(error):
                    raise
                self._client = await load_on_thread(self._build)
                return await self._client.models()
