"""Client of the Responses API, through the openai SDK (3.57)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx2

from termchat.core.errors import Failure
from termchat.core.messages import Origin
from termchat.core.models import ModelInfo
from termchat.core.provider import Request
from termchat.providers.client import AmendedRequest, Body, Endpoint, ErrorResponse, without_streaming
from termchat.providers.protocols.openai_responses.decode import ResponsesDecoder
from termchat.providers.protocols.openai_responses.encode import encode
from termchat.providers.protocols.openai_sdk import (
    caches_by_key,
    error_response,
    list_models,
    new_sdk,
    with_cache_key,
    without_auth_header,
    without_cache_key,
)


class ResponsesClient:
    """Client of a server with the Responses API."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.path = ""
        self.announced: set[tuple[str, Origin, str]] = set()
        self.rejected_params: set[tuple[Origin, str]] = set()
        self._sdk = new_sdk(endpoint)
        self._cached = caches_by_key(endpoint)

    def encode(self, request: Request, origin: Origin) -> Body:
        config = self.endpoint.config
        return encode(request, origin, replace(config, quirks=with_cache_key(config.quirks, self._cached)))

    @asynccontextmanager
    async def open(self, body: Body) -> AsyncGenerator[httpx2.Response]:
        create: Any = self._sdk.responses.with_streaming_response.create
        extra = {
            "extra_body": dict(self.endpoint.config.extra_body) or None,
            "extra_headers": without_auth_header(self.endpoint),
        }
        async with create(**body, **extra) as response:
            yield response.http_response

    def decoder(self, body: Body) -> ResponsesDecoder:
        return ResponsesDecoder()

    def error_response(self, error: Exception) -> ErrorResponse | None:
        return error_response(error)

    def amend(self, body: Body, failure: Failure) -> AmendedRequest | None:
        if failure.status not in (400, 422):
            return None
        if change := without_cache_key(body, failure.message):
            self._cached = False
            return change
        return without_streaming(body, failure, self.endpoint)

    async def models(self) -> Sequence[ModelInfo]:
        return await list_models(self._sdk, self.endpoint)
