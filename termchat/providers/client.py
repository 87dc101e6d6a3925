"""The port between a protocol and the exchange: `Endpoint`, and the `Client` that each protocol implements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

import httpx2

from termchat.core.messages import Origin
from termchat.core.models import ApiProtocol, ModelInfo, ProviderConfig, Timeouts
from termchat.core.provider import Request
from termchat.core.redact import Redactor
from termchat.core.sanitize import Safe
from termchat.late_dataclass import dataclass
from termchat.providers.decoder import Decoder, as_object, as_tier

if TYPE_CHECKING:
    from termchat.providers.catalog.batch_vendors import BatchVendor
    from termchat.providers.protocols.batch_api import BatchApi

Body = dict[str, Any]


@lru_cache(maxsize=256)
def _host_of(base: str) -> str:
    return httpx2.URL(base).netloc.decode()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One base URL of a provider, with its key and HTTP client.

    base         the base URL, as the protocol's SDK takes it
    key          the API key, "" for a server without authentication
    key_source   the origin of the key, for messages: `OPENAI_API_KEY`
    headers      extra headers of each request
    timeouts     in seconds; the provider's own over the general ones
    """

    config: ProviderConfig
    protocol: ApiProtocol
    base: str
    key: str
    key_source: Safe
    headers: Mapping[str, str]
    http: httpx2.AsyncClient
    redact: Redactor
    timeouts: Timeouts

    @property
    def title(self) -> str:
        """The display name of the provider."""
        return self.config.title or self.config.name

    @property
    def host(self) -> str:
        """The host of the base URL, with its port if there is one."""
        return _host_of(self.base)


@dataclass(frozen=True, slots=True)
class ErrorResponse:
    """An error response of a server.

    status   the HTTP status, None for an error event in a stream
    body     the parsed JSON, or the text
    raw      the bytes of the body, b"" when they were not kept
    """

    status: int | None
    body: Any
    headers: Mapping[str, str]
    raw: bytes = b""


class Client(Protocol):
    """A protocol's SDK, bound to an endpoint."""

    endpoint: Endpoint

    def encode(self, request: Request, origin: Origin, known: frozenset[str] = frozenset()) -> Body:
        """Encode a request as the arguments of the SDK's call.

        known   quirks known from the model's server, besides those of the configuration and of `quirks.toml`
        """
        ...

    def open(self, body: Body) -> AbstractAsyncContextManager[httpx2.Response]:
        """Send a request and return the response with its body unread. Raises the exceptions of the SDK."""
        ...

    def decoder(self, body: Body) -> Decoder:
        """Return a new decoder for the reply to this body."""
        ...

    def error_response(self, error: Exception) -> ErrorResponse | None:
        """Return the error response inside an SDK's exception, None for any other exception."""
        ...

    def batches(self, vendor: BatchVendor, model: str) -> BatchApi:
        """Return the batches of a model."""
        ...

    async def models(self) -> Sequence[ModelInfo]:
        """List the models of the endpoint. Raises the exceptions of the SDK."""
        ...


def asked_tier(body: Body) -> str:
    """Return the service tier or speed that a request asks for in its protocol's field, "" without one."""
    config = as_object(body.get("config"))
    return as_tier(body.get("service_tier") or body.get("speed") or config.get("service_tier"))


def asked_limit(body: Body) -> int | None:
    """Return the limit of the reply in tokens that a body asks for in its protocol's field, None without one."""
    for fields in (body, as_object(body.get("config")), as_object(body.get("generationConfig"))):
        for name in ("max_completion_tokens", "max_output_tokens", "max_tokens", "maxOutputTokens"):
            if isinstance(limit := fields.get(name), int):
                return limit
    return None
