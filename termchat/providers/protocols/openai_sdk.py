"""Use of the openai SDK (3.57) shared by Chat Completions and Responses."""

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
    """Return the SDK's client for an endpoint.

    Except for OpenAI itself, the headers, organization and project that the SDK reads from the environment are removed.
    """
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
    """Return extra headers that remove the authorization of a request without a key, None for a request with one.

    The SDK requires a key, so `new_sdk` passes a placeholder.
    """
    names = {name.lower() for name in endpoint.headers}
    return None if endpoint.key or "authorization" in names else {"Authorization": openai.Omit()}


def error_response(error: Exception) -> ErrorResponse | None:
    """Return the error response inside an exception of the SDK, None for any other exception."""
    if not isinstance(error, openai.APIStatusError):
        return None
    return ErrorResponse(error.status_code, _body(error), dict(error.response.headers), bytes_of(error.response))


def _body(error: openai.APIStatusError) -> object:
    """Return the body in the form of OpenAI: the SDK unwraps the `error` object, or returns the text."""
    return {"error": error.body} if is_object(error.body) else error.body or error.response.text


def caches_by_key(endpoint: Endpoint) -> bool:
    """Return True if the server supports `prompt_cache_key`: OpenAI, and servers with the quirk `cache_key`."""
    return endpoint.host == OWN_HOST or "cache_key" in endpoint.config.quirks


def with_cache_key(quirks: frozenset[str], cached: bool) -> frozenset[str]:
    """Add or remove the quirk `cache_key`."""
    return quirks | {"cache_key"} if cached else quirks - {"cache_key"}


def without_cache_key(body: Body, message: str) -> AmendedRequest | None:
    """Remove `prompt_cache_key` from a body if the server's error message names it, else return None. No notice."""
    if "prompt_cache_key" not in body or "prompt_cache_key" not in message:
        return None
    return AmendedRequest({name: value for name, value in body.items() if name != "prompt_cache_key"}, EMPTY)


async def list_models(sdk: openai.AsyncOpenAI, endpoint: Endpoint) -> list[ModelInfo]:
    """List the models of an endpoint. Raises the exceptions of the SDK."""
    page = await sdk.models.list(extra_headers=without_auth_header(endpoint))
    return [model_info(endpoint, model.id, created=model.created) for model in page.data]
