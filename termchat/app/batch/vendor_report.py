"""The front end of a run over vendors' batches: results as lines, the course of the batches as notes."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from uuid import uuid4

from termchat.app.batch.result_sink import ResultSink
from termchat.batch.batch_progress import BatchProgress
from termchat.batch.batch_result import ANSWERS, BatchResult
from termchat.batch.handed_over import HandedBatch
from termchat.batch.items import BatchItem
from termchat.batch.journal import JournalRow
from termchat.batch.vendors import BatchEndpoint, BatchStatus
from termchat.core.chat_store import Recorder
from termchat.core.errors import Failure, FailureKind
from termchat.core.events import MessageDone, RequestCost, StepCounted, StepStarted
from termchat.core.messages import Message, Origin, Role
from termchat.core.provider import Prices
from termchat.core.sanitize import Safe, join, safe, safe_format, safe_line
from termchat.core.usage import CostBasis
from termchat.ui.stderr import Stderr

_MOST_SAMPLES = 3  # failures that are told


class VendorReport:
    """Implements `vendor_run.VendorNews`.

    sink       writes the line of an item at its end, None to write all at the end of the run
    accepted   outcomes that count as answers
    recorder   records the costs in the usage ledger; None if nothing is saved
    prices     tell a gateway's price, which is its vendor's, from the model's own
    """

    def __init__(
        self,
        stderr: Stderr,
        progress: BatchProgress,
        sink: ResultSink | None = None,
        accepted: Sequence[str] = (),
        recorder: Recorder | None = None,
        prices: Prices | None = None,
    ) -> None:
        self._stderr = stderr
        self._progress = progress
        self._sink = sink
        self._accepted = accepted
        self._recorder = recorder
        self._prices = prices
        self._origins: dict[str, Origin] = {}  # of models
        self._told: dict[str, object] = {}  # the last words about a batch, or a trouble

    def submitted(self, batch: HandedBatch, endpoint: BatchEndpoint) -> None:
        price = safe_line(f"{endpoint.limits.price * 100:.0f}")
        words = safe_format(
            "Submitted {n} to {model} as {id}, at {price}% of the price.",
            n=_prompts(batch.intent.rows), model=safe_line(batch.model), id=safe_line(batch.id), price=price,
        )  # fmt: skip
        self._stderr.note(words)

    def lost(self, batch: HandedBatch, failure: Failure) -> None:
        words = safe_format(
            "{why} The vendor may have the batch of {n}: looking for it, nothing is sent again until that is known.",
            why=failure.message, n=_prompts(batch.intent.rows),
        )  # fmt: skip
        self._stderr.failure(Failure(failure.kind, words))

    def unsure(self, batch: HandedBatch, maybe: Sequence[str]) -> None:
        if self._is_new(batch.intent.token, maybe):
            words = safe_format(
                "{ids} may be the batch whose submission was not answered; its end will tell.",
                ids=join(", ", [safe_line(name) for name in maybe[:3]]),
            )
            self._stderr.failure(Failure(FailureKind.CUT, words))

    def status(self, batch: HandedBatch, status: BatchStatus, endpoint: BatchEndpoint) -> None:
        self._origins[batch.model] = endpoint.origin
        if self._stderr.usage and self._is_new(batch.id, (status.word, status.done, status.failed)):
            self._stderr.note(safe_format("{id}: {state}.", id=safe_line(batch.id), state=state_words(status)))

    def notice(self, words: Safe) -> None:
        self._stderr.note(words)

    def trouble(self, failure: Failure) -> None:
        if self._is_new("", failure.message):
            self._stderr.failure(Failure(failure.kind, safe_format("{why} Trying again.", why=failure.message)))

    async def ended(self, row: JournalRow, item: BatchItem | None, result: BatchResult, kept: str) -> None:
        progress, outcome = self._progress, result.outcome.value
        answered = result.is_answer or (outcome in self._accepted and result.failure is None)
        if not answered and outcome in ANSWERS:
            outcome = "invalid"
        progress.done += answered
        progress.failed += not answered
        progress.ends[outcome] = progress.ends.get(outcome, 0) + 1
        progress.cost += result.cost or Decimal(0)
        progress.unpriced += result.cost is None and bool(result.usage.output)
        self._record(result)
        failure, samples = result.failure, progress.samples
        if failure and len(samples) < _MOST_SAMPLES and all(failure.message != words for _, words in samples):
            samples.append((row.line, failure.message))
        if item and self._sink:
            await self._sink.put(row.line, item, kept)

    def _record(self, result: BatchResult) -> None:
        """Add a reply to the usage ledger."""
        origin = self._origins.get(str(result.model))
        if self._recorder is None or origin is None or not (result.usage.input or result.usage.output):
            return
        turn, usage = uuid4().hex, result.usage
        similar = self._prices is not None and self._prices.is_approximate(result.model)
        known = CostBasis.SIMILAR if similar else CostBasis.LIST
        known = known if usage.cost is None else CostBasis.BILLED
        cost = RequestCost(origin, usage, result.cost, CostBasis.UNKNOWN if result.cost is None else known)
        recording = self._recorder.begin_aside(turn)
        recording.record(StepStarted(turn, 1))
        recording.record(StepCounted(turn, (cost,)))
        recording.record(MessageDone(turn, turn, None, Message(Role.ASSISTANT, (), origin, result.outcome, usage)))
        recording.close()

    def _is_new(self, subject: str, words: object) -> bool:
        if self._told.get(subject) == words:
            return False
        self._told[subject] = words
        return True


def state_words(status: BatchStatus) -> Safe:
    """Return the state of a batch: `in progress, 40 of 120 answered, 2 failed`."""
    word = status.word or safe(status.phase.value)
    parts = [word]
    if status.total:
        done, total = safe(f"{status.done:,}"), safe(f"{status.total:,}")
        parts.append(safe_format("{n} of {total} answered", n=done, total=total))
    if status.failed:
        parts.append(safe_format("{n} failed", n=safe(f"{status.failed:,}")))
    return join(", ", parts)


def _prompts(number: int) -> Safe:
    return safe_format("1 prompt") if number == 1 else safe_format("{n} prompts", n=safe(f"{number:,}"))
