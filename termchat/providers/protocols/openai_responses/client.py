"""Client of the Responses API, through the openai SDK (3.57)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import httpx2

from termchat.core.messages import Origin
from termchat.core.models import ModelInfo
from termchat.core.provider import Request
from termchat.providers.catalog.capabilities import quirks
from termchat.providers.client import Body, Endpoint, ErrorResponse
from termchat.providers.protocols.openai_responses.decode import ResponsesDecoder
from termchat.providers.protocols.openai_responses.encode import encode
from termchat.providers.protocols.openai_sdk import (
    error_response,
    list_models,
    new_sdk,
    post,
    with_own_fields,
)

if TYPE_CHECKING:
    from termchat.providers.catalog.batch_vendors import BatchVendor
    from termchat.providers.protocols.batch_api import BatchApi


class ResponsesClient:
    """Client of a server with the Responses API."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self._sdk = new_sdk(endpoint)

    def encode(self, request: Request, origin: Origin, known: frozenset[str] = frozenset()) -> Body:
        config = self.endpoint.config
        found = config.quirks | quirks(origin) | known
        return encode(request, origin, replace(config, quirks=with_own_fields(found, self.endpoint)))

    @asynccontextmanager
    async def open(self, body: Body) -> AsyncGenerator[httpx2.Response]:
        async with post(self._sdk, "/responses", body, self.endpoint) as response:
            yield response

    def decoder(self, body: Body) -> ResponsesDecoder:
        return ResponsesDecoder()

    def error_response(self, error: Exception) -> ErrorResponse | None:
        return error_response(error)

    def batches(self, vendor: BatchVendor, model: str) -> BatchApi:
        from termchat.providers.protocols.openai_batches import OpenAiBatches

        return OpenAiBatches(self._sdk, self.endpoint, "/v1/responses", ResponsesDecoder)

    async def models(self) -> Sequence[ModelInfo]:
        return await list_models(self._sdk, self.endpoint)
