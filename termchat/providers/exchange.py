"""One request and its reply: send, read, decode, and send again where that is right.

`Exchange` is what the registry hands out as a provider. A client brings the SDK, a decoder the protocol; the
rules that hold for all of them are here:

- a reply is complete only when the model said so: an end without it is a cut, however clean it looks;
- a history that is refused is made simple and sent once more, aloud;
- nothing is sent again once content was given out.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field, replace
from typing import Any

import httpx2

from termchat.core.errors import Attempt, Failure, FailureDetails, FailureKind, ProviderError
from termchat.core.events import CONTENT_DELTAS, Delta, Finished, ProviderNotice, Retrying
from termchat.core.history import strip_provider_data
from termchat.core.messages import Origin
from termchat.core.outcomes import FinishReason
from termchat.core.provider import Request, StreamMonitor
from termchat.core.sanitize import EMPTY, Safe, safe_format, safe_line
from termchat.providers.catalog.capabilities import (
    drop_unsupported,
    rejected_params,
    unsupported_notice,
    with_continuation,
)
from termchat.providers.client import Body, Client, Endpoint, ErrorResponse
from termchat.providers.decoder import Decoder, ServerError
from termchat.providers.http.connection_errors import (
    from_exception,
    history_refused,
    redirected,
    truncated,
    unexpected_response,
)
from termchat.providers.http.error_details import error_details, request_id
from termchat.providers.http.rate_limit import RateLimit
from termchat.providers.http.recording import ResponseRecorder
from termchat.providers.http.response_body import NotAReplyError, decode_body
from termchat.providers.http.retry import RetryPolicy, final_failure, interruptible_sleep, unreachable_backoff
from termchat.providers.http.status_errors import from_response
from termchat.providers.http.transport import count_bytes, override_path

_KEPT = 20  # tries that are told of one by one, and the last one behind them
# A client with a newer key, None when there can be none.
Renew = Callable[[Client], Awaitable[Client | None]]


@dataclass(slots=True)
class _RequestState:
    """A request on its way, through all its tries."""

    request: Request
    body: Body
    path: str
    tried: int = 1
    renewed: bool = False
    repaired: bool = False
    named: Safe = EMPTY  # how the server calls the request it answered last
    failed: list[Attempt] = field(default_factory=list[Attempt])

    def failure(self, failure: Failure, at: Endpoint, model: str) -> Failure:
        """One more try that failed, with all that is known of the tries so far."""
        self.failed[_KEPT:] = [Attempt(time.time(), failure.message)]
        known = failure.details or FailureDetails()
        request = known.request_id or self.named
        details = replace(
            known, host=safe_line(at.host), model=safe_line(model), request_id=request, attempts=tuple(self.failed)
        )
        return replace(failure, details=details)


@dataclass(frozen=True, slots=True)
class EndpointState:
    """What exchanges share: the limit of their provider, and who writes down what comes."""

    limit: RateLimit
    recorder: ResponseRecorder | None = None


class StreamingProvider:
    """A model behind an endpoint; `renew` is asked once when a key was refused, `house` is shared with others."""

    def __init__(self, client: Client, origin: Origin, policy: RetryPolicy, renew: Renew, state: EndpointState) -> None:
        self._client: Client = client
        self._limit = state.limit
        self._recorder = state.recorder
        self._policy = policy
        self._renew = renew
        self.origin = origin

    async def stream(self, request: Request, wire: StreamMonitor) -> AsyncGenerator[Delta, None]:
        """The reply, delta by delta, ending with `Finished`. Raises ProviderError."""
        request, left = self._drop_unsupported(with_continuation(request, self.origin))
        if news := self._unannounced(request, left):
            yield ProviderNotice(unsupported_notice(safe_line(self.origin.model), news))
        state = _RequestState(request, self._client.encode(request, self.origin), self._client.path)
        if (wait := self._limit.remaining()) and self._limit.failure:  # another turn ran into it
            yield Retrying(1, self._policy.tries, wait, self._limit.failure)
            await interruptible_sleep(wait, wire)
        while True:
            shown = False
            try:
                async with aclosing(self._attempt(state, wire)) as deltas:
                    async for delta in deltas:
                        if not shown and isinstance(delta, CONTENT_DELTAS):
                            shown = True
                            self._limit.clear()
                        yield delta
                return
            except ProviderError as error:
                failure = state.failure(error.failure, self._client.endpoint, self.origin.model)
            if shown:
                raise ProviderError(failure)
            words = await self._amended(state, failure)
            if words is not None:
                if words:
                    yield ProviderNotice(words)
                continue
            waits = request.wait_for_host and failure.unreachable
            delay = unreachable_backoff(state.tried) if waits else self._policy.delay(failure, state.tried)
            if delay is None:
                raise ProviderError(final_failure(failure, state.tried))
            state.tried += 1
            self._limit.set(failure, delay)
            yield Retrying(state.tried, 0 if waits else self._policy.tries, delay, failure)
            await interruptible_sleep(delay, wire)

    def _drop_unsupported(self, request: Request) -> tuple[Request, tuple[str, ...]]:
        learned = frozenset(name for origin, name in self._client.rejected_params if origin == self.origin)
        return drop_unsupported(request, self.origin, learned)

    def _unannounced(self, request: Request, left: tuple[str, ...]) -> tuple[str, ...]:
        """What of this was not said in this conversation yet; it counts as said now."""
        marks = {name: (request.chat, self.origin, name) for name in left}
        news = tuple(name for name, mark in marks.items() if mark not in self._client.announced)
        self._client.announced.update(marks.values())
        return news

    async def _amended(self, state: _RequestState, failure: Failure) -> Safe | None:
        """The request made over after a refusal, and what to say of it; None when there is no other way to ask."""
        at = self._client.endpoint
        if failure.status == 404 and (other := self._next_path(state.path)):
            state.path = other
            return _elsewhere(at, other)
        if failure.kind is FailureKind.HISTORY_INVALID and not state.repaired:
            state.repaired = True
            self._encode(state, replace(state.request, messages=strip_provider_data(state.request.messages)))
            return safe_format(
                "{title} refused the history; asked again without earlier reasoning.", title=safe_line(at.title)
            )
        if unknown := rejected_params(state.request, failure):
            self._client.rejected_params.update((self.origin, name) for name in unknown)
            fitting, left = self._drop_unsupported(state.request)
            self._encode(state, fitting)
            news = self._unannounced(fitting, left)
            return unsupported_notice(safe_line(self.origin.model), news) if news else EMPTY
        change = self._client.amend(state.body, failure)
        if change:
            state.body = change.body
            return change.notice
        if failure.kind is FailureKind.AUTH and not state.renewed:
            state.renewed = True
            newer = await self._renew(self._client)
            if newer:
                newer.announced, newer.rejected_params = self._client.announced, self._client.rejected_params
                self._client = newer
                return EMPTY
        return None

    def _encode(self, state: _RequestState, request: Request) -> None:
        state.request, state.body = request, self._client.encode(request, self.origin)

    def _next_path(self, path: str) -> str | None:
        """The path to try where this one is not known; the one that works is kept for the next request."""
        paths = ("", *self._client.endpoint.config.fallback_paths)
        return next(iter(paths[paths.index(path) + 1 :]), None)

    async def _attempt(self, state: _RequestState, wire: StreamMonitor) -> AsyncGenerator[Delta, None]:
        body, path, state.named = state.body, state.path, EMPTY
        async with AsyncExitStack() as stack:
            try:
                with count_bytes(wire), override_path(path):
                    response = await stack.enter_async_context(self._client.open(body))
            except Exception as error:
                self._record(error)
                raise ProviderError(to_failure(self._client, error, self.origin.model, began=False)) from error
            state.named = request_id(response.headers, self._client.endpoint)
            self._client.path = path
            decoder = self._client.decoder(body)
            try:
                async with aclosing(self._read(response, decoder)) as deltas:
                    async for delta in deltas:
                        if isinstance(delta, Finished) and delta.reason is FinishReason.HISTORY_INVALID:
                            raise ProviderError(history_refused(self._client.endpoint))
                        yield delta
            except (ProviderError, ServerError, httpx2.HTTPError, OSError, ValueError, RecursionError) as error:
                if not decoder.finished or isinstance(error, ProviderError):
                    raise ProviderError(to_failure(self._client, error, self.origin.model, began=True)) from error
            if not decoder.finished:
                raise ProviderError(truncated(safe_format("The stream ended too early")))

    async def _read(self, response: httpx2.Response, decoder: Decoder) -> AsyncGenerator[Delta, None]:
        at = self._client.endpoint
        if response.status_code >= 300:
            raise ProviderError(redirected(ErrorResponse(response.status_code, "", dict(response.headers)), at))
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
            raise ProviderError(unexpected_response(at, error.what)) from error

    def _record(self, error: Exception) -> None:
        """Write down what a server said instead of a reply."""
        response = self._client.error_response(error) if self._recorder else None
        if self._recorder and response and response.status:
            headers = {name.lower(): value for name, value in response.headers.items()}
            self._recorder.write(response.raw, self._about(response.status, headers.get("content-type", "")))

    def _about(self, status: int, kind: str) -> dict[str, Any]:
        """What a recording says of a response."""
        about = {"status": status, "content_type": kind, "provider": self.origin.provider}
        quirks = sorted(self._client.endpoint.config.quirks)
        return about | {"protocol": self.origin.protocol.value, "model": self.origin.model, "quirks": quirks}


def _elsewhere(at: Endpoint, path: str) -> Safe:
    return safe_format("{title} has no such address; trying {path}.", title=safe_line(at.title), path=safe_line(path))


def to_failure(client: Client, error: Exception, model: str, *, began: bool) -> Failure:
    """An exception of an exchange as a failure; one that is none of the world's is a bug, and goes on as it is.

    `began`: the headers had come.
    """
    at = client.endpoint
    if isinstance(error, ProviderError):
        return error.failure
    response = ErrorResponse(None, error.body, {}) if isinstance(error, ServerError) else client.error_response(error)
    return replace(_failure(error, response, at, model, began=began), details=error_details(error, response, at))


def _failure(error: Exception, response: ErrorResponse | None, at: Endpoint, model: str, *, began: bool) -> Failure:
    if response and response.status and 300 <= response.status < 400:
        return redirected(response, at)
    if response:
        return from_response(response, at, model)
    failure = from_exception(error, at, began=began)
    if failure:
        return failure
    if isinstance(error, ValueError | RecursionError):  # JSON, UTF-8, an event without end
        return unexpected_response(at, safe_format("something that cannot be read"))
    raise error
