"""Responses through the openai SDK."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx2

from termchat.core.errors import Failure
from termchat.core.messages import Origin
from termchat.core.models import ModelInfo
from termchat.core.ports import Request
from termchat.providers.endpoint import Body, Change, Endpoint, Report
from termchat.providers.openai_chat.client import keyless, list_models, new_sdk, report
from termchat.providers.openai_responses.decode import ResponsesDecoder
from termchat.providers.openai_responses.encode import encode
from termchat.providers.plain import without_streaming


class ResponsesClient:
    """A server that speaks Responses."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.path = ""
        self.told: set[tuple[str, Origin, str]] = set()
        self.learned: set[tuple[Origin, str]] = set()
        self._sdk = new_sdk(endpoint)

    def encode(self, request: Request, origin: Origin) -> Body:
        return encode(request, origin, self.endpoint.profile)

    @asynccontextmanager
    async def open(self, body: Body) -> AsyncGenerator[httpx2.Response]:
        create: Any = self._sdk.responses.with_streaming_response.create
        extra = {"extra_body": dict(self.endpoint.profile.body) or None, "extra_headers": keyless(self.endpoint)}
        async with create(**body, **extra) as response:
            yield response.http_response

    def decoder(self, body: Body) -> ResponsesDecoder:
        return ResponsesDecoder()

    def report(self, error: Exception) -> Report | None:
        return report(error)

    def relent(self, body: Body, failure: Failure) -> Change | None:
        return without_streaming(body, failure, self.endpoint) if failure.status in (400, 422) else None

    async def models(self) -> Sequence[ModelInfo]:
        return await list_models(self._sdk, self.endpoint)
