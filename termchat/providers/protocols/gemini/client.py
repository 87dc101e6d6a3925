"""Client of the Gemini API, through the google-genai SDK (3.6).

The SDK has no access to the raw response of a stream, and its own reader fails on the streams of gateways. So the
transport captures the response and hands the SDK an empty one.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from threading import Event, Lock
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import httpx2
from google import genai
from google.genai import errors, types

from termchat.core.messages import Origin
from termchat.core.models import ModelInfo
from termchat.core.provider import Request
from termchat.providers.catalog.capabilities import quirks
from termchat.providers.catalog.model_cache import model_info
from termchat.providers.client import Body, Endpoint, ErrorResponse
from termchat.providers.decoder import as_count, as_list, as_object, as_text, is_object
from termchat.providers.http.connection_errors import bytes_of, headers_of
from termchat.providers.http.connection_options import tls_context
from termchat.providers.http.transport import CapturedResponse, capture_response
from termchat.providers.protocols.gemini.decode import GeminiDecoder
from termchat.providers.protocols.gemini.encode import encode_config, encode_contents

_MAX_PAGES = 20
_VERSION = re.compile(r"/(v\d+\w*)$")
_completing, _completed = Lock(), Event()  # of the types of a request

logging.getLogger("google_genai").addHandler(logging.NullHandler())  # it warns of variables that are not used here

if TYPE_CHECKING:
    from termchat.providers.catalog.batch_vendors import BatchVendor
    from termchat.providers.protocols.batch_api import BatchApi


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
        if not _completed.is_set():
            await asyncio.to_thread(complete_types)
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

    def batches(self, vendor: BatchVendor, model: str) -> BatchApi:
        from termchat.providers.protocols.gemini.batch_jobs import BatchJobs

        return BatchJobs(self._sdk, self.endpoint, model, vendor.inline)

    async def models(self) -> Sequence[ModelInfo]:
        rows: list[ModelInfo] = []
        page = ""
        for _ in range(_MAX_PAGES):
            listing = await self._listing(page)
            rows += map(self._model_info, filter(_generates, map(as_object, as_list(listing.get("models")))))
            page = as_text(listing.get("nextPageToken"))
            if not page:
                break
        return rows

    async def _listing(self, page: str) -> dict[str, Any]:
        """Return a page of the listing as the server sent it: one odd row would make the SDK reject all of them.

        Raises the exceptions of the SDK, ValueError for invalid JSON, TypeError for a body that is no listing.
        """
        api: Any = self._sdk._api_client  # pyright: ignore[reportPrivateUsage]  # noqa: SLF001
        query = urlencode({"pageSize": 1000} | ({"pageToken": page} if page else {}))
        response = await api.async_request("get", f"models?{query}", {}, None)
        body: object = json.loads(response.body)
        if not is_object(body) or "models" not in body:
            raise TypeError("not a model listing")
        return body

    def _model_info(self, row: dict[str, Any]) -> ModelInfo:
        return model_info(
            self.endpoint,
            as_text(row.get("name")).removeprefix("models/"),
            title=as_text(row.get("displayName")),
            context=as_count(row.get("inputTokenLimit")) or None,
            max_output=as_count(row.get("outputTokenLimit")) or None,
            known=("think",) if row.get("thinking") is False else (),
        )


def complete_types() -> None:
    """Let pydantic complete the SDK's types of a request, once; it takes up to a tenth of a second, so use a thread."""
    with _completing:
        if not _completed.is_set():
            turn = {"role": "user", "parts": [{"text": "hi"}]}
            config = types.GenerateContentConfig(system_instruction="hi")
            if whole := getattr(types, "_GenerateContentParameters", None):  # the SDK makes one of each request
                whole(model="m", contents=[turn], config=config)
            _completed.set()


def _generates(row: dict[str, Any]) -> bool:
    """Return True for a row with a name whose model generates content, as far as the listing tells."""
    actions = as_list(row.get("supportedGenerationMethods"))
    return bool(as_text(row.get("name"))) and (not actions or "generateContent" in actions)


def _split_version(base: str) -> tuple[str, str]:
    """Split a base URL into the URL and the API version, `v1beta` by default: the SDK adds the version to each URL."""
    found = _VERSION.search(base)
    return (base[: found.start()], found[1]) if found else (base, "v1beta")
