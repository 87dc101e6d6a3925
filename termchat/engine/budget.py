"""The gate that every request passes before it is sent: no request can cross a limit on spending.

The most a request can cost is the bound of its prompt and the longest possible reply, at the price of its model. That
amount is reserved; the real cost, which the usage ledger has, replaces it. A reply whose tokens nobody counted, such
as a stopped one, is charged by an estimate.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from decimal import Decimal
from uuid import uuid4

from termchat.core.errors import ProviderError
from termchat.core.events import RequestCost
from termchat.core.messages import Origin
from termchat.core.provider import Admission, Bill, Prices, Providers
from termchat.core.sanitize import Safe, join, safe, safe_format
from termchat.core.usage import BATCH_TIER, Limits, Reservation, Reserved, SpendingStore, Spent, Usage
from termchat.engine.spending.budget_words import IN_CHAT, cannot_limit, unbounded_search, unpriced_model, would_cross
from termchat.engine.spending.prompt_bound import CountedRequest, bounds, prompt_bound, reply_bound
from termchat.late_dataclass import dataclass

_TRIES = 4  # reservations of one request: other processes spend meanwhile
_MANY = 1_000_000  # tokens; the price of one token is computed from that of many


class MemorySpending:
    """Reservations of a session that saves nothing; `base` is what others had spent. The costs stay in it, too."""

    def __init__(self, base: Spent | None = None) -> None:
        self._base = base or Spent()
        self._rows: dict[str, Reservation] = {}
        self._running: set[str] = set()

    async def reserve(
        self, wanted: Reservation, limits: Limits, settled: Mapping[str, Decimal], midnight: float
    ) -> Reserved:
        """Reserve an amount if it fits."""
        self.settle(settled)
        before = await self.spent(wanted.chat, midnight)
        fits = wanted.amount <= left(limits, before)
        if fits:
            self._rows[wanted.id] = wanted
            self._running.add(wanted.id)
        return Reserved(fits, before)

    def settle(self, settled: Mapping[str, Decimal]) -> None:
        """Replace the amounts of reservations."""
        for name, amount in settled.items():
            if name in self._rows:
                self._rows[name] = replace(self._rows[name], amount=amount)
                self._running.discard(name)

    async def spent(self, chat: str, midnight: float) -> Spent:
        """Return what is spent."""
        rows = self._rows.values()
        today = sum((row.amount for row in rows if row.at >= midnight), self._base.day)
        running = [row for row in rows if row.id in self._running]
        return Spent(
            sum((row.amount for row in rows if row.chat == chat), self._base.chat),
            today,
            sum((row.amount for row in running if row.at >= midnight), self._base.reserved),
            chat_reserved=sum((row.amount for row in running if row.chat == chat), self._base.chat_reserved),
        )


def left(limits: Limits, spent: Spent) -> Decimal:
    """Return the US dollars that may still be spent: those of the limit that is closest."""
    rest = [
        limit - so_far for limit, so_far in ((limits.chat, spent.chat), (limits.day, spent.day)) if limit is not None
    ]
    return min(rest) if rest else Decimal("Infinity")


def midnight() -> float:
    """Return the beginning of this day, local time, in seconds since 1970."""
    now = time.localtime()
    return time.mktime((now.tm_year, now.tm_mon, now.tm_mday, 0, 0, 0, 0, 0, -1))


class Budget:
    """The spending of a session, shared by its turns.

    spent    the figures of the last request, None before one passed a limit
    counted  the last request to each model whose provider counted it
    run_base the cost of the chat before a script's run, None before its first request
    """

    def __init__(
        self, providers: Providers, prices: Prices | None, open_spending: Callable[[], SpendingStore | None]
    ) -> None:
        self.providers = providers
        self.prices = prices
        self.spent: Spent | None = None
        self.counted: dict[Origin, CountedRequest] = {}
        self.run_base: Decimal | None = None
        self._open_spending = open_spending
        self._memory: MemorySpending | None = None
        self.in_memory_only = False  # although chats are saved
        self._announced: set[str] = set()

    @property
    def store(self) -> SpendingStore:
        """The reservations: those of the chat store, or of this process if nothing is saved."""
        found = self._open_spending()
        if found is not None and self._memory is None:
            return found
        self._memory = self._memory or MemorySpending()
        return self._memory

    def fall_back(self) -> SpendingStore:
        """Go on in memory, from the last known figures: the store cannot be used now."""
        self._memory, self.in_memory_only = MemorySpending(self.spent), True
        return self._memory

    def announce(self, what: str) -> bool:
        """Return True the first time."""
        new = what not in self._announced
        self._announced.add(what)
        return new

    async def outlay(self, chat: str) -> Decimal:
        """Return what a chat has spent and reserved."""
        found = await self.store.spent(chat, midnight())
        return found.chat if found else Decimal(0)

    async def read(self, chat: str) -> Spent:
        """Read the figures of a chat and of this day."""
        self.spent = await self.store.spent(chat, midnight()) or self.spent or Spent()
        return self.spent

    def new_chat(self) -> None:
        """Forget the figures of the last chat."""
        self.spent = None
        self._announced.clear()


class SharedLimit:
    """The limit of a chat that its copies spend from, too. While `lock` is held, no other request is admitted."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self._chats: dict[Budget, str] = {}

    def join(self, budget: Budget, chat: str) -> None:
        """Count what a chat spends, by its budget."""
        self._chats[budget] = chat

    async def beside(self, budget: Budget) -> Decimal:
        """Return what the others have spent and reserved."""
        return sum([await other.outlay(chat) for other, chat in self._chats.items() if other is not budget], Decimal(0))


@dataclass(frozen=True, slots=True)
class _Admitted:
    """A request that passed: its reservation, the price of its prompt, and that of a token of its reply.

    failed   True for an attempt without a reply, whose amount is an estimate
    """

    id: str
    origin: Origin
    at: float
    amount: Decimal
    prompt: Decimal
    token: Decimal
    failed: bool = False

    def estimate(self, usage: Usage | None) -> Decimal:
        """Return the charge for a reply whose cost is unknown: by its tokens and its duration, at most the amount."""
        seconds = time.monotonic() - self.at
        silent = round(seconds * bounds()["tokens_per_second"])
        tokens = max(2 * usage.output if usage else 0, silent)
        return min(self.amount, self.prompt + tokens * self.token)


class TurnGate:
    """Implements `core.provider.RequestGate` for the requests of one turn.

    chat      the id of the chat
    limits    returns the limits in force, which may change while the turn runs
    run       limit of a script's run in US dollars: of what the chat costs from now on
    recorded  True if the ledger gets the costs of the turn
    unpriced  returns True if models without a known price may be used
    shared    the limit of the chat, if copies of the chat spend from it
    """

    where = IN_CHAT  # the money of `chat` is spent

    def __init__(
        self, budget: Budget, chat: str, limits: Callable[[], Limits], unpriced: Callable[[], bool],
        *, run: Decimal | None = None, recorded: bool = False, shared: SharedLimit | None = None,
    ) -> None:  # fmt: skip
        self._budget = budget
        self._chat = chat
        self._limits = limits
        self._unpriced = unpriced
        self._run = run
        self._recorded = recorded
        self._shared = shared
        self._beside = Decimal(0)  # the part of the limit of the chat that copies have spent
        self._sent: Bill | None = None
        self._open: list[_Admitted] = []
        self._settled: dict[str, Decimal] = {}

    async def admit(self, bill: Bill) -> Admission:
        """Reserve the most that a request can cost. Raises ProviderError if that does not fit."""
        async with self._shared.lock if self._shared else nullcontext():
            return await self._admit(bill)

    async def _admit(self, bill: Bill) -> Admission:
        self._sent = bill
        limits = await self._effective_limits()
        prices, model = self._budget.prices, bill.origin.ref
        if not limits or (prices and prices.is_free(model)):
            return Admission()
        if not self._unpriced() and bill.request.params.search:
            raise ProviderError(unbounded_search(model))
        info = self._budget.providers.model_info(model)
        window, most = (info.context, info.max_output) if info else (None, None)
        tokens = prompt_bound(bill.request, self._budget.counted.get(bill.origin), window)
        longest = reply_bound(bill.max_tokens, most, window)
        found = await _price(prices, bill, tokens) if prices else None
        if found is None:
            if self._unpriced():
                return Admission()
            raise ProviderError(unpriced_model(model, limits))
        return await self._reserve(bill, limits, tokens, longest, found)

    def unlimited(self, origin: Origin) -> None:
        """Report that a server takes no limit of the reply. Raises ProviderError."""
        self._settle_last(Decimal(0))
        raise ProviderError(cannot_limit(origin.ref))

    def failed(self, usage: Usage | None, *, accepted: bool) -> None:
        """Release the reservation of an attempt that its server refused, or charge for one that it had accepted."""
        last = self._open[-1] if self._open else None
        if last:
            self._settle_last(last.estimate(usage) if accepted else Decimal(0))

    def count(self, requests: Sequence[RequestCost]) -> None:
        """Settle the reservations of a step by its counted requests. The ledger keeps what is known, if it is used."""
        rest = list(self._open)
        spent = Decimal(0)
        for request in reversed(requests):
            admitted = next((found for found in reversed(rest) if found.origin.ref == request.origin.ref), None)
            known = request.cost
            if admitted is None:
                spent += known or Decimal(0)
                continue
            rest.remove(admitted)
            charge = admitted.estimate(request.usage) if known is None else known
            self._settled[admitted.id] = charge if known is None or not self._recorded else Decimal(0)
            spent += charge
        for admitted in rest:  # attempts that no server has counted
            self._settled[admitted.id] = admitted.amount if admitted.failed else admitted.estimate(None)
            spent += self._settled[admitted.id]
        self._open.clear()
        before = self._budget.spent
        if before is not None:
            self._budget.spent = replace(before, chat=before.chat + spent, day=before.day + spent)

    def note(self, origin: Origin, usage: Usage) -> None:
        """Remember what the provider counted of the last request."""
        if self._sent and self._sent.origin == origin and usage.input and not usage.estimated:
            self._budget.counted[origin] = CountedRequest(self._sent.request, usage)

    def close(self) -> None:
        """Settle all reservations of the turn, after the ledger has its requests."""
        for admitted in self._open:
            self._settled.setdefault(admitted.id, admitted.estimate(None))
        self._open.clear()
        if self._settled:
            self._budget.store.settle(self._settled)
            self._settled = {}

    async def _effective_limits(self) -> Limits:
        """Return the limits; that of a run is one of the chat, above what the chat has cost before."""
        limits, run = self._limits(), self._run
        if self._shared and limits.chat is not None:
            self._beside = await self._shared.beside(self._budget)
            limits = replace(limits, chat=limits.chat - self._beside)
        if run is None:
            return limits
        if self._budget.run_base is None:
            self._budget.run_base = (await self._budget.read(self._chat)).chat
        most = self._budget.run_base + run
        return replace(limits, chat=most if limits.chat is None else min(most, limits.chat))

    async def _reserve(
        self, bill: Bill, limits: Limits, tokens: int, longest: int, price: tuple[Decimal, Decimal]
    ) -> Admission:
        """Reserve the amount of a request, with a shorter reply if the longest is too much."""
        prompt, token = price
        reply = longest
        tried = 0
        while True:
            tried += 1
            wanted = Reservation(uuid4().hex, self._chat, time.time(), prompt + reply * token)
            self._settled[wanted.id] = Decimal(0)  # until it is sure that the request is sent
            found = await self._ask(wanted, limits)
            if found.fits:
                del self._settled[wanted.id]
                self._open.append(_Admitted(wanted.id, bill.origin, time.monotonic(), wanted.amount, prompt, token))
                return self._admission(reply, longest)
            rest = left(limits, found.before) - prompt
            reply = min(int(rest / token), reply - 1) if token and rest > 0 else -1
            least = min(longest, bounds()["least_reply"])
            if reply < least or tried == _TRIES:
                cost = prompt + least * token
                before = replace(found.before, chat=found.before.chat + self._beside)
                if limits.chat is not None:
                    limits = replace(limits, chat=limits.chat + self._beside)
                raise ProviderError(would_cross(limits, before, cost, tokens, bill.origin.ref, self.where))

    async def _ask(self, wanted: Reservation, limits: Limits) -> Reserved:
        settled = {name: amount for name, amount in self._settled.items() if name != wanted.id}
        found = await self._budget.store.reserve(wanted, limits, settled, midnight())
        if found is None:
            found = await self._budget.fall_back().reserve(wanted, limits, settled, midnight())
            assert found is not None, "memory can be used"
        for name in settled:
            self._settled.pop(name, None)
        self._budget.spent = found.before
        return found

    def _admission(self, reply: int, longest: int) -> Admission:
        words: list[Safe] = []
        if self._budget.in_memory_only and self._budget.announce("memory"):
            words.append(safe_format("The spending of other chats cannot be read now; only this run counts."))
        if reply == longest:
            return Admission(None, join(" ", words))
        if self._budget.announce("short reply"):
            words.append(
                safe_format(
                    "The budget leaves room for a reply of {n} tokens; a longer one is cut off.", n=safe(f"{reply:,}")
                )
            )
        return Admission(reply, join(" ", words))

    def _settle_last(self, amount: Decimal) -> None:
        if self._open:
            self._settled[self._open[-1].id] = amount
            self._open[-1] = replace(self._open[-1], amount=amount, failed=True)


async def _price(prices: Prices, bill: Bill, tokens: int) -> tuple[Decimal, Decimal] | None:
    """Return the most that a prompt of so many tokens costs, and a token of the reply; None if no price is known."""
    model = bill.origin.ref
    tiers = {bill.tier, ""}  # a server may process the request at the standard price instead
    if bill.tier == BATCH_TIER:  # never by another
        tiers = {BATCH_TIER}
    prompts: list[Decimal] = []
    replies: list[Decimal] = []
    for tier in tiers:
        for usage in (Usage(tokens, tier=tier), Usage(tokens, cache_write=tokens, tier=tier)):
            sent = await prices.cost(model, usage)
            whole = await prices.cost(model, replace(usage, output=_MANY))
            if sent is None or whole is None:
                return None
            prompts.append(sent)
            replies.append((whole - sent) / _MANY)
    return max(prompts), max(replies)
