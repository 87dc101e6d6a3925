"""The parts of the openai SDK that Chat Completions and Responses share."""

from __future__ import annotations

from typing import Any

import openai

from termchat.core.models import ModelInfo
from termchat.core.sanitize import EMPTY
from termchat.providers.catalog.model_cache import model_info
from termchat.providers.client import AmendedRequest, Body, Endpoint, ErrorResponse
from termchat.providers.decoder import is_object
from termchat.providers.http.connection_errors import bytes_of
from termchat.providers.sdk.environment import headers_from_environment

OWN_HOST = "api.openai.com"


def new_sdk(endpoint: Endpoint) -> openai.AsyncOpenAI:
    """The SDK for an endpoint; nothing of the environment that was meant for another server goes along."""
    own = endpoint.config.name == "openai"
    ambient = {} if own else dict.fromkeys(headers_from_environment("OPENAI_CUSTOM_HEADERS"), openai.Omit())
    headers: dict[str, Any] = ambient | dict(endpoint.headers)
    sdk = openai.AsyncOpenAI(
        api_key=endpoint.key or "none",
        base_url=endpoint.base,
        http_client=endpoint.http,
        max_retries=0,
        default_headers=headers,
    )
    if not own:
        sdk.organization = sdk.project = None
    return sdk


def without_auth_header(endpoint: Endpoint) -> dict[str, Any] | None:
    """Headers of each request to a server that wants no key: the SDK insists on being told."""
    told = {name.lower() for name in endpoint.headers}
    return None if endpoint.key or "authorization" in told else {"Authorization": openai.Omit()}


def error_response(error: Exception) -> ErrorResponse | None:
    """What the server answered, from the SDK's exception."""
    if not isinstance(error, openai.APIStatusError):
        return None
    return ErrorResponse(error.status_code, _body(error), dict(error.response.headers), bytes_of(error.response))


def _body(error: openai.APIStatusError) -> object:
    """The SDK gives the inner error object, or the text; the outer object is the form all vendors share."""
    return {"error": error.body} if is_object(error.body) else error.body or error.response.text


def caches_by_key(endpoint: Endpoint) -> bool:
    """Whether the server takes a key to its prompt cache: OpenAI itself, and who is said to."""
    return endpoint.host == OWN_HOST or "cache_key" in endpoint.config.quirks


def with_cache_key(quirks: frozenset[str], cached: bool) -> frozenset[str]:
    return quirks | {"cache_key"} if cached else quirks - {"cache_key"}


def without_cache_key(body: Body, words: str) -> AmendedRequest | None:
    """The body without the key, which is nothing to speak of, for a server that refuses it."""
    if "prompt_cache_key" not in body or "prompt_cache_key" not in words:
        return None
    return AmendedRequest({name: value for name, value in body.items() if name != "prompt_cache_key"}, EMPTY)


async def list_models(sdk: openai.AsyncOpenAI, endpoint: Endpoint) -> list[ModelInfo]:
    page = await sdk.models.list(extra_headers=without_auth_header(endpoint))
    return [model_info(endpoint, model.id, created=model.created) for model in page.data]
