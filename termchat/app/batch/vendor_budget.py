"""The budget of vendors' batches: each prompt holds the most that it can cost until its end.

A vendor's batch is paid as a whole, so a prompt joins one only if all that were handed over before it still fit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from uuid import uuid4

from termchat.batch.batch_result import BatchResult
from termchat.batch.items import BatchItem
from termchat.batch.vendors import BatchEndpoint
from termchat.core.errors import Failure, FailureKind, ProviderError
from termchat.core.events import RequestCost
from termchat.core.messages import Origin
from termchat.core.sanitize import safe_format
from termchat.core.usage import Limits, SpendingStore, limit_of
from termchat.engine.batch.batch_gate import RunSpending
from termchat.engine.budget import Budget, TurnGate
from termchat.engine.turn import TurnConfig
from termchat.late_dataclass import dataclass

_NO_ROOM = Failure(
    FailureKind.BUDGET,
    safe_format("The budget has no room for the longest possible reply to one more prompt."),
    safe_format("Set a lower --max-tokens, or raise the limit."),
)
_NO_LIMIT = Limits(chat=Decimal(10) ** 12)  # US dollars; what is handed over holds its amount, whatever the limit


@dataclass(slots=True)
class _Held:
    """A prompt that was admitted: its gates, and the model that it goes to."""

    gates: list[TurnGate]
    origin: Origin


class VendorBudget:
    """The limits of a run, of all its earlier runs, and of a day.

    before     US dollars that earlier runs have cost
    of_day     returns the store of all processes' reservations, None if it cannot be used
    recorded   True if the ledger gets the costs
    """

    def __init__(
        self, config: TurnConfig, before: Decimal, of_day: Callable[[], SpendingStore | None], *, recorded: bool
    ) -> None:
        prices, store = config.budget_prices or config.prices, RunSpending(before)
        self._run = f"batch-{uuid4().hex}"
        self._config = config
        self._limit, self._day = limit_of(config.max_cost), limit_of(config.max_cost_day)
        self._budget = Budget(config.providers, prices, lambda: store)
        self._day_budget = Budget(config.providers, prices, of_day)
        self._recorded = recorded
        self._held: dict[str, _Held] = {}

    @property
    def holds_any(self) -> bool:
        """True if a prompt that was handed over may still give something back."""
        return bool(self._held)

    async def admit(self, item: BatchItem, endpoint: BatchEndpoint) -> BatchItem | Failure:
        """Reserve the most that a prompt can cost, and return it.

        No reply is shortened to fit: prompts would go out one at a time, each in a batch that may take a day.
        """
        gates: list[TurnGate] = []
        if self._limit is not None:
            gates.append(self._gate(Limits(chat=self._limit)))
        if self._day is not None:
            day = Limits(day=self._day)
            gates.append(self._gate(day, self._day_budget, recorded=self._recorded))
        return await self._admit(item, endpoint, gates)

    async def hold(self, item: BatchItem, endpoint: BatchEndpoint) -> None:
        """Reserve for a prompt that an earlier run has handed over; that run's reservation of the day remains."""
        if self._limit is not None:
            await self._admit(item, endpoint, [self._gate(_NO_LIMIT)])

    def release(self, items: Iterable[str]) -> None:
        """Give back the reservations of prompts that were not run."""
        for gate in [gate for name in items if (held := self._held.pop(name, None)) for gate in held.gates]:
            gate.failed(None, accepted=False)
            gate.close()

    def settle(self, item: str, result: BatchResult) -> None:
        """Replace the reservation of a prompt by its cost."""
        held = self._held.pop(item, None)
        if held is None:
            return
        usage = result.usage if result.usage.input or result.usage.output else None
        cost = RequestCost(held.origin, usage, Decimal(0) if usage is None else result.cost)
        for gate in held.gates:
            gate.count((cost,))
            gate.close()

    def _gate(self, limits: Limits, budget: Budget | None = None, *, recorded: bool = False) -> TurnGate:
        unpriced = self._config.unpriced
        return TurnGate(budget or self._budget, self._run, lambda: limits, lambda: unpriced, recorded=recorded)

    async def _admit(self, item: BatchItem, endpoint: BatchEndpoint, gates: list[TurnGate]) -> BatchItem | Failure:
        if not gates:
            return item
        bill, passed = endpoint.bill(item.request), list[TurnGate]()
        failure: Failure | None = None
        for gate in gates:
            try:
                admitted = await gate.admit(bill)
            except ProviderError as error:
                failure = error.failure
                break
            passed.append(gate)
            if admitted.max_tokens is not None:
                failure = _NO_ROOM
                break
        self._held[item.id] = _Held(passed, bill.origin)
        if failure:
            self.release((item.id,))
        return failure or item
