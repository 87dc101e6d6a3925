"""Answer a batch by the batches of vendors: submit, wait, fetch; list them, cancel them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from decimal import Decimal

from termchat.app.batch.batch_end import BatchEnd, report_end
from termchat.app.batch.batch_options import ResultFormat, VendorTask
from termchat.app.batch.fitted_turns import fitted_item
from termchat.app.batch.result_sink import ResultSink
from termchat.app.batch.run_parts import RunParts, open_results
from termchat.app.batch.vendor_budget import VendorBudget
from termchat.app.batch.vendor_report import VendorReport, state_words
from termchat.app.batch.vendor_run import VendorParts, VendorRun
from termchat.app.build import current_location
from termchat.app.reply_schema import validate_reply
from termchat.batch.batch_progress import BatchProgress
from termchat.batch.items import BatchItem
from termchat.batch.journal import ItemState, JournalRow
from termchat.batch.vendors import BatchStatus
from termchat.core.chat_store import Recorder
from termchat.core.chats import ChatState
from termchat.core.errors import Failure, ProviderError, exit_code, outcome_of
from termchat.core.models import ModelRef
from termchat.core.numbers import moment
from termchat.core.outcomes import ExitCode
from termchat.core.provider import Prices
from termchat.core.sanitize import Safe, safe, safe_format, safe_line
from termchat.ui.oneshot.stop_signals import handled_signals
from termchat.ui.stderr import print_stdout

NOTHING_OPEN = "No batch is open.\n"
_PAGE = 200  # rows of the journal in memory


async def hand_over(parts: RunParts) -> ExitCode:
    """Submit what has no answer, and write the results; without `VendorTask.DETACH`, wait until all batches ended.

    Raises JournalError.
    """
    options, stderr = parts.options, parts.stderr
    output = open_results(options)
    if isinstance(output, Failure):
        stderr.failure(output)
        return ExitCode.USAGE
    openai = options.format is ResultFormat.OPENAI
    lines = _Lines(parts, ResultSink(output, in_order=False, window=0, openai=openai, shard=str(options.shard)))
    sink = None if options.in_order else lines.sink
    report = VendorReport(stderr, lines.progress, sink, options.accepted, _recorder(parts), _prices(parts))
    run = _vendor_run(parts, report, (await parts.journal.counts()).cost)
    signal: list[ExitCode] = []
    error: OSError | None = None

    async def work() -> None:
        await lines.begin()
        await run.run(wait=options.vendor is VendorTask.WAIT)
        await lines.finish()

    task = asyncio.create_task(work())

    def stop(code: ExitCode) -> None:
        """Stop at once, but let a submission end: another run would have to look for it."""
        if signal or not run.submitting or code is not ExitCode.CANCELLED:
            task.cancel()
        signal.append(code)
        run.stop()

    try:
        with handled_signals(stop):
            await task
    except asyncio.CancelledError:
        if not signal:
            raise
    except OSError as caught:
        error = caught
    finally:
        output.close()
    if signal or options.vendor is VendorTask.DETACH:
        waiting = len(await parts.journal.open_batches())
        if waiting and not run.stopped_by and error is None:
            stderr.note(_goes_on(waiting))
            return signal[0] if signal else ExitCode.TRY_LATER
    end = BatchEnd(lines.progress, run.stopped_by, error, signal[0] if signal else None)
    return report_end(end, options, stderr, time.monotonic())


async def vendor_task(task: VendorTask, parts: RunParts) -> ExitCode:
    """List the open batches, or cancel them. Raises JournalError."""
    if task is VendorTask.STATUS:
        return await _show(parts)
    report = VendorReport(parts.stderr, BatchProgress())
    run = _vendor_run(parts, report)
    asked = await run.cancel()
    if run.stopped_by:
        parts.stderr.failure(run.stopped_by)
        return exit_code(outcome_of(run.stopped_by), run.stopped_by)
    what = safe_format("1 batch") if asked == 1 else safe_format("{n} batches", n=safe(str(asked)))
    words = safe_format("Asked to cancel {what}.", what=what) if asked else safe_format("No batch is running.")
    ended = bool(await parts.journal.open_batches())
    hint = safe_format(" termchat batch FILE --vendor-batch fetches what has run.") if ended else safe("")
    print_stdout(f"{words}{hint}\n")
    return ExitCode.COMPLETE


async def _show(parts: RunParts) -> ExitCode:
    """Print a line for each open batch: its id, its model and its state."""
    found = await parts.journal.open_batches()
    code = ExitCode.COMPLETE
    if not found:
        print_stdout(NOTHING_OPEN)
    for batch in found:
        model, words = ModelRef.parse(batch.model), safe_format("submission not answered; the next run looks for it")
        assert model
        if batch.id:
            try:
                words = _state(await (await parts.app.registry.batches(model)).status(batch.id))
            except ProviderError as error:
                words, code = error.failure.message, exit_code(outcome_of(error.failure), error.failure)
        print_stdout(f"{safe_line(batch.id or '-')}\t{safe_line(batch.model)}\t{words}\n")
    return code


def _state(status: BatchStatus) -> Safe:
    words = state_words(status)
    if status.expires is None:
        return words
    when = safe_line(moment(status.expires).strftime("%d %b %H:%M"))
    return safe_format("{state}, until {when}", state=words, when=when)


def _recorder(parts: RunParts) -> Recorder | None:
    store = parts.app.session.chat_store
    return store.new_recorder(ChatState(parts.app.first), current_location()) if store else None


def _prices(parts: RunParts) -> Prices:
    prices = parts.app.turn.budget_prices or parts.app.turn.prices
    assert prices, "a batch is priced"
    return prices


def _vendor_run(parts: RunParts, report: VendorReport, before: Decimal = Decimal(0)) -> VendorRun:
    """Return a run; earlier ones have cost `before` US dollars."""
    app = parts.app

    async def fit(item: BatchItem) -> BatchItem | Failure:
        return await fitted_item(item, app.registry)

    budget, store = None, app.session.chat_store
    if app.turn.max_cost or app.turn.max_cost_day:
        recorded = store is not None
        budget = VendorBudget(app.turn, before, lambda: store.spending if store else None, recorded=recorded)
    found = VendorParts(parts.journal, app.registry, _prices(parts), parts.read, fit, validate_reply, report, budget)
    return VendorRun(found, accepted=parts.options.accepted)


class _Lines:
    """The lines of the output that come from the journal, before and after the run."""

    def __init__(self, parts: RunParts, sink: ResultSink) -> None:
        self._parts = parts
        self.sink = sink
        self.progress = BatchProgress()

    async def begin(self) -> None:
        """Count the answers of earlier runs, and write them unless the order is that of the input. Raises OSError."""
        options, progress = self._parts.options, self.progress
        async for row in self._rows():
            progress.total += 1
            if row.is_final(options.accepted) and not row.repeated:
                progress.earlier += 1
                progress.done += 1
                progress.ends[row.outcome] = progress.ends.get(row.outcome, 0) + 1
                if not options.in_order:
                    await self._put(row)
        if not options.in_order:
            await self.sink.replayed()

    async def finish(self) -> None:
        """Write the lines of repeated requests; in the order of the input, all lines. Raises OSError."""
        options, progress = self._parts.options, self.progress
        async for row in self._rows():
            if not row.result or row.state in (ItemState.QUEUED, ItemState.BATCHED):
                continue
            if row.repeated:
                answered = row.is_final(options.accepted)
                progress.done += answered
                progress.failed += not answered
                progress.ends[row.outcome] = progress.ends.get(row.outcome, 0) + 1
            if row.repeated or options.in_order:
                await self._put(row)
        await self.sink.close()

    async def _put(self, row: JournalRow) -> None:
        item = await self._parts.read(row)
        if isinstance(item, Failure):
            self._parts.stderr.failure(item)
        else:
            await self.sink.put(row.line, item, row.result)

    async def _rows(self) -> AsyncGenerator[JournalRow]:
        after = 0
        while rows := await self._parts.journal.rows(after, _PAGE):
            for row in rows:
                yield row
            after = rows[-1].line


def _goes_on(number: int) -> Safe:
    what = safe_format("1 batch goes") if number == 1 else safe_format("{n} batches go", n=safe(str(number)))
    return safe_format("{what} on at the vendor. Run the same command again to fetch the answers.", what=what)
