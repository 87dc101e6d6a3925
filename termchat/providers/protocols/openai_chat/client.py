"""Client of Chat Completions, through the openai SDK (3.57)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx2

from termchat.core.messages import Origin
from termchat.core.models import ApiProtocol, ModelInfo, ProviderConfig
from termchat.core.provider import Request
from termchat.providers.catalog.capabilities import quirks
from termchat.providers.client import Body, Endpoint, ErrorResponse
from termchat.providers.protocols.openai_chat.decode import ChatDecoder
from termchat.providers.protocols.openai_chat.encode import encode
from termchat.providers.protocols.openai_sdk import (
    OWN_HOST,
    error_response,
    list_models,
    new_sdk,
    with_own_fields,
    without_auth_header,
)

_EXTRA_PARAMS = {"plugins"}  # an extension of OpenRouter, unknown to the SDK


class ChatClient:
    """Client of a server with Chat Completions."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self._sdk = new_sdk(endpoint)

    def encode(self, request: Request, origin: Origin, known: frozenset[str] = frozenset()) -> Body:
        return encode(request, origin, self._config_for(origin.model, known))

    @asynccontextmanager
    async def open(self, body: Body) -> AsyncGenerator[httpx2.Response]:
        create: Any = self._sdk.chat.completions.with_streaming_response.create
        extra = {name: body[name] for name in _EXTRA_PARAMS & body.keys()} | dict(self.endpoint.config.extra_body)
        known = {name: value for name, value in body.items() if name not in _EXTRA_PARAMS}
        sending = create(**known, extra_body=extra or None, extra_headers=without_auth_header(self.endpoint))
        async with sending as response:
            yield response.http_response

    def decoder(self, body: Body) -> ChatDecoder:
        return ChatDecoder(think_tags="think_tags" in self._config_for(body["model"]).quirks)

    def error_response(self, error: Exception) -> ErrorResponse | None:
        return error_response(error)

    def _config_for(self, model: str, known: frozenset[str] = frozenset()) -> ProviderConfig:
        """Return the configuration with the quirks of a model added."""
        config = self.endpoint.config
        found = config.quirks | quirks(Origin(config.name, ApiProtocol.CHAT, model)) | known
        if self.endpoint.host != OWN_HOST and "new_limit" not in found:
            found |= {"max_tokens"}  # some servers ignore the newer name silently
        return replace(config, quirks=with_own_fields(found, self.endpoint))

    async def models(self) -> Sequence[ModelInfo]:
        return await list_models(self._sdk, self.endpoint)
