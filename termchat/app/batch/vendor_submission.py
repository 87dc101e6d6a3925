"""Hand items over to vendors: collect them in batches of one model within the limits, and submit each batch once."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Sequence
from secrets import token_hex
from typing import Protocol

from termchat.batch.handed_over import HandedBatch, VendorJournal
from termchat.batch.items import BatchItem
from termchat.batch.journal import JournalRow
from termchat.batch.vendors import BatchEndpoint, BatchIntent, NotSubmittedError
from termchat.core.errors import Failure, FailureKind, ProviderError
from termchat.core.sanitize import Safe, safe_format, safe_line
from termchat.late_dataclass import dataclass

_MOST_BYTES = 400_000_000  # of all batches that are being collected
_TOKEN = 8  # bytes


class SubmissionNews(Protocol):
    """The front end of a submission."""

    def submitted(self, batch: HandedBatch, endpoint: BatchEndpoint) -> None: ...

    def lost(self, batch: HandedBatch, failure: Failure) -> None: ...

    def notice(self, words: Safe) -> None: ...


@dataclass(slots=True)
class _Collected:
    """A batch that is being collected."""

    endpoint: BatchEndpoint
    token: str
    items: list[str]
    rows: list[bytes]
    size: int = 0


class Submission:
    """One pass over the items that wait.

    endpoint     returns the batches of a model by its full name
    unsendable   keeps the end of an item that cannot be a row
    refused      receives the items of a batch that was not submitted

    Methods raise ProviderError if a batch was refused, and JournalError.
    """

    def __init__(
        self,
        journal: VendorJournal,
        endpoint: Callable[[str], Awaitable[BatchEndpoint]],
        news: SubmissionNews,
        unsendable: Callable[[JournalRow, BatchItem, Failure], Awaitable[None]],
        refused: Callable[[Sequence[str]], None],
    ) -> None:
        self._journal = journal
        self._endpoint = endpoint
        self._news = news
        self._unsendable = unsendable
        self._refused = refused
        self._open: dict[str, _Collected] = {}

    async def add(self, row: JournalRow, item: BatchItem) -> None:
        """Add an item to the batch of its model; submit the batch first if it is full."""
        model = str(item.model)
        batch = self._open.get(model) or await self._begin(model)
        limits = batch.endpoint.limits
        try:
            encoded = await self._row(batch, item)
        except ProviderError as error:
            await self._unsendable(row, item, error.failure)
            return
        if len(encoded) > limits.bytes:
            await self._unsendable(row, item, _too_large(limits.bytes))
            return
        if len(batch.rows) >= limits.rows or batch.size + len(encoded) >= limits.bytes:
            await self._flush(model)
            batch = await self._begin(model)
            encoded = await self._row(batch, item)
        for notice in batch.endpoint.take_notices():
            self._news.notice(notice)
        batch.items.append(row.id)
        batch.rows.append(encoded)
        batch.size += len(encoded) + 1
        if sum(found.size for found in self._open.values()) > _MOST_BYTES:
            await self._flush(max(self._open, key=lambda name: self._open[name].size))

    async def flush_all(self) -> None:
        """Submit all batches."""
        for model in list(self._open):
            await self._flush(model)

    async def _begin(self, model: str) -> _Collected:
        batch = self._open[model] = _Collected(await self._endpoint(model), token_hex(_TOKEN), [], [])
        return batch

    async def _row(self, batch: _Collected, item: BatchItem) -> bytes:
        row_id = BatchIntent(batch.token, 0, 0).row_id(len(batch.rows))
        return await batch.endpoint.row(row_id, item.request)

    async def _flush(self, model: str) -> None:
        batch = self._open.pop(model)
        if not batch.rows:
            return
        intent = BatchIntent(batch.token, time.time(), len(batch.rows))
        handed = HandedBatch(intent, model)
        await self._journal.hand_over(handed, batch.items)
        try:
            found = await batch.endpoint.submit(intent, batch.rows)
        except NotSubmittedError:
            await self._journal.take_back(intent.token)
            self._refused(batch.items)
            raise
        except ProviderError as error:
            self._news.lost(handed, error.failure)
            return
        await self._journal.submitted(intent.token, found)
        self._news.submitted(HandedBatch(intent, model, found), batch.endpoint)


def _too_large(limit: int) -> Failure:
    size = safe_line(f"{limit // 1_000_000:,}")
    return Failure(
        FailureKind.CONTEXT_TOO_LONG, safe_format("The request is larger than a batch may be ({n} MB).", n=size)
    )
