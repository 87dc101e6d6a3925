"""Send one request and stream its reply, retrying where that is safe.

`StreamingProvider` is the provider that the registry returns. A client wraps the SDK and a decoder the protocol; the
rules common to all protocols are here:

- A reply is complete only after the model's finish reason. Any other end is a truncated reply.
- If the server rejects the history, it is sent once more without vendor-specific data, with a notice.
- After the first content no request is sent again.
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

_MAX_ATTEMPTS = 20  # failed attempts kept for the details, and the last one after them
# Builds a client with a new key; None when the key cannot change.
Renew = Callable[[Client], Awaitable[Client | None]]


@dataclass(slots=True)
class _RequestState:
    """The state of a request through all its tries.

    path         the path override, "" for the SDK's own
    tried        tries so far, the running one included
    renewed      True once the key was read again after a rejection
    repaired     True once the history was sent without vendor-specific data
    request_id   the server's id of the last response
    """

    request: Request
    body: Body
    path: str
    tried: int = 1
    renewed: bool = False
    repaired: bool = False
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
    """State that all models of a provider share: its rate limit, and the recorder of its responses."""

    limit: RateLimit
    recorder: ResponseRecorder | None = None


class StreamingProvider:
    """A model behind an endpoint. `renew` is called once per request, when the server rejects the key."""

    def __init__(self, client: Client, origin: Origin, policy: RetryPolicy, renew: Renew, state: EndpointState) -> None:
        self._client: Client = client
        self._limit = state.limit
        self._recorder = state.recorder
        self._policy = policy
        self._renew = renew
        self.origin = origin

    async def stream(self, request: Request, monitor: StreamMonitor) -> AsyncGenerator[Delta, None]:
        """Stream the deltas of a reply, ending with `Finished`. Raises ProviderError."""
        request, dropped = self._drop_unsupported(with_continuation(request, self.origin))
        if new := self._unannounced(request, dropped):
            yield ProviderNotice(unsupported_notice(safe_line(self.origin.model), new))
        state = _RequestState(request, self._client.encode(request, self.origin), self._client.path)
        if (wait := self._limit.remaining()) and self._limit.failure:  # another turn has hit it
            yield Retrying(1, self._policy.tries, wait, self._limit.failure)
            await interruptible_sleep(wait, monitor)
        while True:
            has_content = False
            try:
                async with aclosing(self._attempt(state, monitor)) as deltas:
                    async for delta in deltas:
                        if not has_content and isinstance(delta, CONTENT_DELTAS):
                            has_content = True
                            self._limit.clear()
                        yield delta
                return
            except ProviderError as error:
                failure = state.failure(error.failure, self._client.endpoint, self.origin.model)
            if has_content:
                raise ProviderError(failure)
            notice = await self._amend(state, failure)
            if notice is not None:
                if notice:
                    yield ProviderNotice(notice)
                continue
            unlimited = request.wait_for_host and failure.unreachable
            delay = unreachable_backoff(state.tried) if unlimited else self._policy.delay(failure, state.tried)
            if delay is None:
                raise ProviderError(final_failure(failure, state.tried))
            state.tried += 1
            self._limit.set(failure, delay)
            yield Retrying(state.tried, 0 if unlimited else self._policy.tries, delay, failure)
            await interruptible_sleep(delay, monitor)

    def _drop_unsupported(self, request: Request) -> tuple[Request, tuple[str, ...]]:
        """Return the request without unsupported parameters, and the names of those dropped."""
        rejected = frozenset(name for origin, name in self._client.rejected_params if origin == self.origin)
        return drop_unsupported(request, self.origin, rejected)

    def _unannounced(self, request: Request, dropped: tuple[str, ...]) -> tuple[str, ...]:
        """Return the dropped names without a notice in this chat so far, and mark them as announced."""
        marks = {name: (request.chat, self.origin, name) for name in dropped}
        new = tuple(name for name, mark in marks.items() if mark not in self._client.announced)
        self._client.announced.update(marks.values())
        return new

    async def _amend(self, state: _RequestState, failure: Failure) -> Safe | None:
        """Change a rejected request and return a notice, "" for none; None when no change applies."""
        endpoint = self._client.endpoint
        if failure.status == 404 and (other := self._next_path(state.path)):
            state.path = other
            return _fallback_path_notice(endpoint, other)
        if failure.kind is FailureKind.HISTORY_INVALID and not state.repaired:
            state.repaired = True
            self._encode(state, replace(state.request, messages=strip_provider_data(state.request.messages)))
            return safe_format(
                "{title} refused the history; sent again without earlier reasoning.", title=safe_line(endpoint.title)
            )
        if rejected := rejected_params(state.request, failure):
            self._client.rejected_params.update((self.origin, name) for name in rejected)
            request, dropped = self._drop_unsupported(state.request)
            self._encode(state, request)
            new = self._unannounced(request, dropped)
            return unsupported_notice(safe_line(self.origin.model), new) if new else EMPTY
        change = self._client.amend(state.body, failure)
        if change:
            state.body = change.body
            return change.notice
        if failure.kind is FailureKind.AUTH and not state.renewed:
            state.renewed = True
            client = await self._renew(self._client)
            if client:
                client.announced, client.rejected_params = self._client.announced, self._client.rejected_params
                self._client = client
                return EMPTY
        return None

    def _encode(self, state: _RequestState, request: Request) -> None:
        state.request, state.body = request, self._client.encode(request, self.origin)

    def _next_path(self, path: str) -> str | None:
        """Return the fallback path after `path`, None when it was the last one."""
        paths = ("", *self._client.endpoint.config.fallback_paths)
        return next(iter(paths[paths.index(path) + 1 :]), None)

    async def _attempt(self, state: _RequestState, monitor: StreamMonitor) -> AsyncGenerator[Delta, None]:
        """Send the request once and stream its reply. Raises ProviderError."""
        body, path, state.request_id = state.body, state.path, EMPTY
        async with AsyncExitStack() as stack:
            try:
                with count_bytes(monitor), override_path(path):
                    response = await stack.enter_async_context(self._client.open(body))
            except Exception as error:
                self._record(error)
                raise ProviderError(to_failure(self._client, error, self.origin.model, began=False)) from error
            state.request_id = request_id(response.headers, self._client.endpoint)
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


def _fallback_path_notice(endpoint: Endpoint, path: str) -> Safe:
    title = safe_line(endpoint.title)
    return safe_format("{title} has no endpoint at this address; trying {path}.", title=title, path=safe_line(path))


def to_failure(client: Client, error: Exception, model: str, *, began: bool) -> Failure:
    """Convert an exception of an exchange to a failure. An exception of neither server nor connection is raised again.

    began   True when the response headers had arrived
    """
    endpoint = client.endpoint
    if isinstance(error, ProviderError):
        return error.failure
    response = ErrorResponse(None, error.body, {}) if isinstance(error, ServerError) else client.error_response(error)
    failure = _classify(error, response, endpoint, model, began=began)
    return replace(failure, details=error_details(error, response, endpoint))


def _classify(
    error: Exception, response: ErrorResponse | None, endpoint: Endpoint, model: str, *, began: bool
) -> Failure:
    if response and response.status and 300 <= response.status < 400:
        return redirected(response, endpoint)
    if response:
        return from_response(response, endpoint, model)
    failure = from_exception(error, endpoint, began=began)
    if failure:
        return failure
    if isinstance(error, ValueError | RecursionError):  # invalid JSON or UTF-8, an event that is too long
        return unexpected_response(endpoint, safe_format("invalid data"))
    raise error
