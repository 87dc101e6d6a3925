"""Answer one item of a batch: a turn of its own, whose requests pass the gate of the batch."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import replace
from decimal import Decimal
from typing import Any

from termchat.batch.batch_result import BatchResult
from termchat.batch.items import BatchItem
from termchat.core.chat_store import Recorder
from termchat.core.conversation import Node
from termchat.core.errors import Failure
from termchat.core.events import Event, MessageDone, TurnEnded
from termchat.core.messages import Message, Reasoning
from termchat.core.outcomes import Outcome
from termchat.core.usage import Limits, SpendingStore, limit_of
from termchat.engine.batch.batch_gate import BatchGate, BudgetRoom, RunSpending
from termchat.engine.budget import Budget, TurnGate
from termchat.engine.context import prepare_context
from termchat.engine.turn import Turn, TurnConfig
from termchat.late_dataclass import dataclass

Check = Callable[[Mapping[str, Any], str], Failure | None]


@dataclass(frozen=True, slots=True)
class BatchSpending:
    """The money of a batch.

    run        the id of the batch
    before     US dollars that earlier runs of it have cost
    of_day     returns the store of all processes' reservations, None if it cannot be used
    recorder   records the requests in the usage ledger; None if nothing is saved
    """

    run: str
    before: Decimal
    of_day: Callable[[], SpendingStore | None]
    recorder: Recorder | None = None


class SharedBudget:
    """The budget of a run, and that of a day: its turns share them."""

    def __init__(self, config: TurnConfig, spending: BatchSpending) -> None:
        self._spending = spending
        self._room = BudgetRoom()
        prices, store = config.budget_prices or config.prices, RunSpending(spending.before)
        self._of_run = Budget(config.providers, prices, lambda: store)
        self._of_day = Budget(config.providers, prices, spending.of_day)

    def gate(
        self,
        config: TurnConfig,
        sent: Callable[[], Awaitable[None]],
        unsent: Callable[[], None],
        kind: type[BatchGate] = BatchGate,
    ) -> BatchGate:
        """Return the gate of the turn of a configuration. `sent` and `unsent` are those of `BatchGate`."""
        run, day = self._spending.run, limit_of(config.max_cost_day)

        def unpriced() -> bool:
            return config.unpriced

        of_day = None
        if day is not None:
            recorded = self._spending.recorder is not None
            of_day = TurnGate(self._of_day, run, lambda: Limits(day=day), unpriced, recorded=recorded)
        limit = limit_of(config.max_cost)
        return kind(self._of_run, run, limit, self._room, day=of_day, unpriced=unpriced, sent=sent, unsent=unsent)


class BatchTurns:
    """Answers items. Each turn is independent of the others; they share the budget and the rate limits.

    check   returns what is wrong with a complete reply to a schema
    """

    def __init__(self, config: TurnConfig, spending: BatchSpending, check: Check) -> None:
        self._config = config
        self._spending = spending
        self._check = check
        self._budget = SharedBudget(config, spending)
        self._running: set[Turn] = set()
        self._in_air: set[Turn] = set()  # of the running ones: a request may be billed

    async def ask(
        self, item: BatchItem, sent: Callable[[], Awaitable[None]], unsent: Callable[[], None]
    ) -> BatchResult:
        """Answer an item. `sent` is awaited before each attempt leaves; `unsent` is called when one was refused."""
        running: list[Turn] = []

        async def leaves() -> None:
            await sent()
            self._in_air.update(running)

        def refused() -> None:
            self._in_air.difference_update(running)
            unsent()

        turn = self._turn(item, leaves, refused)
        running.append(turn)
        recording = self._spending.recorder.begin_aside(turn.id) if self._spending.recorder else None
        self._running.add(turn)
        reply: Message | None = None
        ended: TurnEnded | None = None
        try:
            async with aclosing(turn.events()) as events:
                async for event in events:
                    if recording:
                        recording.record(event)
                    reply = event.message if isinstance(event, MessageDone) else reply
                    ended = _end(event) or ended
        finally:
            self._running.discard(turn)
            self._in_air.discard(turn)
            if recording:
                recording.close()
        assert ended is not None, "a turn ends with TurnEnded"
        return self._result(item, reply, ended)

    def cancel(self) -> None:
        """Stop all running turns; each keeps what it has received."""
        for turn in self._running:
            turn.cancel()

    def cancel_waiting(self) -> None:
        """Stop the turns of which nothing is on its way."""
        for turn in self._running - self._in_air:
            turn.cancel()

    def _turn(self, item: BatchItem, sent: Callable[[], Awaitable[None]], unsent: Callable[[], None]) -> Turn:
        request = item.request
        config = replace(self._config, model=item.model, system=request.system, params=request.params, tools=None)
        path = [Node(str(n), str(n - 1) if n else None, message) for n, message in enumerate(request.messages)]
        context = prepare_context(path, config)
        config = replace(config, refusal=context.refusal)
        return Turn(config, context.messages, path[-1].id, self._spending.run, self._budget.gate(config, sent, unsent))

    def _result(self, item: BatchItem, reply: Message | None, ended: TurnEnded) -> BatchResult:
        text = reply.text if reply else ""
        failure, schema = ended.failure, item.request.params.schema
        if ended.outcome is Outcome.COMPLETE and schema:
            failure = self._check(schema, text)
        return BatchResult(
            ended.outcome,
            ended.model,
            text,
            "".join(part.text for part in reply.parts if isinstance(part, Reasoning)) if reply else "",
            ended.finish,
            ended.usage,
            ended.cost,
            ended.timing.total,
            reply.reply_id if reply else "",
            failure,
        )


def _end(event: Event) -> TurnEnded | None:
    return event if isinstance(event, TurnEnded) else None
