"""Models for the picker."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from termchat.commands.registry import match_rank
from termchat.core.effects import Choice, Effect, Print, UseModel
from termchat.core.errors import ProviderError
from termchat.core.messages import Role
from termchat.core.models import ModelInfo, ModelRef
from termchat.core.provider import Providers
from termchat.core.sanitize import EMPTY, Safe, join, safe_format, safe_line
from termchat.core.session import Session, SwitchCost
from termchat.core.style import TextRole
from termchat.ui.phrases import count, lacking_words, money
from termchat.ui.repl.panels.picker import PickerSource
from termchat.ui.text.line import Line, styled_line


class ModelSource(PickerSource):
    """The known models at once; `load` adds the models that the providers list."""

    def __init__(self, session: Session, providers: Providers) -> None:
        self._session = session
        self._current = session.model
        self._costed: set[ModelRef] = set()
        self._priced = False
        self._providers = providers
        self._usable = frozenset(providers.usable_providers())
        known = [self._current, *(ref for ref in providers.known_models() if ref != self._current)]
        choices = [self._choice(ref, providers.model_info(ref) if ref == self._current else None) for ref in known]
        super().__init__(safe_format("Model"), choices, safe_format("loading models…"))

    async def load(self) -> None:
        """Add the models of all usable providers; name the providers that fail in the note.

        In a chat with replies, each row tells the price of reading the chat, the footer how long it is.
        """
        await self._add_costs()
        names = list(self._providers.usable_providers())
        answers = await asyncio.gather(*(self._providers.models(name) for name in names), return_exceptions=True)
        listed: list[ModelInfo] = []
        failed: list[Safe] = []
        for name, answer in zip(names, answers, strict=True):
            if isinstance(answer, ProviderError):
                failed.append(safe_line(name))
            elif isinstance(answer, BaseException):
                raise answer
            else:
                listed += answer
        new = {choice.label: choice for choice in (self._choice(info.ref, info) for info in listed)}
        self._costed -= {info.ref for info in listed}  # their rows lose the price with the facts they get
        self.choices = [new.pop(choice.label, choice) for choice in self.choices] + list(new.values())
        self.note = safe_format("type to filter · no list from {names}", names=join(", ", failed)) if failed else EMPTY
        await self._add_costs()

    async def _add_costs(self) -> None:
        """Add the price of reading this chat to the rows that have none; the first call also sets the footer."""
        if not any(message.role is Role.ASSISTANT for message in self._session.conversation.history()):
            return
        rows = list(self.choices)
        for n, choice in enumerate(rows):
            ref = ModelRef.parse(choice.label)
            if ref is None or ref in self._costed:
                continue
            self._costed.add(ref)
            cost = await self._session.switch_cost(ref)
            if cost is None:
                continue
            if not self.footer or (cost.price is not None and not self._priced):
                self._priced = cost.price is not None
                self.footer = _footer(cost)
            if cost.price is not None:
                price = safe_format("~{sum}", sum=money(cost.price))
                rows[n] = replace(choice, detail=join(" · ", [*([choice.detail] if choice.detail else []), price]))
            await asyncio.sleep(0)  # hundreds of look-ups would hold up the keys
        self.choices = rows

    def _choice(self, ref: ModelRef, info: ModelInfo | None = None) -> Choice:
        parts = [safe_line(info.title)] if info and info.title and info.title != ref.model else []
        if info and info.context:
            parts.append(count(info.context))
        parts += lacking_words(info)
        if ref.provider not in self._usable:
            parts.append(safe_format("not set up"))
        if ref == self._current:
            parts.append(safe_format("current"))
        usable = ref.provider in self._usable or ref == self._current
        return Choice(safe_line(str(ref)), join(" · ", parts), use_model_effects(ref), usable=usable)

    def search(self, text: str) -> Sequence[Choice]:
        """Return the models that match; a whole name that no list has comes last, as typed."""
        found, name = super().search(text), text.strip()
        ref = ModelRef.parse(name)
        if ref is None or ref.provider not in self._usable or any(match_rank(c.label, name) == 0 for c in found):
            return found
        return [*found, Choice(safe_line(str(ref)), safe_format("as typed, not in a list"), use_model_effects(ref))]


def _footer(cost: SwitchCost) -> Sequence[Line]:
    """Return the lines that explain the prices of the rows, or tell the size of the chat if no row has one."""
    words = [
        safe_format("  the next message sends this chat, ~{n} tokens", n=count(cost.tokens))
        if cost.price is None
        else safe_format("  price: sending this chat, ~{n} tokens", n=count(cost.tokens))
    ]
    if cost.cached and cost.before:
        name = safe_line(cost.before.model)
        words.append(safe_format("  not reused: {n} cached for {name}", n=count(cost.cached), name=name))
    return [styled_line(line, TextRole.DIM) for line in words]


def use_model_effects(model: ModelRef) -> tuple[Effect, ...]:
    """Return the effects that switch to a model and name it in the transcript."""
    return (UseModel(model), Print(safe_format("→ {model}", model=safe_line(str(model)))))
