"""The models to choose from: price, context, abilities, and the cost of a switch."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from decimal import Decimal

from termchat.commands.model import use_model_effects
from termchat.core.effects import Choice
from termchat.core.errors import ProviderError
from termchat.core.messages import Role
from termchat.core.models import ModelInfo, ModelRef
from termchat.core.provider import Providers
from termchat.core.sanitize import EMPTY, Safe, join, safe, safe_format, safe_line
from termchat.core.session import Rates, Session, SwitchCost
from termchat.core.style import TextRole
from termchat.ui.phrases import count, lacking_words, money
from termchat.ui.text.line import Line, styled_line

_RECENT = 8  # models


class ModelChoices:
    """The known models at once; `load` adds the models that the providers list, the prices and the recent models.

    The order: the model in use, the favourites, the recently used, all others.
    """

    def __init__(self, session: Session, providers: Providers) -> None:
        self._session = session
        self._providers = providers
        self._current = session.model
        self._usable = frozenset(providers.usable_providers())
        self._recent: Sequence[ModelRef] = ()
        self._infos: dict[ModelRef, ModelInfo] = {}
        self._rates: dict[ModelRef, Rates | None] = {}
        self._switches: dict[ModelRef, SwitchCost | None] = {}
        self._is_chat = any(message.role is Role.ASSISTANT for message in session.conversation.history())
        if info := providers.model_info(self._current):
            self._infos[self._current] = info
        self.unlisted: Sequence[str] = ()  # usable providers that list no models

    async def load(self, changed: Callable[[], None]) -> None:
        """Add all facts; call `changed` after each step that may change the rows."""
        store = self._session.chat_store
        self._recent = await store.recent_models(_RECENT) if store else ()
        changed()
        await self._add_prices()
        changed()
        await self._add_listings()
        changed()
        await self._add_prices()
        changed()

    def rows(self) -> list[Choice]:
        """Return a row for each model."""
        first = (self._current, *self._providers.favourites, *self._recent)
        return [self._row(ref) for ref in dict.fromkeys((*first, *self._providers.known_models(), *self._infos))]

    def footer(self) -> Sequence[Line]:
        """Return the lines that explain the prices of the rows, and tell the size of the chat if it has replies."""
        words: list[Safe] = []
        if any(rates and not rates.free for rates in self._rates.values()):
            words.append(safe_format("  prices: US dollars per million tokens, input/output"))
        switches = [cost for cost in self._switches.values() if cost]
        priced = [cost for cost in switches if cost.price is not None]
        if cost := next(iter(priced or switches), None):
            tokens = count(cost.tokens)
            words.append(
                safe_format("  now: what sending this chat costs, ~{n} tokens", n=tokens)
                if priced
                else safe_format("  the next message sends this chat, ~{n} tokens", n=tokens)
            )
            if cost.cached and cost.before:
                name = safe_line(cost.before.model)
                words.append(safe_format("  not reused: {n} cached for {name}", n=count(cost.cached), name=name))
        return [styled_line(line, TextRole.DIM) for line in words]

    async def _add_listings(self) -> None:
        """Add the models of all usable providers."""
        names = list(self._providers.usable_providers())
        answers = await asyncio.gather(*(self._providers.models(name) for name in names), return_exceptions=True)
        failed: list[str] = []
        for name, answer in zip(names, answers, strict=True):
            if isinstance(answer, ProviderError):
                failed.append(name)
            elif isinstance(answer, BaseException):
                raise answer
            else:
                self._infos.update((info.ref, info) for info in answer)
        self.unlisted = failed

    async def _add_prices(self) -> None:
        """Add the prices of the rows that have none, and in a chat with replies the price of sending it."""
        for row in self.rows():
            ref = ModelRef.parse(row.label)
            if ref is None or ref in self._rates or ref.provider not in self._usable:
                continue
            self._rates[ref] = await self._session.rates(ref)
            if self._is_chat:
                self._switches[ref] = await self._session.switch_cost(ref)
            await asyncio.sleep(0)  # hundreds of look-ups would hold up the keys

    def _row(self, ref: ModelRef) -> Choice:
        usable = ref.provider in self._usable or ref == self._current
        detail = join(" · ", [*self._prices(ref), *self._state(ref), *_facts(self._infos.get(ref))])
        return Choice(safe_line(str(ref)), detail, use_model_effects(ref), usable=usable)

    def _state(self, ref: ModelRef) -> list[Safe]:
        states = [safe_format("current")] if ref == self._current else []
        if ref in self._providers.favourites:
            states.append(safe_format("favourite"))
        elif ref in self._recent and ref != self._current:
            states.append(safe_format("recent"))
        return states if ref.provider in self._usable else [*states, safe_format("not set up")]

    def _prices(self, ref: ModelRef) -> list[Safe]:
        rates, switch = self._rates.get(ref), self._switches.get(ref)
        prices = [rates_words(rates)] if rates else []
        if switch and switch.price is not None:
            prices.append(safe_format("now ~{sum}", sum=money(switch.price)))
        return prices


def rates_words(rates: Rates) -> Safe:
    """Return the prices of a model, `$1.25/$10`, with `~` before list prices of another vendor; `free`."""
    if rates.free:
        return safe_format("free")
    about = "~" if rates.about else ""
    return safe(f"{about}${_dollars(rates.input)}/${_dollars(rates.output)}")


def _dollars(amount: Decimal) -> str:
    """Return an amount with as many decimals as it has, at most four: `10`, `1.25`, `0.075`."""
    return f"{amount:.4f}".rstrip("0").rstrip(".")


def _facts(info: ModelInfo | None) -> list[Safe]:
    if info is None:
        return []
    context = [count(info.context)] if info.context else []
    title = [safe_line(info.title)] if info.title and info.title != info.ref.model else []
    return [*context, *lacking_words(info), *title]


def without_list(names: Sequence[str]) -> Safe:
    """Return `no list from NAME, NAME`, EMPTY for no names."""
    return safe_format("no list from {names}", names=safe_line(", ".join(names))) if names else EMPTY
