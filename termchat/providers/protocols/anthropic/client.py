"""Client of the Messages API, through the anthropic SDK (2.14)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import httpx2
from anthropic import APIStatusError, AsyncAnthropic, AsyncStream, Omit

from termchat.core.messages import Origin
from termchat.core.models import ModelInfo
from termchat.core.provider import Request
from termchat.providers.catalog.capabilities import quirks
from termchat.providers.catalog.listing_facts import anthropic_known
from termchat.providers.catalog.model_cache import model_info
from termchat.providers.client import Body, Endpoint, ErrorResponse
from termchat.providers.decoder import as_count, as_list, as_text
from termchat.providers.http.connection_errors import bytes_of
from termchat.providers.protocols.anthropic.decode import AnthropicDecoder
from termchat.providers.protocols.anthropic.encode import encode
from termchat.providers.protocols.anthropic.prompt_cache import add_cache_control
from termchat.providers.protocols.anthropic.signature_prefix import prefix_digest
from termchat.providers.protocols.cache_diagnosis import CACHE_DIAGNOSIS
from termchat.providers.sdk.environment import headers_from_environment

_OWN_HOST = "api.anthropic.com"
_MAX_PAGES = 20
_PREFIX = "(prefix)"  # digest of the prefix in a body; not sent
_FAST_MODE = "fast-mode-2026-02-01"  # some models require it
_OLD_VERSION = "2023-06-01"

if TYPE_CHECKING:
    from termchat.providers.catalog.batch_vendors import BatchVendor
    from termchat.providers.protocols.batch_api import BatchApi


class AnthropicClient:
    """Client of a server with the Messages API.

    limits   model -> output limit in tokens, from the cached listing
    """

    def __init__(self, endpoint: Endpoint, limits: Mapping[str, int]) -> None:
        self.endpoint = endpoint
        self._limits = limits
        self._sdk = AsyncAnthropic(
            api_key=endpoint.key or "none",
            base_url=endpoint.base,
            http_client=endpoint.http,
            max_retries=0,
            timeout=httpx2.Timeout(None),  # else the SDK rejects a high limit without streaming
            default_headers=_headers(endpoint),
            open_telemetry=False,
        )

    def encode(self, request: Request, origin: Origin, known: frozenset[str] = frozenset()) -> Body:
        config = self.endpoint.config
        own = {CACHE_DIAGNOSIS} if self.endpoint.host == _OWN_HOST else frozenset[str]()
        config = replace(config, quirks=config.quirks | quirks(origin) | known | own)
        limit = self._limits.get(origin.model) or self.endpoint.config.max_tokens_for(origin.model)
        assert limit, "the presets name a limit for every model"
        body = _transform_schema(encode(request, origin, config, limit))
        body[_PREFIX] = prefix_digest(body, body["messages"])
        return body if "no_cache" in config.quirks else add_cache_control(body)

    @asynccontextmanager
    async def open(self, body: Body) -> AsyncGenerator[httpx2.Response]:
        sent = {name: value for name, value in body.items() if name != _PREFIX}
        # Like `messages.create`, without the SDK's types, which are most of its import; `stream` leaves the body unread
        # also where the request asks for a whole reply.
        response: Any = await self._sdk.post(  # typed as a stream, but `cast_to` decides
            "/v1/messages",
            cast_to=httpx2.Response,
            body={**sent, **self.endpoint.config.extra_body},
            options={"headers": {"anthropic-beta": _FAST_MODE} if body.get("speed") else {}},
            stream=True,
            stream_cls=AsyncStream[Any],
        )
        try:
            yield response
        finally:
            await response.aclose()

    def decoder(self, body: Body) -> AnthropicDecoder:
        return AnthropicDecoder(prefix=body[_PREFIX])

    def error_response(self, error: Exception) -> ErrorResponse | None:
        if not isinstance(error, APIStatusError):
            return None
        body = error.body or error.response.text
        return ErrorResponse(error.status_code, body, dict(error.response.headers), bytes_of(error.response))

    def batches(self, vendor: BatchVendor, model: str) -> BatchApi:
        from termchat.providers.protocols.anthropic.message_batches import MessageBatches

        return MessageBatches(self._sdk)

    async def models(self) -> Sequence[ModelInfo]:
        rows: list[Any] = []
        page: Any = await self._sdk.models.list(limit=1000)
        for _ in range(_MAX_PAGES):
            rows += as_list(page.data)
            if not page.data or not page.has_next_page():
                break
            page = await page.get_next_page()
        return [self._model_info(row) for row in rows if as_text(getattr(row, "id", None))]

    def _model_info(self, model: Any) -> ModelInfo:
        """Convert a row of the listing with a name; gateways leave out the limits and the capabilities."""
        capabilities: Any = getattr(model, "capabilities", None)
        return model_info(
            self.endpoint,
            model.id,
            title=as_text(getattr(model, "display_name", None)),
            context=as_count(getattr(model, "max_input_tokens", None)) or None,
            max_output=as_count(getattr(model, "max_tokens", None)) or None,
            known=anthropic_known(capabilities.to_dict() if hasattr(capabilities, "to_dict") else capabilities),
        )


def _transform_schema(body: Body) -> Body:
    """Let the SDK adapt the reply schema: it closes objects and moves unsupported keywords to the description."""
    output: dict[str, Any] = body.get("output_config") or {}
    if "format" not in output:
        return body
    from anthropic import transform_schema  # imports types that no other request needs

    try:
        schema = transform_schema(output["format"]["schema"])
    except (ValueError, TypeError, AttributeError):
        return body  # the server reports the error in the schema
    return body | {"output_config": output | {"format": {"type": "json_schema", "schema": schema}}}


def _headers(endpoint: Endpoint) -> dict[str, Any]:
    """Return the extra headers. Gateways get `x-api-key` and an older `anthropic-version`; Anthropic the SDK's own."""
    headers: dict[str, Any] = dict(endpoint.headers)
    if endpoint.config.name != "anthropic":
        headers = dict.fromkeys(headers_from_environment("ANTHROPIC_CUSTOM_HEADERS"), Omit()) | headers
    if any(name.lower() == "authorization" for name in endpoint.headers) and not endpoint.key:
        headers = {"X-Api-Key": Omit()} | headers
    if endpoint.host == _OWN_HOST:
        return headers
    if not endpoint.key:
        return {"Authorization": Omit(), "anthropic-version": _OLD_VERSION} | headers
    return {"x-api-key": endpoint.key, "anthropic-version": _OLD_VERSION} | headers
