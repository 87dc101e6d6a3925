"""The batches of one model: rows from requests, errors as failures, results from replies, batches found again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import replace
from http import HTTPStatus
from typing import TypeVar

from termchat.batch.vendors import (
    BatchIntent,
    BatchLimits,
    BatchPhase,
    BatchStatus,
    FoundBatch,
    NotSubmittedError,
    RowResult,
)
from termchat.core.errors import Failure, FailureKind, ProviderError
from termchat.core.events import Delta, UsageDelta
from termchat.core.messages import Origin
from termchat.core.models import ApiProtocol
from termchat.core.provider import Bill, Request
from termchat.core.sanitize import Safe, safe_format, safe_line
from termchat.core.usage import BATCH_TIER
from termchat.providers.catalog.batch_vendors import BatchVendor
from termchat.providers.client import Body, Client, asked_limit
from termchat.providers.decoder import ServerError
from termchat.providers.exchange import Renew, to_provider_error
from termchat.providers.http.connection_errors import base_url_of, unexpected_response
from termchat.providers.http.status_errors import from_response, is_missing_endpoint
from termchat.providers.http.transport import UnsentRequest, intercept_requests
from termchat.providers.protocols.batch_api import BatchApi, ResultLine, without_size_limit
from termchat.providers.repair import RefusedError, Repair

T = TypeVar("T")
_NO_STREAM = frozenset(("no_stream",))
_CLOCKS_DIFFER = 86_400.0  # seconds by which our clock may be ahead of the vendor's
_UPLOAD_RATE = 20_000  # bytes a second of the slowest upload that is waited for
_UNSURE_STATUSES = (408, 409)  # of 4xx: the request may have been accepted


class VendorBatches:
    """Implements `batch.vendors.BatchEndpoint`. `renew` is called when the server rejects the key."""

    def __init__(self, client: Client, origin: Origin, vendor: BatchVendor, repair: Repair, renew: Renew) -> None:
        self._client = client
        self._vendor = vendor
        self._repair = repair
        self._renew = renew
        self._notices: list[Safe] = []
        self._api: BatchApi = client.batches(vendor, origin.model)
        self.origin = origin
        self.limits: BatchLimits = vendor.limits

    def bill(self, request: Request) -> Bill:
        body = {**self._body(request), **self._client.endpoint.config.extra_body}
        return Bill(self.origin, request, asked_limit(body), BATCH_TIER)

    async def row(self, row_id: str, request: Request) -> bytes:
        body = self._body(request)
        if self.origin.protocol is not ApiProtocol.GEMINI:  # whose client takes it, and does not send it
            body.pop("stream", None)
        made: list[UnsentRequest] = []
        with self._errors(), intercept_requests(made.append, answered=True):
            async with self._client.open(body):
                pass
        return self._api.row(row_id, made[0].body)

    def _body(self, request: Request) -> Body:
        request = replace(request, params=replace(request.params, speed=None))
        endpoint = self._client.endpoint
        prepared, notice = self._repair.prepare(request, endpoint)
        self._notices += [notice] if notice else []
        return self._client.encode(prepared, self.origin, self._repair.known(endpoint) | _NO_STREAM)

    def take_notices(self) -> Sequence[Safe]:
        notices, self._notices = self._notices, []
        return notices

    async def submit(self, intent: BatchIntent, rows: Sequence[bytes]) -> str:
        seconds = self._patience + sum(map(len, rows)) / _UPLOAD_RATE
        try:
            file = await self._call(lambda: self._api.upload(intent, rows), seconds)
        except ProviderError as error:
            raise NotSubmittedError(self._explained(error)) from error
        try:
            return await self._call(lambda: self._api.create(intent, rows, file), seconds)
        except ProviderError as error:
            if _was_refused(error.failure):
                raise NotSubmittedError(self._explained(error)) from error
            raise

    async def find(self, intent: BatchIntent) -> FoundBatch:
        maybe: list[str] = []
        with self._errors():
            async with aclosing(self._api.listed()) as listed:
                while (batch := await self._next(listed)) is not None:
                    if batch.token == intent.token:
                        return FoundBatch(batch.id)
                    if batch.created is not None and batch.created < intent.at - _CLOCKS_DIFFER:
                        continue  # Gemini names no order of its list
                    if batch.token is not None or batch.rows not in (None, intent.rows):
                        continue
                    ours = await self._has_rows(intent, batch.id) if batch.ended else None
                    if ours:
                        return FoundBatch(batch.id)
                    if ours is None:
                        maybe.append(batch.id)
        return FoundBatch(maybe=tuple(maybe))

    async def status(self, batch_id: str) -> BatchStatus:
        with self._unknown(batch_id), without_size_limit():
            status = await self._call(lambda: self._api.status(batch_id))
        if status.phase is not BatchPhase.FAILED or status.failure:
            return status
        message = safe_format("{title} refused the batch.", title=safe_line(self._client.endpoint.title))
        return replace(status, failure=Failure(FailureKind.BAD_REQUEST, message))

    async def results(self, intent: BatchIntent, batch_id: str) -> AsyncGenerator[RowResult, None]:
        seen: set[int] = set()
        with self._errors(began=True):
            async with aclosing(self._lines(batch_id)) as lines:
                async for line in lines:
                    known = line.row if line.place is None else intent.row_id(line.place)
                    number = intent.row_number(known)
                    if number is not None and number not in seen:
                        seen.add(number)
                        yield self._result(number, line)

    async def cancel(self, batch_id: str) -> None:
        with self._unknown(batch_id):
            await self._call(lambda: self._api.cancel(batch_id))

    def _explained(self, error: ProviderError) -> Failure:
        """Return the failure of a submission; of a missing endpoint it says that the provider has no batches."""
        failure, endpoint = error.failure, self._client.endpoint
        if not (isinstance(error, RefusedError) and is_missing_endpoint(failure, error.body, self.origin.model)):
            return failure
        title, base = safe_line(endpoint.title), base_url_of(endpoint)
        message = safe_format("{title} has no batches at {base}.", title=title, base=base)
        return replace(failure, message=message, hint=safe_format("Run the batch without --vendor-batch."))

    @property
    def _patience(self) -> float:
        return self._client.endpoint.timeouts.first_content

    async def _has_rows(self, intent: BatchIntent, batch_id: str) -> bool | None:
        """Return True if the results of a batch are those of an intent; None if they do not tell."""
        async with aclosing(self._lines(batch_id)) as lines:
            async for line in lines:
                if line.row:
                    return intent.row_number(line.row) is not None
        return None

    async def _lines(self, batch_id: str) -> AsyncGenerator[ResultLine, None]:
        """Yield the lines of the results. Raises TimeoutError."""
        async with aclosing(self._api.results(batch_id)) as lines:
            while (line := await self._next(lines)) is not None:
                yield line

    async def _next(self, items: AsyncGenerator[T, None]) -> T | None:
        """Return the next item, None after the last. Raises TimeoutError if none comes for long."""
        with without_size_limit():  # not across a yield, after which the caller's context would have it
            async with asyncio.timeout(self._patience):
                return await anext(items, None)

    def _result(self, number: int, line: ResultLine) -> RowResult:
        endpoint = self._client.endpoint
        if line.reply is None:
            failure = from_response(line.error, endpoint, self.origin.model) if line.error else None
            return RowResult(number, (), replace(failure, retryable=False) if failure else None, line.unrun)
        decoder = self._api.decoder()
        try:
            deltas = [*decoder.decode_response(line.reply), *decoder.end()]
        except ServerError as error:
            return RowResult(number, (), to_provider_error(self._client, error, self.origin.model, began=True).failure)
        if not decoder.finished:
            return RowResult(number, (), unexpected_response(endpoint, safe_format("unexpected content")))
        return RowResult(number, tuple(map(_in_batch, deltas)))

    async def _call(self, call: Callable[[], Awaitable[T]], seconds: float = 0) -> T:
        try:
            with self._errors():
                async with asyncio.timeout(seconds or self._patience):
                    return await call()
        except ProviderError as error:
            client = await self._renew(self._client) if error.failure.kind is FailureKind.AUTH else None
            if client is None:
                raise
            self._client, self._api = client, client.batches(self._vendor, self.origin.model)
        with self._errors():
            async with asyncio.timeout(seconds or self._patience):
                return await call()

    @contextmanager
    def _unknown(self, batch_id: str) -> Generator[None]:
        """Name the batch in the failure of a vendor that does not know it."""
        try:
            yield
        except ProviderError as error:
            if error.failure.status != HTTPStatus.NOT_FOUND:
                raise
            title = safe_line(self._client.endpoint.title)
            message = safe_format("{title} does not know the batch {id}.", title=title, id=safe_line(batch_id))
            hint = safe_format("Use the key that submitted it; or queue its prompts: termchat batch cancel FILE.")
            failure = replace(error.failure, kind=FailureKind.NOT_FOUND, message=message, hint=hint)
            raise ProviderError(failure) from error

    @contextmanager
    def _errors(self, *, began: bool = False) -> Generator[None]:
        """Turn the exceptions of the SDK into ProviderError."""
        endpoint = self._client.endpoint
        try:
            yield
        except TimeoutError as error:
            message = safe_format("{host} did not answer in time.", host=safe_line(endpoint.host))
            raise ProviderError(Failure(FailureKind.TIMEOUT, message, retryable=True)) from error
        except KeyError as error:  # of google-genai, for an upload without its header
            raise ProviderError(unexpected_response(endpoint, safe_format("unexpected content"))) from error
        except Exception as error:
            raise to_provider_error(self._client, error, self.origin.model, began=began) from error


def _in_batch(delta: Delta) -> Delta:
    """Mark the counts of a reply as those of a batch, which has a price of its own."""
    return UsageDelta(replace(delta.usage, tier=BATCH_TIER)) if isinstance(delta, UsageDelta) else delta


def _was_refused(failure: Failure) -> bool:
    """Return True if the vendor has no batch after this failure of its creation."""
    status = failure.status
    refused = status is not None and 300 <= status < 500 and status not in _UNSURE_STATUSES
    return refused or failure.unreachable
