"""Run a batch: read the input into the journal, send what is not done, write the results, tell how to go on."""

from __future__ import annotations

import asyncio
import hashlib
import os
import sys
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

from termchat.app.batch.batch_end import BatchEnd, report_end
from termchat.app.batch.batch_options import BatchOptions, ResultFormat, VendorTask
from termchat.app.batch.fitted_turns import FittedTurns
from termchat.app.batch.input_file import STANDARD_INPUT, InputError, InputFile, open_input
from termchat.app.batch.item_builder import ItemBuilder
from termchat.app.batch.result_sink import ResultSink
from termchat.app.batch.run_parts import RunParts, open_results
from termchat.app.batch.vendor_batch import NOTHING_OPEN, hand_over, vendor_task
from termchat.app.build import App, build_app, current_location
from termchat.app.options import resolve_theme, usage_error
from termchat.batch.batch_progress import BatchProgress
from termchat.batch.handed_over import VendorJournal
from termchat.batch.journal import BatchJournal, JournalError
from termchat.config.load import Config
from termchat.config.paths import user_path
from termchat.core.chats import ChatState
from termchat.core.errors import Failure, FailureKind, error_reason
from termchat.core.outcomes import ExitCode
from termchat.core.sanitize import join, safe, safe_format, safe_line
from termchat.engine.batch.batch_turns import BatchSpending, BatchTurns
from termchat.engine.batch.workers import BatchWorkers
from termchat.store.sqlite.batch_journal import open_journal
from termchat.ui.oneshot.stop_signals import handled_signals
from termchat.ui.stderr import Stderr, log_to_stderr, print_stdout

_SHOWN = 20  # ids in a sentence
_KEY_DIGITS = 12
_LEAVE_AT = 3  # signals


def run_batch(options: BatchOptions, config: Config, env: Mapping[str, str]) -> int:
    """Run a batch and return its exit code: 0 only if every prompt of the input is answered."""
    stderr = Stderr(options.run.quiet, usage=options.run.verbose or sys.stderr.isatty())
    log_to_stderr()
    for words in config.notes:
        stderr.note(words)
    source = open_input(options.input, stderr.note if sys.stderr.isatty() else lambda _: None)
    if isinstance(source, Failure):
        return usage_error(source, None)
    try:
        return asyncio.run(_run(options, source, config, env, stderr))
    finally:
        source.close()


async def _run(
    options: BatchOptions, source: InputFile, config: Config, env: Mapping[str, str], stderr: Stderr
) -> ExitCode:
    schema = _schema(options.run.schema)
    if isinstance(schema, Failure):
        stderr.failure(schema)
        return ExitCode.USAGE
    asked = replace(options.run, priced=True, tools=False, paced=True, json_schema=schema)
    async with build_app(config, env, asked, stderr.failure) as app:
        if isinstance(app, Failure):
            stderr.failure(app)
            return ExitCode.NO_KEY if app.kind is FailureKind.NO_KEY else ExitCode.USAGE
        if options.vendor in (VendorTask.STATUS, VendorTask.CANCEL) and not journal_file(options, source, app).exists():
            print_stdout(NOTHING_OPEN)
            return ExitCode.COMPLETE
        async with _opened(options, source, app, stderr) as journal:
            if journal is None:
                return ExitCode.USAGE
            turn = app.turn
            builder = ItemBuilder(app.registry, app.first, turn.system, turn.params, source.folder, stderr.note)
            try:
                parts = RunParts(options, source, builder, journal, app, stderr)
                if options.vendor is VendorTask.STATUS or options.vendor is VendorTask.CANCEL:
                    return await vendor_task(options.vendor, parts)
                if not await _load(options, source, builder, journal, stderr):
                    return ExitCode.USAGE
                await _settle_unsure(parts)
                return await (hand_over(parts) if options.vendor else _send(parts, env))
            except JournalError as error:
                stderr.failure(error.failure)
                return ExitCode.ERROR


def _schema(given: str) -> Mapping[str, Any] | Failure | None:
    from termchat.app.reply_schema import reply_schema

    return reply_schema(given) if given else None


@asynccontextmanager
async def _opened(
    options: BatchOptions, source: InputFile, app: App, stderr: Stderr
) -> AsyncGenerator[VendorJournal | None]:
    """Open the journal; None after reporting why it cannot be used."""
    file = journal_file(options, source, app)
    found = _without_folder(options) or _without_data(file, app) or await open_journal(file)
    if isinstance(found, Failure):
        stderr.failure(found)
        yield None
        return
    try:
        if options.restart and await found.open_batches():
            stderr.failure(_running())
            yield None
            return
        if options.restart:
            await found.clear()
        yield found
    finally:
        await found.close()


def _without_folder(options: BatchOptions) -> Failure | None:
    """Return the failure of an output in a directory that does not exist; its journal would be there, too."""
    if not options.output or os.path.isdir(user_path(options.output).parent):
        return None
    words = safe_format("Cannot write {name}: its directory does not exist.", name=safe_line(options.output))
    return Failure(FailureKind.BAD_CONFIG, words, safe_format("Create it, or choose another file for -o."))


def journal_file(options: BatchOptions, source: InputFile, app: App) -> Path:
    """Return the file of the journal: a given one, one beside a file of results, or one for input, model and shard."""
    if options.journal:
        return user_path(options.journal)
    output = user_path(options.output)
    if options.output and (os.path.isfile(output) or not os.path.exists(output)):  # no pipe, no device
        return output.with_name(f"{output.name}.journal")
    key = hashlib.sha256(
        "\0".join((source.key, str(app.first), str(options.shard))).encode("utf-8", "surrogatepass")
    ).hexdigest()
    name = "stdin" if options.input == STANDARD_INPUT else Path(options.input).stem
    return _journals(app) / f"{name[:60]}-{key[:_KEY_DIGITS]}.journal"


def _journals(app: App) -> Path:
    return app.config.paths.data / "batches"


def _without_data(file: Path, app: App) -> Failure | None:
    """Create the directory of the journals for a file in it; return the failure if that is not possible."""
    if file.parent != _journals(app):
        return None
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        path, why = safe_line(str(file.parent)), error_reason(error)
        words = safe_format("Cannot create the directory of the journals, {path}: {why}.", path=path, why=why)
        return Failure(FailureKind.STORAGE, words, safe_format("Choose a file with --journal or -o."))
    return None


async def _load(
    options: BatchOptions, source: InputFile, builder: ItemBuilder, journal: BatchJournal, stderr: Stderr
) -> bool:
    """Read the input into the journal, before anything is sent; report what is wrong, and return False."""
    try:
        conflicts = await journal.load(source.entries(builder, options.shard))
    except InputError as error:
        for failure in error.failures[:-1]:
            stderr.failure(replace(failure, hint=safe("")))
        stderr.failure(error.failures[-1])
        stderr.failure(_refused(more=error.more))
        return False
    for conflict in conflicts:
        at = safe_line(f"{source.name}:{conflict.line}")
        name = safe_line(conflict.id)
        if conflict.first:
            words = safe_format("{at}: line {n} has the id {id}, too.", at=at, n=safe(str(conflict.first)), id=name)
        else:
            words = safe_format("{at}: {id} asks for something else than in the last run.", at=at, id=name)
        stderr.failure(Failure(FailureKind.BAD_CONFIG, words))
    if conflicts:
        stderr.failure(_conflicting(changed=any(not conflict.first for conflict in conflicts)))
        return False
    if not (await journal.counts()).total and options.shard.count == 1:
        words = safe_format("{name} has no prompts.", name=safe_line(source.name))
        stderr.failure(Failure(FailureKind.BAD_CONFIG, words, safe_format("Write one prompt a line, as JSON.")))
        return False
    return True


def _refused(*, more: bool) -> Failure:
    words = (
        safe_format("Nothing was sent.") if not more else safe_format("Nothing was sent; there may be more mistakes.")
    )
    return Failure(FailureKind.BAD_CONFIG, words)


def _conflicting(*, changed: bool) -> Failure:
    if not changed:
        return Failure(FailureKind.BAD_CONFIG, safe_format("Nothing was sent."), safe_format("Use each id once."))
    hint = safe_format(
        "Restore the prompts, the model and the settings; or use another --journal, or --restart to pay for all again."
    )
    return Failure(FailureKind.BAD_CONFIG, safe_format("Nothing was sent."), hint)


async def _send(run: RunParts, env: Mapping[str, str]) -> ExitCode:
    options, stderr, journal = run.options, run.stderr, run.journal
    if number := (await journal.counts()).batched:
        stderr.failure(_handed_over(number))
        return ExitCode.USAGE
    output = open_results(options)
    if isinstance(output, Failure):
        stderr.failure(output)
        return ExitCode.USAGE
    before = (await journal.counts()).cost
    engine = FittedTurns(_engine(run, before), run.app.registry)
    sink = ResultSink(output, in_order=options.in_order, window=options.window, shard=str(options.shard),
                      openai=options.format is ResultFormat.OPENAI)  # fmt: skip
    workers = BatchWorkers(
        journal, engine, sink, run.read, jobs=options.jobs, accepted=options.accepted, skip_unsure=options.skip_unsure
    )
    signals = _Signals(workers, stderr)
    try:
        with handled_signals(signals.stop):
            async with _bar(run, workers.progress, env):
                await workers.run()
    except asyncio.CancelledError:
        if not signals.abandoned or signals.code is None:
            raise
        return signals.code
    finally:
        output.close()
    end = BatchEnd(workers.progress, workers.stopped_by, workers.output_error, signals.code)
    return report_end(end, options, stderr, time.monotonic())


async def _settle_unsure(run: RunParts) -> None:
    """Name the prompts that were in flight when the last run was killed, and queue them unless they are skipped."""
    number = (await run.journal.counts()).unsure
    if not number:
        return
    ids = [safe_line(found) for found in await run.journal.unsure(_SHOWN)]
    shown = join(", ", ids)
    if number > len(ids):
        shown = safe_format("{ids} and {n} more", ids=shown, n=safe(f"{number - len(ids):,}"))
    what = safe_format("1 prompt was") if number == 1 else safe_format("{n} prompts were", n=safe(f"{number:,}"))
    skip = run.options.skip_unsure
    end = (
        safe_format("skipped; --unsure retry sends them again")
        if skip
        else safe_format("sent again; --unsure skip leaves them out")
    )
    words = safe_format(
        "{what} in flight when the last run was killed, and may have been paid: {ids}. Now {end}.",
        what=what, ids=shown, end=end,
    )  # fmt: skip
    run.stderr.failure(Failure(FailureKind.CUT, words))  # also when quiet: it is about money
    if not skip:
        await run.journal.settle_unsure()


def _handed_over(number: int) -> Failure:
    what = safe_format("1 prompt is") if number == 1 else safe_format("{n} prompts are", n=safe(f"{number:,}"))
    words = safe_format("{what} in batches of a vendor.", what=what)
    hint = safe_format("Fetch the answers with --vendor-batch, or cancel the batches: termchat batch cancel FILE.")
    return Failure(FailureKind.BAD_CONFIG, words, hint)


def _running() -> Failure:
    words = safe_format("Batches of this input run at their vendor, and may have been paid.")
    hint = safe_format("Cancel them first: termchat batch cancel FILE.")
    return Failure(FailureKind.BAD_CONFIG, words, hint)


def _engine(run: RunParts, before: Decimal) -> BatchTurns:
    from termchat.app.reply_schema import validate_reply

    session = run.app.session
    store = session.chat_store
    recorder = store.new_recorder(ChatState(run.app.first), current_location()) if store else None
    spending = BatchSpending(f"batch-{uuid4().hex}", before, lambda: store.spending if store else None, recorder)
    return BatchTurns(run.app.turn, spending, validate_reply)


class _Signals:
    """The signals of a run: the first Ctrl-C lets what is in flight end, a second one or another signal stops it.

    The third one leaves at once, as when nobody reads the output: all that has ended is in the journal.
    """

    def __init__(self, workers: BatchWorkers, stderr: Stderr) -> None:
        self._workers = workers
        self._stderr = stderr
        self._task = asyncio.current_task()
        self._count = 0
        self.code: ExitCode | None = None
        self.abandoned = False

    def stop(self, code: ExitCode) -> None:
        """Handle a signal."""
        first, self.code = self.code is None, self.code or code
        self._count += 1
        running = self._workers.progress.running
        if first and code is ExitCode.CANCELLED and running:
            self._workers.stop()
            if sys.stderr.isatty():
                words = safe_format("Waiting for {n} replies that are paid; Ctrl-C stops them.", n=safe(str(running)))
                self._stderr.note(words)
        elif self._count < _LEAVE_AT or self._task is None:
            self._workers.cancel()
        else:
            self.abandoned = True
            self._task.cancel()


def _bar(run: RunParts, progress: BatchProgress, env: Mapping[str, str]) -> AbstractAsyncContextManager[None]:
    """Return the progress bar, on a terminal that does not show the results at the same time."""
    from termchat.ui.text.palette import ColorDepth, Palette, detect_color_depth

    settings, depth = run.app.config.settings, detect_color_depth(env)
    if run.options.run.quiet or settings.plain or settings.accessible or not sys.stderr.isatty():
        return nullcontext()
    theme = resolve_theme(run.app.config, env)
    shown = not run.options.output and sys.stdout.isatty()
    if depth is ColorDepth.PLAIN or isinstance(theme, Failure) or shown:
        return nullcontext()
    from termchat.ui.oneshot.batch.batch_bar import progress_bar

    return progress_bar(progress, Palette(theme, depth))
