"""Where a request goes, and what every client of a protocol can do."""

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
    """One base URL of a provider, with its key.

    key_source   where the key comes from, as a user knows it: `OPENAI_API_KEY`
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
        return self.config.title or self.config.name

    @property
    def host(self) -> str:
        return httpx2.URL(self.base).netloc.decode()


@dataclass(frozen=True, slots=True)
class ErrorResponse:
    """What a server answered instead of a reply; `body` is its JSON, or its text, `raw` the bytes it came as."""

    status: int | None
    body: Any
    headers: Mapping[str, str]
    raw: bytes = b""


@dataclass(frozen=True, slots=True)
class AmendedRequest:
    """A request made over after a refusal, and what to tell of it."""

    body: Body
    notice: Safe


class Client(Protocol):
    """A protocol's SDK, bound to an endpoint.

    path     one of the server's other paths, if it listens there
    learned  what a model's server has refused to know, by the name of the parameter
    told     what was said to be left out, by the conversation and the name: each is said once
    """

    endpoint: Endpoint
    path: str
    announced: set[tuple[str, Origin, str]]
    rejected_params: set[tuple[Origin, str]]

    def encode(self, request: Request, origin: Origin) -> Body:
        """The body of the request."""
        ...

    def open(self, body: Body) -> AbstractAsyncContextManager[httpx2.Response]:
        """Send; the response to read, its body still on the wire. Raises what the SDK raises."""
        ...

    def decoder(self, body: Body) -> Decoder:
        """For the reply to this body."""
        ...

    def error_response(self, error: Exception) -> ErrorResponse | None:
        """What the server said, if that is what the SDK's exception is about."""
        ...

    def amend(self, body: Body, failure: Failure) -> AmendedRequest | None:
        """Another try at a request that was refused for a parameter, None when there is none."""
        ...

    async def models(self) -> Sequence[ModelInfo]: ...


def without_streaming(body: Body, failure: Failure, endpoint: Endpoint) -> AmendedRequest | None:
    """The same request without streaming, for a server that refuses to stream."""
    refuses = re.search(
        r"\bstream(ing)?\b.*(not|n't|un)\s?(be )?(support|allow|avail|permit)", failure.message, re.IGNORECASE
    )
    if not body.get("stream") or not refuses:
        return None
    changed = {k: v for k, v in body.items() if k != "stream_options"} | {"stream": False}
    return AmendedRequest(
        changed, safe_format("{title} does not stream; waiting for the whole reply.", title=safe_line(endpoint.title))
    )
