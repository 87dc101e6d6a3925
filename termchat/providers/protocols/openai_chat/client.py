"""Client of Chat Completions, through the openai SDK (3.57)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

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
    post,
    with_own_fields,
)

if TYPE_CHECKING:
    from termchat.providers.catalog.batch_vendors import BatchVendor
    from termchat.providers.protocols.batch_api import BatchApi


class ChatClient:
    """Client of a server with Chat Completions."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self._sdk = new_sdk(endpoint)

    def encode(self, request: Request, origin: Origin, known: frozenset[str] = frozenset()) -> Body:
        return encode(request, origin, self._config_for(origin.model, known))

    @asynccontextmanager
    async def open(self, body: Body) -> AsyncGenerator[httpx2.Response]:
        async with post(self._sdk, "/chat/completions", body, self.endpoint) as response:
            yield response

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

    def batches(self, vendor: BatchVendor, model: str) -> BatchApi:
        from termchat.providers.catalog.batch_vendors import BatchKind
        from termchat.providers.protocols.openai_batches import OpenAiBatches
        from termchat.providers.protocols.openrouter_batches import OpenRouterBatches

        def decoder() -> ChatDecoder:
            return self.decoder({"model": model})

        if vendor.kind is BatchKind.OPENROUTER:
            return OpenRouterBatches(self._sdk, self.endpoint, decoder)
        return OpenAiBatches(self._sdk, self.endpoint, "/v1/chat/completions", decoder)

    async def models(self) -> Sequence[ModelInfo]:
        return await list_models(self._sdk, self.endpoint)
