"""The port between a protocol and the exchange: `Endpoint`, and the `Client` that each protocol implements."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import httpx2

from termchat.core.errors import Failure
from termchat.core.messages import Origin
from termchat.core.models import ApiProtocol, ModelInfo, ProviderConfig, Timeouts
from termchat.core.provider import Request
from termchat.core.redact import Redactor
from termchat.core.sanitize import Safe, safe_format, safe_line
from termchat.providers.decoder import Decoder

Body = dict[str, Any]


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
        return httpx2.URL(self.base).netloc.decode()


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


@dataclass(frozen=True, slots=True)
class AmendedRequest:
    """The body to send after a rejected request, and a notice for the user, "" for none."""

    body: Body
    notice: Safe


class Client(Protocol):
    """A protocol's SDK, bound to an endpoint.

    path             the fallback path that worked for the last request, "" for the SDK's own
    announced        (chat, model, parameter) of each notice about an unsupported parameter; one is shown per chat
    rejected_params  (model, parameter) of each parameter a server has rejected; it is not sent again
    """

    endpoint: Endpoint
    path: str
    announced: set[tuple[str, Origin, str]]
    rejected_params: set[tuple[Origin, str]]

    def encode(self, request: Request, origin: Origin) -> Body:
        """Encode a request as the arguments of the SDK's call."""
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

    def amend(self, body: Body, failure: Failure) -> AmendedRequest | None:
        """Change a rejected request so that the server may accept it, None when no change applies."""
        ...

    async def models(self) -> Sequence[ModelInfo]:
        """List the models of the endpoint. Raises the exceptions of the SDK."""
        ...


def without_streaming(body: Body, failure: Failure, endpoint: Endpoint) -> AmendedRequest | None:
    """Change a request to one without streaming if the server rejects streaming, else return None."""
    refuses = re.search(
        r"\bstream(ing)?\b.*(not|n't|un)\s?(be )?(support|allow|avail|permit)", failure.message, re.IGNORECASE
    )
    if not body.get("stream") or not refuses:
        return None
    changed = {k: v for k, v in body.items() if k != "stream_options"} | {"stream": False}
    title = safe_line(endpoint.title)
    notice = safe_format("{title} does not support streaming; waiting for the complete reply.", title=title)
    return AmendedRequest(changed, notice)
