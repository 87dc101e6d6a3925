"""Run a batch by the batches of vendors: hand over what waits, watch it, keep the results.

The order on disk decides what is paid: a batch is in the journal before it is submitted, its vendor's id before
anything else happens. Rows that were not run are queued again, and nothing else.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing, suppress
from typing import Protocol

from termchat.app.batch.lost_batches import LostBatches
from termchat.app.batch.vendor_budget import VendorBudget
from termchat.app.batch.vendor_result import Check, batch_result_of
from termchat.app.batch.vendor_submission import Submission
from termchat.batch.batch_result import BatchResult
from termchat.batch.handed_over import HandedBatch, VendorJournal
from termchat.batch.items import BatchItem
from termchat.batch.journal import ItemState, JournalRow
from termchat.batch.vendors import BatchEndpoint, BatchPhase, BatchStatus, BatchVendors, RowResult
from termchat.core.errors import Failure, FailureKind, ProviderError
from termchat.core.models import ModelRef
from termchat.core.provider import Prices
from termchat.core.sanitize import Safe, safe_format
from termchat.late_dataclass import dataclass

_PAGE = 200  # rows of the journal in memory
_MOST_EXPIRED = 3  # batches that are handed over again
_MOST_REFUSALS = 6
_MOST_INCOMPLETE = 3
_FIRST_POLL, _LONGEST_POLL = 1.0, 60.0  # seconds
_LONGEST_PAUSE = 3600.0  # seconds that a server may ask to wait
_LATER = (FailureKind.NETWORK, FailureKind.TIMEOUT, FailureKind.CUT, FailureKind.SERVER, FailureKind.RATE_LIMITED,
          FailureKind.OVERLOADED)  # fmt: skip
Read = Callable[[JournalRow], Awaitable[BatchItem | Failure]]
Fit = Callable[[BatchItem], Awaitable[BatchItem | Failure]]


class VendorNews(Protocol):
    """The front end of a run."""

    def submitted(self, batch: HandedBatch, endpoint: BatchEndpoint) -> None: ...

    def lost(self, batch: HandedBatch, failure: Failure) -> None:
        """Report that the answer to a submission was lost."""
        ...

    def unsure(self, batch: HandedBatch, maybe: Sequence[str]) -> None:
        """Report batches at the vendor one of which may be this one; they tell it when they have ended."""
        ...

    def status(self, batch: HandedBatch, status: BatchStatus, endpoint: BatchEndpoint) -> None:
        """Report the state of a batch; before the ends of its items."""
        ...

    def notice(self, words: Safe) -> None: ...

    def trouble(self, failure: Failure) -> None:
        """Report a failure that the run outlasts: it asks again."""
        ...

    async def ended(self, row: JournalRow, item: BatchItem | None, result: BatchResult, kept: str) -> None:
        """Report the end of an item, which the journal has. `item` is None if it has left the input."""
        ...


@dataclass(frozen=True, slots=True)
class VendorParts:
    """The parts of a run.

    read     returns the item of a line of the input
    fit      returns the item as its model takes it
    budget   admits items and settles their costs, None without a limit
    """

    journal: VendorJournal
    vendors: BatchVendors
    prices: Prices
    read: Read
    fit: Fit
    check: Check
    news: VendorNews
    budget: VendorBudget | None = None


class VendorRun:
    """One run. `accepted` are outcomes that need not be sent again; `pace` is the first pause between two polls.

    submitting   True while a batch may be on its way
    """

    def __init__(self, parts: VendorParts, *, accepted: Sequence[str] = (), pace: float = _FIRST_POLL) -> None:
        self._parts = parts
        self._accepted = accepted
        self._pace = pace
        self._stopping = asyncio.Event()
        self._submits = True
        self._refusals = 0  # one after the other, of submissions that may succeed later
        self._asked_pause = 0.0  # seconds that a server asks to wait
        self._expired = 0  # batches of this run with rows that were not run
        self._incomplete: dict[str, int] = {}  # fetched results with fewer lines than the vendor counts, by batch
        self._told_budget = False
        self._lost = LostBatches(parts.journal, parts.news, self._release)
        self.submitting = False
        self.stopped_by: Failure | None = None

    def stop(self, failure: Failure | None = None) -> None:
        """Stop to submit and to wait; batches that run go on at their vendors."""
        self._halt(failure)
        self._stopping.set()

    def _halt(self, failure: Failure | None) -> None:
        """Submit nothing more, but wait for the batches that run."""
        self.stopped_by = self.stopped_by or failure
        self._submits = False

    async def run(self, *, wait: bool = True) -> None:
        """Submit what waits, and fetch what has ended; with `wait`, until all batches have. Raises JournalError.

        Without `wait`, it still looks for a batch whose submission was not answered, until it is sure.
        """
        journal, delay = self._parts.journal, self._pace
        await self._look_all(fetch=False)
        await self._hold_open()
        await journal.queue_failed(self._accepted)
        while not self._stopping.is_set():
            if self._submits:
                self.submitting = True
                await self._submit(again=wait)
                self.submitting = False
            changed = await self._look_all()
            more = self._submits and bool(await journal.queued(0, 1))
            if not more and not await journal.open_batches():
                return
            if not wait and self._lost.due is None and not self._lost.queued_again:
                return
            if changed and more:
                continue
            delay = self._pace if changed else delay
            await self._pause(delay)
            delay = min(delay * 1.5, max(_LONGEST_POLL, self._pace))

    async def _pause(self, delay: float) -> None:
        """Wait, but not beyond the moment at which a lost batch is surely not there, until the run stops."""
        due = self._lost.due
        pause, self._asked_pause = max(delay if due is None else min(delay, due), self._asked_pause), 0.0
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), pause)

    async def cancel(self) -> int:
        """Ask the vendors to cancel all open batches; return the number of those that were asked.

        A batch that its vendor does not know is forgotten, and its items are queued.
        """
        asked, delay = 0, self._pace
        await self._look_all(fetch=False)
        while self._lost.due is not None and not self._stopping.is_set():
            await self._pause(delay)
            delay *= 1.5
            await self._look_all(fetch=False)
        for batch in await self._parts.journal.open_batches():
            try:
                endpoint = await self._endpoint(batch.model)
                if batch.id and (await endpoint.status(batch.id)).phase is BatchPhase.RUNNING:
                    await endpoint.cancel(batch.id)
                    asked += 1
            except ProviderError as error:
                if error.failure.kind is FailureKind.NOT_FOUND and batch.id:
                    await self._parts.journal.take_back(batch.intent.token)
                    self._parts.news.notice(safe_format("{why} Its prompts are queued.", why=error.failure.message))
                else:
                    self.stopped_by = self.stopped_by or error.failure
        return asked

    async def _endpoint(self, model: str) -> BatchEndpoint:
        ref = ModelRef.parse(model)
        assert ref, "the journal keeps full names"
        return await self._parts.vendors.batches(ref)

    async def _submit(self, *, again: bool) -> None:
        """Hand over all items that wait, in batches of one model within the limits of its vendor.

        again   try again later after a refusal that may not last
        """
        submission = Submission(self._parts.journal, self._endpoint, self._parts.news, self._unsendable, self._release)
        after = 0
        try:
            while rows := await self._parts.journal.queued(after, _PAGE):
                for row in rows:
                    if not await self._add(submission, row) or self._stopping.is_set():
                        await submission.flush_all()
                        return
                after = rows[-1].line
            await submission.flush_all()
        except ProviderError as error:
            self._refusals += 1
            if not again or error.failure.kind not in _LATER or self._refusals > _MOST_REFUSALS:
                self._halt(error.failure)
            else:
                self._trouble(error.failure)
        else:
            self._refusals = 0

    async def _add(self, submission: Submission, row: JournalRow) -> bool:
        """Add an item to a submission; return False if it ends here: the budget has no room, or the input changed."""
        item, budget = await self._parts.read(row), self._parts.budget
        if isinstance(item, Failure):
            self._halt(item)
            return False
        fitted = await self._parts.fit(item)
        if isinstance(fitted, Failure):
            await self._unsendable(row, item, fitted)
            return True
        if budget:
            admitted = await budget.admit(fitted, await self._endpoint(str(item.model)))
            if isinstance(admitted, Failure):
                if not budget.holds_any:  # no end of another one makes room
                    self._halt(admitted)
                elif not self._told_budget:
                    self._told_budget = True
                    self._parts.news.notice(_LATER_PROMPTS)
                return False
            fitted = admitted
        await submission.add(row, fitted)
        return True

    async def _hold_open(self) -> None:
        """Let the budget hold what earlier runs have handed over."""
        budget, journal = self._parts.budget, self._parts.journal
        if budget is None:
            return
        try:
            for batch in await journal.open_batches():
                endpoint = await self._endpoint(batch.model)
                for row in await journal.unanswered(batch.intent.token, batch.intent.rows):
                    if item := await self._item(row):
                        await budget.hold(item, endpoint)
        except ProviderError as error:
            self.stop(error.failure)

    def _release(self, items: Sequence[str]) -> None:
        if self._parts.budget:
            self._parts.budget.release(items)

    async def _unsendable(self, row: JournalRow, item: BatchItem, failure: Failure) -> None:
        """Keep the end of an item that cannot be a row of a batch."""
        await self._finish(row, item, RowResult(0, failure=failure), item.model, 0.0)

    async def _look_all(self, *, fetch: bool = True) -> bool:
        """Ask for the state of all open batches; return True if one was found or has ended."""
        changed = False
        self._lost.begin_look()
        batches = await self._parts.journal.open_batches()
        for batch in batches:
            if self._stopping.is_set():
                break
            try:
                endpoint = await self._endpoint(batch.model)
                if not batch.id:
                    changed = await self._lost.find(batch, endpoint, {other.id for other in batches}) or changed
                elif fetch:
                    changed = await self._look(batch, endpoint) or changed
            except ProviderError as error:
                if error.failure.kind in _LATER:
                    self._trouble(error.failure)
                else:
                    self._halt(error.failure)
                    self._stopping.set()
        return changed

    def _trouble(self, failure: Failure) -> None:
        """Tell a failure, and wait as long as the server asks to before the next poll."""
        self._asked_pause = max(self._asked_pause, min(failure.retry_after or 0.0, _LONGEST_PAUSE))
        self._parts.news.trouble(failure)

    async def _look(self, batch: HandedBatch, endpoint: BatchEndpoint) -> bool:
        """Ask for the state of a batch, and keep its results once it has ended."""
        status = await endpoint.status(batch.id)
        self._parts.news.status(batch, status, endpoint)
        if status.phase is BatchPhase.RUNNING:
            return False
        token, journal = batch.intent.token, self._parts.journal
        unrun, seen = False, 0
        if status.phase is not BatchPhase.FAILED:
            async with aclosing(endpoint.results(batch.intent, batch.id)) as results:
                async for result in results:
                    await self._keep(batch, result)
                    unrun, seen = unrun or result.unrun, seen + 1
        if status.phase is not BatchPhase.FAILED and seen < min(status.done + status.failed, batch.intent.rows):
            self._incomplete[token] = self._incomplete.get(token, 0) + 1
            if self._incomplete[token] < _MOST_INCOMPLETE:
                raise ProviderError(_INCOMPLETE)
        while rows := await journal.unanswered(token, _PAGE):
            for row in rows:
                await self._keep_missing(batch, row, status)
        await journal.close_batch(token)
        self._judge(status, expired=unrun or status.phase is BatchPhase.EXPIRED)
        return True

    def _judge(self, status: BatchStatus, *, expired: bool) -> None:
        """Stop to submit after a batch whose rows would end the same way again."""
        if status.phase is BatchPhase.FAILED:
            self._halt(status.failure)
        elif status.phase is BatchPhase.CANCELLED:
            self._halt(_CANCELLED)
        elif expired:
            self._expired += 1
            if self._expired > _MOST_EXPIRED:
                self._halt(_EXPIRES)

    async def _keep(self, batch: HandedBatch, result: RowResult) -> None:
        row = await self._parts.journal.batch_row(batch.intent.token, result.number)
        if row is None:  # kept before an interruption
            return
        if result.unrun:
            await self._requeue(row)
            return
        item = await self._item(row)
        model = ModelRef.parse(batch.model)
        assert model
        await self._finish(row, item, result, model, time.time() - batch.intent.at)

    async def _keep_missing(self, batch: HandedBatch, row: JournalRow, status: BatchStatus) -> None:
        """Decide about a row without a result: it was not run, unless the batch says that all of it was."""
        gone = status.failure if status.failure and status.failure.kind is FailureKind.NOT_FOUND else None
        if status.phase is not BatchPhase.ENDED and not gone:
            await self._requeue(row)
            return
        model = ModelRef.parse(batch.model)
        assert model
        result = RowResult(0, failure=gone or _MISSING)
        await self._finish(row, await self._item(row), result, model, time.time() - batch.intent.at)

    async def _requeue(self, row: JournalRow) -> None:
        await self._parts.journal.requeue(row.id)
        self._release((row.id,))

    async def _item(self, row: JournalRow) -> BatchItem | None:
        """Return the item of a line; None if it is no longer what was sent."""
        item = await self._parts.read(row) if row.line else None
        return None if isinstance(item, Failure) else item

    async def _finish(
        self, row: JournalRow, item: BatchItem | None, result: RowResult, model: ModelRef, seconds: float
    ) -> None:
        seconds = max(seconds, 0.0)  # by a clock that may have been set back
        ended = await batch_result_of(result, model, item, seconds, self._parts.prices, self._parts.check)
        kept = ended.to_json()
        state = ItemState.DONE if ended.is_answer else ItemState.FAILED
        await self._parts.journal.finish(row.id, state, ended.outcome.value, ended.cost, kept)
        if self._parts.budget:
            self._parts.budget.settle(row.id, ended)
        await self._parts.news.ended(row, item, ended, kept)


_EXPIRES = Failure(
    FailureKind.TIMEOUT,
    safe_format("Too many prompts expire before the vendor runs them."),
    safe_format("Run the same command again, or run it without --vendor-batch."),
)
_CANCELLED = Failure(
    FailureKind.BAD_RESPONSE,
    safe_format("A batch was cancelled; its prompts that had not run are queued."),
    safe_format("Run the same command again to send them."),
)
_LATER_PROMPTS = safe_format(
    "The budget has no room for all prompts at their highest possible cost: the rest follow when these have ended. "
    "A lower --max-tokens lets more go at once."
)
_INCOMPLETE = Failure(FailureKind.CUT, safe_format("The vendor sent fewer results than it counts."))
_MISSING = Failure(FailureKind.BAD_RESPONSE, safe_format("The results of the batch have no line for this prompt."))
