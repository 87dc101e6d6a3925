"""Client of Chat Completions, through the openai SDK (3.57)."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import httpx2

from termchat.core.errors import Failure
from termchat.core.messages import Origin
from termchat.core.models import ApiProtocol, ModelInfo, ProviderConfig
from termchat.core.provider import Request
from termchat.core.sanitize import safe_format, safe_line
from termchat.providers.catalog.capabilities import quirks
from termchat.providers.client import AmendedRequest, Body, Endpoint, ErrorResponse, without_streaming
from termchat.providers.protocols.openai_chat.decode import ChatDecoder
from termchat.providers.protocols.openai_chat.encode import encode
from termchat.providers.protocols.openai_sdk import (
    OWN_HOST,
    caches_by_key,
    error_response,
    list_models,
    new_sdk,
    with_cache_key,
    without_auth_header,
    without_cache_key,
)

_EXTRA_PARAMS = {"plugins"}  # an extension of OpenRouter, unknown to the SDK
# If a 400 response names one of these parameters, the request is sent again without it.
_STREAM_OPTIONS = re.compile(r"stream_options", re.IGNORECASE)
_MAX_COMPLETION_TOKENS = re.compile(r"max_completion_tokens", re.IGNORECASE)
_MAX_TOKENS = re.compile(r"max_tokens.*max_completion_tokens", re.IGNORECASE | re.DOTALL)


class ChatClient:
    """Client of a server with Chat Completions."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.path = ""
        self.announced: set[tuple[str, Origin, str]] = set()
        self.rejected_params: set[tuple[Origin, str]] = set()
        self._sdk = new_sdk(endpoint)
        self._cached = caches_by_key(endpoint)

    def encode(self, request: Request, origin: Origin) -> Body:
        return encode(request, origin, self._config_for(origin.model))

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

    def amend(self, body: Body, failure: Failure) -> AmendedRequest | None:
        title = safe_line(self.endpoint.title)
        if failure.status not in (400, 422):
            return None
        message = failure.message
        if change := without_cache_key(body, message):
            self._cached = False
            return change
        if "stream_options" in body and _STREAM_OPTIONS.search(message):
            notice = safe_format("{title} does not report token usage while streaming.", title=title)
            return AmendedRequest({k: v for k, v in body.items() if k != "stream_options"}, notice)
        if "max_tokens" in body and _MAX_TOKENS.search(message):
            return AmendedRequest(
                _rename(body, "max_tokens", "max_completion_tokens"),
                safe_format("Sent again with max_completion_tokens."),
            )
        if "max_completion_tokens" in body and _MAX_COMPLETION_TOKENS.search(message):
            return AmendedRequest(
                _rename(body, "max_completion_tokens", "max_tokens"), safe_format("Sent again with max_tokens.")
            )
        return without_streaming(body, failure, self.endpoint)

    def _config_for(self, model: str) -> ProviderConfig:
        """Return the configuration with the quirks of a model added."""
        config = self.endpoint.config
        known = config.quirks | quirks(Origin(config.name, ApiProtocol.CHAT, model))
        if self.endpoint.host != OWN_HOST and "new_limit" not in known:
            known |= {"max_tokens"}  # some servers ignore the newer name silently
        return replace(config, quirks=with_cache_key(known, self._cached))

    async def models(self) -> Sequence[ModelInfo]:
        return await list_models(self._sdk, self.endpoint)


def _rename(body: Body, old: str, new: str) -> Body:
    return {new if name == old else name: value for name, value in body.items()}
