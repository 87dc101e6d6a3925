"""The budget of a session: the limits in force, the store of reservations, and the gate of each turn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal

from termchat.core.chat_store import ChatStore
from termchat.core.usage import BudgetState, SpendingStore, Spent, limit_of
from termchat.engine.budget import Budget, SharedLimit, TurnGate
from termchat.engine.chat_settings import limits_of
from termchat.engine.turn import TurnConfig


class SessionBudget:
    """The spending of one session.

    config        returns the configuration in use
    store         returns the open chat store, None if nothing is saved
    open_shared   opens the store of all chats, for the limit of a day when nothing is saved
    one_shot      True for a script, whose `max_cost` limits the run
    """

    def __init__(
        self,
        first: TurnConfig,
        config: Callable[[], TurnConfig],
        store: Callable[[], ChatStore | None],
        open_shared: Callable[[], ChatStore] | None,
        *,
        one_shot: bool,
    ) -> None:
        self._config = config
        self._store = store
        self.open_shared = open_shared
        self._shared: ChatStore | None = None
        self._copies: list[SessionBudget] = []  # of the chat in use, which spend from its limit
        self._limit = SharedLimit()  # of the chat in use and its copies
        self._run = limit_of(first.max_cost) if one_shot else None
        self._budget = Budget(first.providers, first.budget_prices or first.prices, self._spending)

    @property
    def state(self) -> BudgetState:
        """The limits in force, and the figures of the last request."""
        return BudgetState(limits_of(self._config()), self._with_copies(self._budget.spent))

    async def read(self, chat: str) -> BudgetState:
        """Read what a chat and this day have cost."""
        self._limit.join(self._budget, chat)
        spent = await self._budget.read(chat)
        return BudgetState(limits_of(self._config()), self._with_copies(spent))

    def share(self, copy: SessionBudget, chat: str) -> None:
        """Let a copy of the chat spend from the limit of the chat."""
        self._limit.join(self._budget, chat)
        self._copies.append(copy)
        copy._limit = self._limit

    def _with_copies(self, spent: Spent | None) -> Spent | None:
        """Add what the copies of the chat have spent, as far as it is known."""
        if spent is None:
            return None
        held = sum((copy.chat_reserved for copy in self._spent_by_copies()), spent.chat_reserved)
        return replace(spent, chat=spent.chat + self._of_copies(), chat_reserved=held)

    def _of_copies(self) -> Decimal:
        return sum((spent.chat for spent in self._spent_by_copies()), Decimal(0))

    def _spent_by_copies(self) -> list[Spent]:
        return [spent for copy in self._copies if (spent := copy.state.spent)]

    def gate(self, chat: str, current: Callable[[], TurnConfig], *, recorded: bool) -> TurnGate:
        """Return the gate that every request of a turn passes.

        current    returns the configuration whose limits are in force while the turn runs
        recorded   True if the usage ledger gets the costs of the turn
        """
        self._limit.join(self._budget, chat)
        return TurnGate(
            self._budget,
            chat,
            lambda: limits_of(current()),
            lambda: current().unpriced,
            run=self._run,
            recorded=recorded,
            shared=self._limit,
        )

    def new_chat(self) -> None:
        """Forget the figures of the last chat and its copies."""
        self._copies, self._limit = [], SharedLimit()
        self._budget.new_chat()

    async def close(self) -> None:
        """Close the store of all chats, if it was opened for its reservations only."""
        if self._shared:
            await self._shared.close()

    def _spending(self) -> SpendingStore | None:
        if found := self._store():
            return found.spending
        if self._shared is None and self.open_shared and limits_of(self._config()).day is not None:
            self._shared = self.open_shared()
        return self._shared.spending if self._shared else None


def chat_config(config: TurnConfig, *, one_shot: bool) -> TurnConfig:
    """Return the configuration of a chat: `max_cost` of a script limits its run instead."""
    return replace(config, max_cost="") if one_shot else config
