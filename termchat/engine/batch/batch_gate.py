"""The gate of the requests of a batch: one budget for all, and a word to the journal before each one leaves.

A reservation holds the most that a request can cost, so those of running requests may fill the budget although the
real costs are far below it. A request that does not fit waits until another one has ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from termchat.core.errors import Failure, FailureKind, ProviderError
from termchat.core.events import RequestCost
from termchat.core.messages import Origin
from termchat.core.provider import Admission, Bill
from termchat.core.sanitize import join, safe, safe_format
from termchat.core.usage import Limits, Reservation, Reserved, Spent, Usage
from termchat.engine.budget import Budget, TurnGate, left


class RunSpending:
    """Implements `core.usage.SpendingStore` for one run, with a running sum instead of one over all requests."""

    def __init__(self, before: Decimal) -> None:
        self._total = before
        self._amounts: dict[str, Decimal] = {}
        self._held: dict[str, Decimal] = {}  # reservations of running requests

    async def reserve(
        self, wanted: Reservation, limits: Limits, settled: Mapping[str, Decimal], midnight: float
    ) -> Reserved:
        """Reserve an amount if it fits."""
        self.settle(settled)
        before = await self.spent(wanted.chat, midnight)
        fits = wanted.amount <= left(Limits(chat=limits.chat), before)
        if fits:
            self._amounts[wanted.id] = self._held[wanted.id] = wanted.amount
            self._total += wanted.amount
        return Reserved(fits, before)

    def settle(self, settled: Mapping[str, Decimal]) -> None:
        """Replace the amounts of reservations."""
        for name, amount in settled.items():
            self._held.pop(name, None)
            if name in self._amounts:
                self._total += amount - self._amounts[name]
                self._amounts[name] = amount

    async def spent(self, chat: str, midnight: float) -> Spent:
        """Return what is spent."""
        held = sum(self._held.values(), Decimal(0))
        return Spent(self._total, self._total, held, chat_reserved=held)


class BudgetRoom:
    """The requests that hold a reservation now."""

    def __init__(self) -> None:
        self._holders: set[BatchGate] = set()
        self._released = asyncio.Event()

    def enter(self, gate: BatchGate) -> None:
        self._holders.add(gate)

    def leave(self, gate: BatchGate) -> None:
        """Note that a request has ended, or was refused; those that wait try again."""
        self._holders.discard(gate)
        self._released.set()

    def has_others(self, gate: BatchGate) -> bool:
        """Return True if another request may still give something back."""
        return bool(self._holders - {gate})

    def watch(self) -> asyncio.Event:
        """Return the event of the next release."""
        if self._released.is_set():
            self._released = asyncio.Event()
        return self._released


class BatchGate(TurnGate):
    """The gate of one item.

    budget     that of the run
    limit      the most that the run may cost in US dollars, None for no limit
    day        the gate for the limit of a day, which counts all chats and runs; None without one
    sent       is awaited before each attempt leaves; raises ProviderError to stop it
    unsent     is called when the server has refused an attempt
    """

    where = safe_format("in this batch")

    def __init__(
        self,
        budget: Budget,
        run: str,
        limit: Decimal | None,
        room: BudgetRoom,
        *,
        day: TurnGate | None,
        unpriced: Callable[[], bool],
        sent: Callable[[], Awaitable[None]],
        unsent: Callable[[], None],
    ) -> None:
        super().__init__(budget, run, lambda: Limits(chat=limit), unpriced)
        self._room = room
        self._day = day
        self._on_sent = sent
        self._on_unsent = unsent

    async def admit(self, bill: Bill) -> Admission:
        """Reserve the most that the request can cost, waiting for others to end. Raises ProviderError."""
        while True:
            released = self._room.watch()
            found = await self._try(bill)
            if isinstance(found, Failure) and not self._room.has_others(self):
                raise ProviderError(await self._with_way_on_of_day(found, bill))
            if isinstance(found, Admission) and (found.max_tokens is None or not self._room.has_others(self)):
                self._refuse_shorter(bill, found)
                break
            if isinstance(found, Admission):  # only a shorter reply fits now
                self._give_back()  # without a word to others: each would wake the other for nothing
            await released.wait()
        self._room.enter(self)
        try:
            await self._on_sent()
        except BaseException:
            self._give_back()
            self._room.leave(self)
            raise
        return found

    async def _try(self, bill: Bill) -> Admission | Failure:
        try:
            own = await super().admit(bill)
        except ProviderError as error:
            if error.failure.kind is not FailureKind.BUDGET:
                raise
            return error.failure
        if self._day is None:
            return own
        try:
            of_day = await self._day.admit(bill)
        except ProviderError as error:
            super().failed(None, accepted=False)
            if error.failure.kind is not FailureKind.BUDGET:
                raise
            return error.failure
        limits = [found.max_tokens for found in (own, of_day) if found.max_tokens is not None]
        return Admission(min(limits) if limits else None, own.notice or of_day.notice)

    async def _with_way_on_of_day(self, failure: Failure, bill: Bill) -> Failure:
        """Add how to raise the limit of the day to the failure of a request that crosses that one, too."""
        if self._day is None:
            return failure
        try:
            await self._day.admit(bill)
        except ProviderError as error:
            hints = dict.fromkeys((failure.hint, error.failure.hint))
            return replace(failure, hint=join(" ", list(hints)))
        self._day.failed(None, accepted=False)
        return failure

    def _refuse_shorter(self, bill: Bill, found: Admission) -> None:
        """Raise ProviderError for a reply that would be shorter than the user allows: cut short, it is no answer."""
        wanted = bill.request.params.max_tokens
        if found.max_tokens is None or wanted is None:
            return
        self._give_back()
        words = safe_format(
            "The budget of this batch leaves room for a reply of {n} tokens, not of {wanted}.",
            n=safe(f"{found.max_tokens:,}"), wanted=safe(f"{wanted:,}"),
        )  # fmt: skip
        hint = safe_format("Raise --max-cost, or lower --max-tokens.")
        raise ProviderError(Failure(FailureKind.BUDGET, words, hint))

    def _give_back(self) -> None:
        super().failed(None, accepted=False)
        if self._day:
            self._day.failed(None, accepted=False)

    def unlimited(self, origin: Origin) -> None:
        self._on_unsent()
        self._room.leave(self)
        if self._day:
            self._day.failed(None, accepted=False)
        super().unlimited(origin)

    def failed(self, usage: Usage | None, *, accepted: bool) -> None:
        super().failed(usage, accepted=accepted)
        if self._day:
            self._day.failed(usage, accepted=accepted)
        self._room.leave(self)
        if not accepted:
            self._on_unsent()

    def count(self, requests: Sequence[RequestCost]) -> None:
        super().count(requests)
        if self._day:
            self._day.count(requests)

    def note(self, origin: Origin, usage: Usage) -> None:
        pass  # requests of a batch have no prompt in common: a count says nothing about the next one

    def close(self) -> None:
        super().close()
        if self._day:
            self._day.close()
        self._room.leave(self)
