"""Use of the openai SDK (3.57) shared by Chat Completions and Responses.

Its classes are imported by name: that is when the deferred SDK is loaded, which must not wait for the certificates.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from openai import APIStatusError, AsyncOpenAI, AsyncStream, Omit

from termchat.core.models import ModelInfo
from termchat.providers.catalog.listing_facts import openai_row
from termchat.providers.catalog.model_cache import model_info
from termchat.providers.client import Endpoint, ErrorResponse
from termchat.providers.decoder import as_list, as_text, is_object
from termchat.providers.http.connection_errors import bytes_of
from termchat.providers.protocols.cache_diagnosis import CACHE_DIAGNOSIS
from termchat.providers.sdk.environment import headers_from_environment

OWN_HOST = "api.openai.com"


def new_sdk(endpoint: Endpoint) -> AsyncOpenAI:
    """Return the SDK's client for an endpoint.

    Except for OpenAI itself, the headers, organization and project that the SDK reads from the environment are removed.
    """
    own = endpoint.config.name == "openai"
    ambient = {} if own else dict.fromkeys(headers_from_environment("OPENAI_CUSTOM_HEADERS"), Omit())
    headers: dict[str, Any] = ambient | dict(endpoint.headers)
    sdk = AsyncOpenAI(
        api_key=endpoint.key or "none",
        base_url=endpoint.base,
        http_client=endpoint.http,
        max_retries=0,
        default_headers=headers,
    )
    if not own:
        sdk.organization = sdk.project = None
    return sdk


@asynccontextmanager
async def post(
    sdk: AsyncOpenAI, path: str, body: Mapping[str, Any], endpoint: Endpoint
) -> AsyncGenerator[httpx2.Response]:
    """Send a request and return its response, open, with its body unread. Raises the exceptions of the SDK.

    `post` is the SDK's documented method for custom requests: unlike `create`, it needs none of the SDK's types, which
    are most of its import. `stream` leaves the body unread also where the request asks for a whole reply.
    """
    response: Any = await sdk.post(  # typed as a stream, but `cast_to` decides
        path,
        cast_to=httpx2.Response,
        body={**body, **endpoint.config.extra_body},
        options={"headers": without_auth_header(endpoint) or {}, "security": {"bearer_auth": True}},
        stream=True,
        stream_cls=AsyncStream[Any],
    )
    try:
        yield response
    finally:
        await response.aclose()


def without_auth_header(endpoint: Endpoint) -> dict[str, Any] | None:
    """Return extra headers that remove the authorization of a request without a key, None for a request with one.

    The SDK requires a key, so `new_sdk` passes a placeholder.
    """
    names = {name.lower() for name in endpoint.headers}
    return None if endpoint.key or "authorization" in names else {"Authorization": Omit()}


def error_response(error: Exception) -> ErrorResponse | None:
    """Return the error response inside an exception of the SDK, None for any other exception."""
    if not isinstance(error, APIStatusError):
        return None
    return ErrorResponse(error.status_code, _body(error), dict(error.response.headers), bytes_of(error.response))


def _body(error: APIStatusError) -> object:
    """Return the body in the form of OpenAI: the SDK unwraps the `error` object, or returns the text."""
    return {"error": error.body} if is_object(error.body) else error.body or error.response.text


def with_own_fields(quirks: frozenset[str], endpoint: Endpoint) -> frozenset[str]:
    """Return the quirks with those of OpenAI's own server: its fields are not sent to other servers unasked.

    A quirk that a refusal has taught wins over the configuration.
    """
    if endpoint.host == OWN_HOST:
        quirks |= {"cache_key", "obfuscation"}
        quirks |= {CACHE_DIAGNOSIS} if "cache_options" in quirks else frozenset[str]()
    lost = {word.removeprefix("no_") for word in quirks if word.startswith("no_")}
    return quirks - lost


async def list_models(sdk: AsyncOpenAI, endpoint: Endpoint) -> list[ModelInfo]:
    """List the models of an endpoint. Raises the exceptions of the SDK, TypeError for a body that is no listing.

    The rows stand in `data`, in `models`, or are the body itself (Together). A row without a name is skipped.
    """
    raw = await sdk.models.with_raw_response.list(extra_headers=without_auth_header(endpoint))
    body: Any = json.loads(raw.http_response.content)
    found: Any = body if as_list(body) else next((body[key] for key in ("data", "models") if key in body), None)
    if found is None and not (is_object(body) and ("data" in body or "models" in body)):
        raise TypeError("not a model listing")
    return [_row(endpoint, row) for row in as_list(found) if is_object(row) and as_text(row.get("id"))]


def _row(endpoint: Endpoint, row: dict[str, Any]) -> ModelInfo:
    facts, created = openai_row(row), row.get("created")
    return model_info(
        endpoint,
        as_text(row["id"]),
        title=as_text(row.get("name")),
        context=facts.context,
        max_output=facts.max_output,
        created=created if isinstance(created, int) else None,
        known=facts.known,
    )
