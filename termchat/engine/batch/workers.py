"""Send the items of a batch, as many at once as wanted, and keep their ends in the journal.

The input is read as places become free, so that memory does not grow with it. Nothing is written to the output before
the journal has it on disk.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Coroutine
from contextlib import suppress
from decimal import Decimal
from typing import Protocol

from termchat.batch.batch_progress import BatchProgress
from termchat.batch.batch_result import ANSWERS, BatchResult
from termchat.batch.items import BatchItem
from termchat.batch.journal import BatchJournal, ItemState, JournalError, JournalRow
from termchat.core.errors import Failure, FailureKind, ProviderError
from termchat.core.outcomes import Outcome
from termchat.core.sanitize import safe_format

_PAGE = 50  # rows of the journal in memory
_FATAL = (FailureKind.AUTH, FailureKind.NO_KEY, FailureKind.QUOTA, FailureKind.STORAGE)  # of every further request, too
_SAME_FOR_ALL = (FailureKind.PERMISSION, FailureKind.NOT_FOUND, FailureKind.BAD_CONFIG)  # if it is the only end so far
_LATER = (FailureKind.RATE_LIMITED, FailureKind.OVERLOADED)
_OF_SERVER = (FailureKind.SERVER, FailureKind.NETWORK, FailureKind.TIMEOUT, FailureKind.BAD_RESPONSE)
_MOST_SAME, _MOST_OF_SERVER = 10, 25  # failures in a row after which the batch stops
_MOST_SAMPLES = 3  # failures that are told
_ROUNDS = 6  # tries of an item, each with its own retries, while nothing else succeeds
_LONGEST_WAIT = 300.0  # seconds that a server may ask to wait
_FIRST_PAUSE, _LONGEST_PAUSE = 2.0, 60.0


class BatchSink(Protocol):
    """The output: lines in the order of their ends, or of the input.

    place   the position of an item in the input, from 1
    """

    async def room(self, place: int) -> None:
        """Wait until the item at a place of the input may begin."""
        ...

    async def put(self, place: int, item: BatchItem, kept: str) -> None:
        """Write the line of an item; `kept` is its result as the journal keeps it. Raises OSError."""
        ...

    async def skip(self, place: int) -> None:
        """Note that an item has no line. Raises OSError."""
        ...

    async def replayed(self) -> None:
        """Note that the results of earlier runs are written, as far as they are written first. Raises OSError."""
        ...

    async def close(self) -> None:
        """Write what waits for its place. Raises OSError."""
        ...

    @property
    def in_order(self) -> bool:
        """True if the lines have the order of the input."""
        ...


class AsksItems(Protocol):
    """The engine: answers one item."""

    async def ask(
        self, item: BatchItem, sent: Callable[[], Awaitable[None]], unsent: Callable[[], None]
    ) -> BatchResult: ...

    def cancel(self) -> None:
        """Stop everything in flight."""
        ...

    def cancel_waiting(self) -> None:
        """Stop what waits before it is sent."""
        ...


Read = Callable[[JournalRow], Awaitable[BatchItem | Failure]]


class BatchWorkers:
    """One run over the input of a journal.

    jobs          most items at once
    accepted      outcomes that count as answers besides those of `BatchResult.is_answer`
    skip_unsure   do not send items again that were in flight when the last run was killed
    """

    def __init__(
        self,
        journal: BatchJournal,
        engine: AsksItems,
        sink: BatchSink,
        read: Read,
        *,
        jobs: int,
        accepted: Collection[str] = (),
        skip_unsure: bool = False,
    ) -> None:
        self._journal = journal
        self._engine = engine
        self._sink = sink
        self._read = read
        self._free = asyncio.Semaphore(jobs)
        self._accepted = frozenset(accepted)
        self._skip_unsure = skip_unsure
        self._stopping = asyncio.Event()
        self._running: dict[str, asyncio.Event] = {}
        self._answers = 0  # of this run
        self._same = 0  # failures that may be those of all, before the first answer
        self._of_server = 0  # failures of a server since the last answer
        self.progress = BatchProgress()
        self.stopped_by: Failure | None = None
        self.output_error: OSError | None = None

    def stop(self, why: Failure | None = None) -> None:
        """Send nothing more; what is in flight ends. The first reason is kept."""
        self.stopped_by = self.stopped_by or why
        self._stopping.set()
        self._engine.cancel_waiting()

    def cancel(self) -> None:
        """Send nothing more, and stop what is in flight; what has come of it is kept."""
        self._stopping.set()
        self._engine.cancel()

    async def run(self) -> None:
        """Send every item that is not done, and write the results of all.

        The end is in `progress`, `stopped_by` and `output_error`.
        """
        try:
            self.progress.total = (await self._journal.counts()).total
            if not self._sink.in_order:
                await self._replay_all()
            async with asyncio.TaskGroup() as group:
                group.create_task(self._guarded(self._send_all(group)))
            await self._sink.close()
        except JournalError as error:
            self.stop(error.failure)
        except OSError as error:
            self._output_failed(error)

    async def _replay_all(self) -> None:
        place = 0
        async for row in self._rows():
            place += 1
            if self._is_final(row) and not row.repeated:
                await self._replay(place, row)
            if self._stopping.is_set():
                break
        await self._sink.replayed()

    async def _send_all(self, group: asyncio.TaskGroup) -> None:
        place = 0
        async for row in self._rows():
            place += 1
            final = self._is_final(row) and not row.repeated
            if final and not self._sink.in_order:
                continue
            await self._sink.room(place)
            if not self._stopping.is_set() and final:
                await self._replay(place, row)
                continue
            await self._free.acquire()
            if self._stopping.is_set():
                return
            if row.repeated:
                group.create_task(self._task(place, self._repeat(place, row, self._running.get(row.id)), None))
            else:
                self._running[row.id] = ended = asyncio.Event()
                group.create_task(self._task(place, self._answer(place, row, ended), ended))

    async def _rows(self) -> AsyncGenerator[JournalRow]:
        after = 0
        while rows := await self._journal.rows(after, _PAGE):
            for row in rows:
                yield row
            after = rows[-1].line

    def _is_final(self, row: JournalRow) -> bool:
        return row.is_final(self._accepted) or (row.state is ItemState.SENT and self._skip_unsure)

    async def _task(self, place: int, work: Coroutine[None, None, None], ended: asyncio.Event | None) -> None:
        self.progress.running += 1
        try:
            await self._guarded(work, place)
        finally:
            self.progress.running -= 1
            self._free.release()
            if ended:
                ended.set()

    async def _guarded(self, work: Coroutine[None, None, None], place: int = 0) -> None:
        """Run some work; an error of the journal or of the output stops the batch, but not what is in flight.

        place   that of the item; without a result it has no line, and the next item does not wait for it
        """
        try:
            await work
        except JournalError as error:
            self.stop(error.failure)
            if place:
                await self._guarded(self._sink.skip(place))
        except OSError as error:
            self._output_failed(error)

    async def _replay(self, place: int, row: JournalRow) -> None:
        """Write the result of an earlier run."""
        item = await self._read(row)
        if isinstance(item, Failure):
            self.stop(item)
            return
        progress, unsure = self.progress, row.state is ItemState.SENT
        if unsure:
            progress.failed += 1
        else:
            progress.earlier += 1
            progress.done += 1
        outcome = "unsure" if unsure else row.outcome
        progress.ends[outcome] = progress.ends.get(outcome, 0) + 1
        await self._sink.put(place, item, _unsure_result(item).to_json() if unsure else row.result)

    async def _repeat(self, place: int, row: JournalRow, first: asyncio.Event | None) -> None:
        """Write the result of an earlier line with the same request."""
        if first:
            await first.wait()
        now, item = await self._journal.row(row.line), await self._read(row)
        if isinstance(item, Failure) or not now.result:
            await self._sink.skip(place)
            return
        self._count(now.outcome, answered=now.is_final(self._accepted))
        await self._sink.put(place, item, now.result)

    async def _answer(self, place: int, row: JournalRow, ended: asyncio.Event) -> None:
        item = await self._read(row)
        if isinstance(item, Failure):
            self.stop(item)
        result = None if isinstance(item, Failure) else await self._asked(item)
        if isinstance(item, Failure) or result is None:
            self._running.pop(row.id, None)
            await self._sink.skip(place)
            return
        answered = result.is_answer or (result.outcome.value in self._accepted and result.failure is None)
        kept = result.to_json()
        state = ItemState.DONE if result.is_answer else ItemState.FAILED
        await self._journal.finish(item.id, state, result.outcome.value, result.cost, kept)
        self._running.pop(row.id, None)
        ended.set()
        self._count(result.outcome.value, answered=answered)
        self._sample(item.line, result.failure)
        self.progress.cost += result.cost or Decimal(0)
        self.progress.unpriced += result.cost is None and bool(result.usage.output)
        await self._sink.put(place, item, kept)

    def _sample(self, line: int, failure: Failure | None) -> None:
        samples = self.progress.samples
        if failure and len(samples) < _MOST_SAMPLES and all(failure.message != words for _, words in samples):
            samples.append((line, failure.message))

    def _count(self, outcome: str, *, answered: bool) -> None:
        progress = self.progress
        progress.done += answered
        progress.failed += not answered
        if not answered and outcome in ANSWERS:
            outcome = "invalid"
        progress.ends[outcome] = progress.ends.get(outcome, 0) + 1

    async def _asked(self, item: BatchItem) -> BatchResult | None:
        """Ask until there is an end that waiting does not change; None for an item that is not sent now."""
        rounds, answers = 0, self._answers
        while True:
            flight = _Flight(self._journal, item.id, self._stopping)
            result = await self._engine.ask(item, flight.sent, flight.unsent)
            kind = result.failure.kind if result.failure else None
            if not flight.in_air and (flight.stopped or result.outcome is Outcome.CANCELLED):
                return None
            if result.failure and not flight.in_air and kind in (FailureKind.BUDGET, FailureKind.STORAGE):
                self.stop(result.failure)
                return None
            if result.failure is None or not _may_pass(result.failure) or result.text:
                self._judge(result)
                return result
            if self._answers > answers:
                rounds, answers = 0, self._answers
            if not await self._pause(result.failure, rounds):
                return None
            rounds += 1

    def _judge(self, result: BatchResult) -> None:
        """Stop the batch at a failure that every further request would meet."""
        kind = result.failure.kind if result.failure else None
        if result.is_answer:
            self._answers += 1
            self._of_server = 0
        elif kind in _FATAL:
            self.stop(result.failure)
        elif kind in _SAME_FOR_ALL and not self._answers:
            self._same += 1
            if self._same == _MOST_SAME:
                self.stop(result.failure)
        elif kind in _OF_SERVER and result.outcome is Outcome.FAILED:
            self._of_server += 1
            if self._of_server == _MOST_OF_SERVER:
                self.stop(result.failure)

    async def _pause(self, failure: Failure, rounds: int) -> bool:
        """Wait for a server that limits, is overloaded or out of reach; return False if the batch stops."""
        wait = failure.retry_after or min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**rounds) * random.uniform(0.75, 1.0)  # noqa: S311
        if wait > _LONGEST_WAIT or rounds == _ROUNDS:
            self.stop(failure)
            return False
        self.progress.paused = max(self.progress.paused, time.monotonic() + wait)
        with suppress(TimeoutError):
            await asyncio.wait_for(self._stopping.wait(), wait)
        return not self._stopping.is_set()

    def _output_failed(self, error: OSError) -> None:
        self.output_error = self.output_error or error
        self.stop()


class _Flight:
    """The journal's view of one item: `in_air` while a request of it may be billed."""

    def __init__(self, journal: BatchJournal, item: str, stopping: asyncio.Event) -> None:
        self._journal = journal
        self._item = item
        self._stopping = stopping
        self.in_air = False
        self.stopped = False

    async def sent(self) -> None:
        """Note that a request leaves. Raises ProviderError if the batch has stopped or the journal fails."""
        if self._stopping.is_set():
            self.stopped = True
            raise ProviderError(_STOPPED)
        try:
            await self._journal.mark_sent(self._item)
        except JournalError as error:
            raise ProviderError(error.failure) from error
        except asyncio.CancelledError:  # the mark is on its way to the disk
            self._journal.mark_unsent(self._item)
            raise
        self.in_air = True

    def unsent(self) -> None:
        """Note that the server has refused the request."""
        self.in_air = False
        self._journal.mark_unsent(self._item)


_STOPPED = Failure(FailureKind.CUT, safe_format("The batch has stopped."))


def _may_pass(failure: Failure) -> bool:
    """Return True for a failure that waiting may end, and that has cost nothing."""
    return failure.kind in _LATER or failure.unreachable


def _unsure_result(item: BatchItem) -> BatchResult:
    words = safe_format("It was in flight when the last run was killed, and may have been paid.")
    failure = Failure(FailureKind.CUT, words, safe_format("--unsure retry sends it again."))
    return BatchResult(Outcome.CUT, item.model, failure=failure)
