"""Send one request and stream its reply, retrying where that is safe.

`StreamingProvider` is the provider that the registry returns. A client wraps the SDK and a decoder the protocol; the
rules common to all protocols are here:

- A reply is complete only after the model's finish reason. Any other end is a truncated reply.
- If the server rejects a part of the request, it is sent again without that part, with a notice (see `Repair`).
- After the first content no request is sent again.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, aclosing
from dataclasses import field, replace
from typing import Any

import httpx2

from termchat.core.errors import Attempt, Failure, FailureDetails, FailureKind, ProviderError
from termchat.core.events import (
    CONTENT_DELTAS,
    Delta,
    Finished,
    ProviderNotice,
    RequestAccepted,
    Retrying,
    TextBecameReasoning,
    TextDelta,
    UsageDelta,
)
from termchat.core.messages import File, Image, Origin, Role
from termchat.core.outcomes import FinishReason
from termchat.core.provider import Bill, Request, StreamMonitor
from termchat.core.sanitize import EMPTY, Safe, join, safe_format, safe_line
from termchat.core.usage import Usage
from termchat.late_dataclass import dataclass
from termchat.providers.catalog.capabilities import quirks, with_continuation
from termchat.providers.catalog.dropped_parts import all_parts
from termchat.providers.catalog.prices import STANDARD_TIERS
from termchat.providers.client import Body, Client, Endpoint, ErrorResponse, asked_limit, asked_tier
from termchat.providers.decoder import Decoder, ServerError
from termchat.providers.http.connection_errors import (
    clean_server_text,
    from_exception,
    history_refused,
    redirected,
    truncated,
    unexpected_response,
)
from termchat.providers.http.endpoint_paths import likely_base
from termchat.providers.http.error_body import ErrorBody, parse_error_body
from termchat.providers.http.error_details import error_details, request_id
from termchat.providers.http.rate_limit import RateLimit
from termchat.providers.http.recording import ResponseRecorder
from termchat.providers.http.response_body import NotAReplyError, decode_body
from termchat.providers.http.retry import RetryPolicy, final_failure, interruptible_sleep, unreachable_backoff
from termchat.providers.http.status_errors import from_response
from termchat.providers.http.transport import count_bytes, override_path
from termchat.providers.repair import LONE_CLOSING_TAG, RefusedError, Repair, ServerFacts

_LARGE = 500_000  # bytes of a request that is encoded on a thread
_PARAGRAPH = 400  # characters
_MAX_ATTEMPTS = 20  # failed attempts kept for the details, and the last one after them
# Builds a client with a new key; None when the key cannot change.
Renew = Callable[[Client], Awaitable[Client | None]]


@dataclass(slots=True)
class _RequestState:
    """The state of a request through all its tries.

    path         the path override, "" for the SDK's own
    tried        tries so far, the running one included
    renewed      True once the key was read again after a rejection
    capped       True if a budget lowers the limit of the reply in the body
    request_id   the server's id of the last response
    """

    request: Request
    body: Body
    path: str
    tried: int = 1
    renewed: bool = False
    capped: bool = False
    request_id: Safe = EMPTY
    failed: list[Attempt] = field(default_factory=list[Attempt])

    def failure(self, failure: Failure, endpoint: Endpoint, model: str) -> Failure:
        """Record a failed try, and return its failure with the details of all tries so far."""
        self.failed[_MAX_ATTEMPTS:] = [Attempt(time.time(), failure.message)]
        details = failure.details or FailureDetails()
        details = replace(
            details,
            host=safe_line(endpoint.host),
            model=safe_line(model),
            request_id=details.request_id or self.request_id,
            attempts=tuple(self.failed),
        )
        return replace(failure, details=details)


@dataclass(frozen=True, slots=True)
class EndpointState:
    """State that all models of a provider share: its rate limit, what is known of its models, the recorder."""

    limit: RateLimit
    facts: ServerFacts
    recorder: ResponseRecorder | None = None


class _Seen:
    """The parts of a reply that one attempt has received, and if the server accepted the request."""

    def __init__(self) -> None:
        self.content = False
        self.accepted = False
        self.usage: Usage | None = None

    def begins_content(self, delta: Delta) -> bool:
        """Note a delta; return True for the first one with content."""
        self.accepted = self.accepted or isinstance(delta, RequestAccepted)
        self.usage = delta.usage if isinstance(delta, UsageDelta) else self.usage
        first = not self.content and isinstance(delta, CONTENT_DELTAS)
        self.content = self.content or first
        return first


class StreamingProvider:
    """A model behind an endpoint. `renew` is called once per request, when the server rejects the key."""

    def __init__(self, client: Client, origin: Origin, policy: RetryPolicy, renew: Renew, state: EndpointState) -> None:
        self._client: Client = client
        self._limit = state.limit
        self._repair = Repair(origin, state.facts)
        self._recorder = state.recorder
        self._policy = policy
        self._renew = renew
        self.origin = origin

    async def stream(self, request: Request, monitor: StreamMonitor) -> AsyncGenerator[Delta, None]:
        """Stream the deltas of a reply, ending with `Finished`. Raises ProviderError."""
        original = request = with_continuation(request, self.origin)
        state = _RequestState(request, {}, self._repair.path(self._client.endpoint))
        if notice := await self._prepare(state, original):
            yield ProviderNotice(notice)
        if (wait := self._limit.remaining()) and self._limit.failure:  # another turn has hit it
            yield Retrying(1, self._policy.tries, wait, self._limit.failure)
            await interruptible_sleep(wait, monitor)
        while True:
            seen, patience = _Seen(), self._patience()
            monitor.waiting = True
            try:
                async with self._limit.slot(state.request):
                    notices = await self._admit(state, original, monitor)
                    monitor.waiting = False
                    for notice in notices:
                        yield ProviderNotice(notice)
                    async with aclosing(self._attempt(state, monitor)) as deltas:
                        async for delta in deltas:
                            if seen.begins_content(delta):
                                self._limit.clear()
                            yield self._noted(delta, state.body, waits=patience > 0)
                            patience -= len(delta.text) if isinstance(delta, TextDelta) else 0
                return
            except ProviderError as error:
                if monitor.waiting:  # the request was not admitted
                    raise
                failure, refused = self._failed(state, error, seen, monitor)
            amended = await self._amend(state, original, failure, refused)
            for notice in filter(None, amended or ()):
                yield ProviderNotice(notice)
            if amended is not None:
                continue
            unlimited = request.wait_for_host and failure.unreachable
            delay = self._delay(failure, state.tried, unlimited=unlimited)
            state.tried += 1
            self._limit.set(failure, delay)
            yield Retrying(state.tried, 0 if unlimited else self._policy.tries, delay, failure)
            await interruptible_sleep(delay, monitor)

    def _failed(
        self, state: _RequestState, error: ProviderError, seen: _Seen, monitor: StreamMonitor
    ) -> tuple[Failure, RefusedError | None]:
        """Note a failed attempt; return its failure, and the refusal of a part. Raises ProviderError after content."""
        failure = state.failure(error.failure, self._client.endpoint, self.origin.model)
        self._limit.note(failure)
        if seen.content:
            raise ProviderError(failure)
        if monitor.gate:
            monitor.gate.failed(seen.usage, accepted=seen.accepted)
        return failure, RefusedError(failure, error.body) if isinstance(error, RefusedError) else None

    def _delay(self, failure: Failure, tried: int, *, unlimited: bool) -> float:
        """Return the seconds until the next attempt. Raises ProviderError if there is none."""
        delay = unreachable_backoff(tried) if unlimited else self._policy.delay(failure, tried)
        if delay is None:
            raise ProviderError(final_failure(failure, tried))
        return delay

    def _noted(self, delta: Delta, body: Body, *, waits: bool) -> Delta:
        """Learn from a delta, and complete it: an unreported service tier is the requested one.

        waits   text may still be reasoning; otherwise it is not provisional
        """
        if isinstance(delta, TextBecameReasoning):
            self._repair.learn(LONE_CLOSING_TAG, self._client.endpoint)
        elif isinstance(delta, TextDelta) and delta.provisional and not waits:
            return TextDelta(delta.index, delta.text, delta.provider_data)  # of each token: `replace` is slow
        elif isinstance(delta, UsageDelta):
            tier = delta.usage.tier or asked_tier(body)
            return UsageDelta(replace(delta.usage, tier="" if tier in STANDARD_TIERS else tier))
        return delta

    def _patience(self) -> float:
        """Return the characters at the beginning of a reply that are provisional: they may become reasoning.

        All of a model that was seen to end its reasoning with a lone tag; one paragraph of a server that may do so, or
        no pipe would see its replies while they come.
        """
        endpoint = self._client.endpoint
        found = endpoint.config.quirks | quirks(self.origin) | self._repair.known(endpoint)
        return math.inf if LONE_CLOSING_TAG in found else _PARAGRAPH if "think_tags" in found else 0

    async def _prepare(self, state: _RequestState, request: Request) -> Safe:
        """Set request and body of a state to what the model supports, and return the notice about what it does not."""
        endpoint = self._client.endpoint
        state.request, notice = self._repair.prepare(request, endpoint)
        known = self._repair.known(endpoint)
        if _size(state.request) < _LARGE:
            state.body = self._client.encode(state.request, self.origin, known)
        else:
            state.body = await asyncio.to_thread(self._client.encode, state.request, self.origin, known)
        return join(" ", [words for words in (notice, self._repair.lost_thinking(state.request, state.body)) if words])

    async def _admit(self, state: _RequestState, original: Request, monitor: StreamMonitor) -> tuple[Safe, ...]:
        """Let the budget admit the next attempt, with a shorter reply if need be; return the notices about it.

        Raises ProviderError when the attempt could cross a limit.
        """
        if monitor.gate is None:
            return ()
        if state.capped:  # the budget may have changed
            state.capped = False
            await self._prepare(state, original)
        extra = self._client.endpoint.config.extra_body
        body = {**state.body, **extra}
        admitted = await monitor.gate.admit(Bill(self.origin, state.request, asked_limit(body), asked_tier(body)))
        if admitted.max_tokens is None:
            return (admitted.notice,) if admitted.notice else ()
        state.capped = True
        capped = replace(original, params=replace(original.params, max_tokens=admitted.max_tokens))
        notice = await self._prepare(state, capped)
        if (asked_limit({**state.body, **extra}) or math.inf) > admitted.max_tokens:
            monitor.gate.unlimited(self.origin)
        return tuple(filter(None, (admitted.notice, notice)))

    async def _amend(
        self, state: _RequestState, original: Request, failure: Failure, refused: RefusedError | None
    ) -> tuple[Safe, ...] | None:
        """Change a rejected request and return the notices about it; None when no change applies."""
        endpoint = self._client.endpoint
        if refused:
            notice = self._repair.change(refused, state.request, state.body, endpoint)
            if notice is not None:
                return notice, await self._prepare(state, original)
            if (other := self._repair.next_path(refused, endpoint, state.path)) is not None:  # "" is the SDK's path
                state.path = other
                return (_other_path_notice(endpoint, other),)
        if failure.kind is FailureKind.AUTH and not state.renewed:
            state.renewed = True
            client = await self._renew(self._client)
            if client:
                self._client = client
                return ()
        return None

    async def _attempt(self, state: _RequestState, monitor: StreamMonitor) -> AsyncGenerator[Delta, None]:
        """Send the request once and stream its reply. Raises ProviderError."""
        body, path, state.request_id = state.body, state.path, EMPTY
        async with AsyncExitStack() as stack:
            try:
                with count_bytes(monitor), override_path(path):
                    response = await stack.enter_async_context(self._client.open(body))
            except Exception as error:
                self._record(error)
                raise to_provider_error(self._client, error, self.origin.model, began=False) from error
            state.request_id = request_id(response.headers, self._client.endpoint)
            self._limit.learn(response.headers)
            self._repair.found_path(self._client.endpoint, path)
            decoder = self._client.decoder(body)
            if response.status_code < 300:
                yield RequestAccepted(self.origin, state.request.messages[-1].role is Role.ASSISTANT)
            try:
                async with aclosing(self._read(response, decoder)) as deltas:
                    async for delta in deltas:
                        if isinstance(delta, Finished) and delta.reason is FinishReason.HISTORY_INVALID:
                            raise RefusedError(history_refused(self._client.endpoint), ErrorBody())
                        yield delta
            except asyncio.CancelledError:  # stopped or stalled: what came is kept
                for delta in decoder.held():
                    yield delta
                raise
            except (ProviderError, ServerError, httpx2.HTTPError, OSError, ValueError, RecursionError) as error:
                ended = decoder.finished and not isinstance(error, ProviderError)
                for delta in decoder.end() if ended else decoder.held():
                    yield delta
                if not ended:
                    raise to_provider_error(self._client, error, self.origin.model, began=True) from error
            if not decoder.finished:
                raise ProviderError(truncated(safe_format("The stream ended early")))

    async def _read(self, response: httpx2.Response, decoder: Decoder) -> AsyncGenerator[Delta, None]:
        """Decode a response, and record it. Raises ProviderError, ServerError and the errors of `decode_body`."""
        endpoint = self._client.endpoint
        if response.status_code >= 300:
            raise ProviderError(redirected(ErrorResponse(response.status_code, "", dict(response.headers)), endpoint))
        try:
            async with AsyncExitStack() as stack:
                body = response.aiter_bytes()
                if self._recorder:
                    kind = response.headers.get("content-type", "")
                    recorded = self._recorder.tee(body, self._about(response.status_code, kind))
                    body = await stack.enter_async_context(aclosing(recorded))
                async for delta in await stack.enter_async_context(aclosing(decode_body(body, decoder))):
                    yield delta
        except NotAReplyError as error:
            raise ProviderError(unexpected_response(endpoint, error.what)) from error

    def _record(self, error: Exception) -> None:
        """Record the error response inside an SDK's exception."""
        response = self._client.error_response(error) if self._recorder else None
        if self._recorder and response and response.status:
            headers = {name.lower(): value for name, value in response.headers.items()}
            self._recorder.write(response.raw, self._about(response.status, headers.get("content-type", "")))

    def _about(self, status: int, kind: str) -> dict[str, Any]:
        """Return the JSON of a recording's `: response` line."""
        about = {"status": status, "content_type": kind, "provider": self.origin.provider}
        quirks = sorted(self._client.endpoint.config.quirks)
        return about | {"protocol": self.origin.protocol.value, "model": self.origin.model, "quirks": quirks}


def _size(request: Request) -> int:
    """Return the approximate size of a request in bytes."""
    parts = all_parts(request.messages)
    return sum(len(part.data) if isinstance(part, Image | File) else len(getattr(part, "text", "")) for part in parts)


def _other_path_notice(endpoint: Endpoint, path: str) -> Safe:
    title = safe_line(endpoint.title)
    notice = safe_format(
        "{title} has no endpoint at this address; trying {path}.", title=title, path=safe_line(path or "the first one")
    )
    if not path or path in endpoint.config.fallback_paths:
        return notice
    base = clean_server_text(likely_base(endpoint.protocol, endpoint.base, path), endpoint)
    return safe_format("{notice} The base URL is probably {base}.", notice=notice, base=base)


def to_provider_error(client: Client, error: Exception, model: str, *, began: bool) -> ProviderError:
    """Convert an exception of an exchange. An exception of neither server nor connection is raised again.

    began   True when the response headers had arrived
    """
    endpoint = client.endpoint
    if isinstance(error, ProviderError):
        return error
    response = ErrorResponse(None, error.body, {}) if isinstance(error, ServerError) else client.error_response(error)
    failure = _classify(error, response, endpoint, model, began=began)
    failure = replace(failure, details=error_details(error, response, endpoint))
    return RefusedError(failure, parse_error_body(response.body)) if response else ProviderError(failure)


def _classify(
    error: Exception, response: ErrorResponse | None, endpoint: Endpoint, model: str, *, began: bool
) -> Failure:
    if response and response.status and 300 <= response.status < 400:
        return redirected(response, endpoint)
    if response:
        return from_response(response, endpoint, model)
    if failure := from_exception(error, endpoint, began=began):
        return failure
    if isinstance(error, ValueError | RecursionError):  # invalid JSON or UTF-8, an event that is too long
        return unexpected_response(endpoint, safe_format("invalid data"))
    raise error
