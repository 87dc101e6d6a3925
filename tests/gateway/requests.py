"""Requests that reached the gateway: raw HTTP, and the record for tests."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.gateway.signals import PATIENCE, Signal
from tests.gateway.signatures import Origin, Protocol

_PATHS = (
    (re.compile(r"^(.*)/v1/(?:chat/completions|llm)$"), Protocol.CHAT, "reply"),
    (re.compile(r"^(.*)/v1/responses$"), Protocol.RESPONSES, "reply"),
    (re.compile(r"^(.*)/v1/responses/input_tokens$"), Protocol.RESPONSES, "count"),
    (re.compile(r"^(.*)/v1/messages$"), Protocol.ANTHROPIC, "reply"),
    (re.compile(r"^(.*)/v1/messages/count_tokens$"), Protocol.ANTHROPIC, "count"),
    (re.compile(r"^(.*)/v1(?:beta)?/models/(.+):(?:streamG|g)enerateContent$"), Protocol.GEMINI, "reply"),
    (re.compile(r"^(.*)/v1(?:beta)?/models/(.+):countTokens$"), Protocol.GEMINI, "count"),
)
_BATCHES = (
    (re.compile(r"^(.*)/v1/messages/batches(?:/.+)?$"), Protocol.ANTHROPIC),
    (re.compile(r"^(.*)/v1/(?:files|batches)(?:/.+)?$"), Protocol.CHAT),
    (re.compile(r"^(.*)/v1beta/(?:batches|files|models/.+:batchGenerateContent)(?:/.+)?$"), Protocol.GEMINI),
)
_LISTING = re.compile(r"^(.*)/(v1|v1beta)/models(?:/(.+))?$")


@dataclass(frozen=True, slots=True)
class RawRequest:
    """One HTTP request; header names are in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


def take_request(buffer: bytearray) -> RawRequest | None:
    """Remove one complete request from the buffer; None while it is incomplete."""
    end = buffer.find(b"\r\n\r\n")
    if end < 0:
        return None
    first, *rest = bytes(buffer[:end]).decode("latin-1").split("\r\n")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in rest)}
    size = int(headers.get("content-length", "0"))
    if len(buffer) < end + 4 + size:
        return None
    body = bytes(buffer[end + 4 : end + 4 + size])
    del buffer[: end + 4 + size]
    method, target, _ = first.split(" ", 2)
    return RawRequest(method, target, headers, body)


@dataclass(frozen=True, slots=True)
class Route:
    """Kind of a path: a reply, a token count, a list of models, batches, or unknown."""

    kind: str
    origin: Origin


def route(raw: RawRequest, path: str, body: Any) -> Route | None:
    """Route and origin of a path; None for an unknown one. A prefix before `/v1` is part of the origin."""
    for pattern, protocol, kind in _PATHS:
        found = pattern.match(path)
        if found and raw.method == "POST":
            named = found[2] if protocol is Protocol.GEMINI else body.get("model") if isinstance(body, dict) else ""
            return Route(kind, Origin(found[1], protocol, str(named or "")))
    for pattern, protocol in _BATCHES:
        if found := pattern.match(path):
            return Route("batch", Origin(found[1], protocol, ""))
    found = _LISTING.match(path)
    if found and raw.method == "GET":
        return Route("models", Origin(found[1], _lister(raw, found[2]), found[3] or ""))
    return None


def protocol_of_path(path: str) -> Protocol:
    """The protocol of an endpoint for replies."""
    return next(protocol for pattern, protocol, kind in _PATHS if kind == "reply" and pattern.match(path))


def _lister(raw: RawRequest, version: str) -> Protocol:
    if version == "v1beta" or "x-goog-api-key" in raw.headers:
        return Protocol.GEMINI
    return Protocol.ANTHROPIC if "anthropic-version" in raw.headers else Protocol.CHAT


@dataclass(eq=False)
class RecordedRequest:
    """One request and the state of its answer.

    path, query     split; `headers` with names in lower case; `body` the parsed JSON, None without one
    origin          endpoint, protocol and model; None for an unknown path
    at              time of its complete arrival, on the monotonic clock
    connection      number of its connection, from 1
    problems        complaints of the validator
    sent            bytes of the answer written to the socket so far
    answered        set once the whole answer is written
    closed          set once the client has closed the connection, not when the gateway closed it
    """

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any
    raw: bytes
    origin: Origin | None
    kind: str
    connection: int
    at: float = field(default_factory=time.monotonic)
    problems: list[str] = field(default_factory=list[str])
    sent: int = 0
    answered: Signal = field(default_factory=Signal)
    closed: Signal = field(default_factory=Signal)
    closed_at: float | None = None

    @property
    def protocol(self) -> Protocol | None:
        return self.origin.protocol if self.origin else None

    @property
    def model(self) -> str:
        return self.origin.model if self.origin else ""

    @property
    def streams(self) -> bool:
        """True if the request asks for a stream."""
        if self.protocol is Protocol.GEMINI:
            return self.path.endswith(":streamGenerateContent")
        return isinstance(self.body, dict) and self.body.get("stream") is True

    @property
    def key(self) -> str:
        """The API key of the request."""
        bearer = self.headers.get("authorization", "")
        kinds = (
            bearer.removeprefix("Bearer ").strip(),
            self.headers.get("x-api-key"),
            self.headers.get("x-goog-api-key"),
        )
        return next((key for key in kinds if key), "")

    @property
    def closed_after(self) -> float | None:
        """Seconds from the request to the client's disconnect; None while connected."""
        return None if self.closed_at is None else self.closed_at - self.at

    async def wait_closed(self, deadline: float = PATIENCE) -> float:
        """Wait until the client has closed the connection; return `closed_after`."""
        await self.closed.wait(deadline)
        return self.closed_after or 0.0

    def wait_closed_blocking(self, deadline: float = PATIENCE) -> float:
        """Wait like `wait_closed`, on a thread."""
        self.closed.wait_blocking(deadline)
        return self.closed_after or 0.0

    def note_closed(self) -> None:
        """Record that the client has closed the connection."""
        if self.closed_at is None:
            self.closed_at = time.monotonic()
            self.closed.set()


def record(raw: RawRequest, connection: int) -> RecordedRequest:
    """The record of a new request."""
    parts = urlsplit(raw.target)
    path = unquote(parts.path)
    query = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
    try:
        body = json.loads(raw.body) if raw.body else None
    except ValueError:  # or UnicodeDecodeError, of an upload
        body = None
    found = route(raw, path, body)
    origin, kind = (found.origin, found.kind) if found else (None, "unknown")
    return RecordedRequest(raw.method, path, query, raw.headers, body, raw.body, origin, kind, connection)
