"""Client of the Gemini API, through the google-genai SDK (3.6).

The SDK has no access to the raw response of a stream, and its own reader fails on the streams of gateways. So the
transport captures the response and hands the SDK an empty one.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from google import genai
from google.genai import errors, types

from termchat.core.messages import Origin
from termchat.core.models import ModelInfo
from termchat.core.provider import Request
from termchat.providers.catalog.capabilities import quirks
from termchat.providers.catalog.model_cache import model_info
from termchat.providers.client import Body, Endpoint, ErrorResponse
from termchat.providers.http.connection_errors import bytes_of, headers_of
from termchat.providers.http.connection_options import tls_context
from termchat.providers.http.transport import CapturedResponse, capture_response
from termchat.providers.protocols.gemini.decode import GeminiDecoder
from termchat.providers.protocols.gemini.encode import encode_config, encode_contents

_VERSION = re.compile(r"/(v\d+\w*)$")


class GeminiClient:
    """Client of a server with `streamGenerateContent`."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        base, version = _split_version(endpoint.base)
        context = tls_context(endpoint.config.ca_file)  # else the SDK loads all certificates twice more
        self._sdk = genai.Client(
            vertexai=False,
            api_key=endpoint.key or "none",
            http_options=types.HttpOptions(
                base_url=base,
                api_version=version,
                headers=dict(endpoint.headers),
                httpx_async_client=endpoint.http,
                httpx_client=httpx2.Client(verify=context, trust_env=False),  # not used
                async_client_args={"ssl": context},
                extra_body=dict(endpoint.config.extra_body) or None,
            ),
        )

    def encode(self, request: Request, origin: Origin, known: frozenset[str] = frozenset()) -> Body:
        found = self.endpoint.config.quirks | quirks(origin) | known
        return {
            "model": origin.model,
            "contents": encode_contents(request, origin),
            "config": encode_config(request, origin, found),
            "stream": self.endpoint.config.stream and "no_stream" not in found,
        }

    @asynccontextmanager
    async def open(self, body: Body) -> AsyncGenerator[httpx2.Response]:
        models: Any = self._sdk.aio.models
        arguments = {name: value for name, value in body.items() if name != "stream"}
        slot = CapturedResponse()
        try:
            with capture_response(slot):
                if body["stream"]:
                    async for _ in await models.generate_content_stream(**arguments):
                        pass
                else:
                    await models.generate_content(**arguments)
            assert slot.response is not None
            yield slot.response
        finally:
            if slot.response is not None:
                await slot.response.aclose()

    def decoder(self, body: Body) -> GeminiDecoder:
        return GeminiDecoder()

    def error_response(self, error: Exception) -> ErrorResponse | None:
        if not isinstance(error, errors.APIError):
            return None
        api_error: Any = error
        response = api_error.response
        return ErrorResponse(error.code, api_error.details, headers_of(response), bytes_of(response))

    async def models(self) -> Sequence[ModelInfo]:
        found: list[ModelInfo] = []
        async for model in await self._sdk.aio.models.list():
            if model.supported_actions and "generateContent" not in model.supported_actions:
                continue
            found.append(
                model_info(
                    self.endpoint,
                    (model.name or "").removeprefix("models/"),
                    title=model.display_name or "",
                    context=model.input_token_limit,
                    max_output=model.output_token_limit,
                    known=("think",) if model.thinking is False else (),
                )
            )
        return found


def _split_version(base: str) -> tuple[str, str]:
    """Split a base URL into the URL and the API version, `v1beta` by default: the SDK adds the version to each URL."""
    found = _VERSION.search(base)
    return (base[: found.start()], found[1]) if found else (base, "v1beta")
