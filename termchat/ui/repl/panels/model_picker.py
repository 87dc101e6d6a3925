"""Models for the picker."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from termchat.commands.registry import match_rank
from termchat.core.effects import Choice, Effect, Print, UseModel
from termchat.core.errors import ProviderError
from termchat.core.models import ModelInfo, ModelRef
from termchat.core.provider import Providers
from termchat.core.sanitize import EMPTY, Safe, join, safe_format, safe_line
from termchat.core.session import Session
from termchat.ui.phrases import count
from termchat.ui.repl.panels.picker import PickerSource


class ModelSource(PickerSource):
    """The known models at once; `load` adds the models that the providers list."""

    def __init__(self, session: Session, providers: Providers) -> None:
        self._current = session.model
        self._providers = providers
        self._usable = frozenset(providers.usable_providers())
        known = [self._current, *(ref for ref in providers.known_models() if ref != self._current)]
        choices = [self._choice(ref) for ref in known]
        super().__init__(safe_format("Model"), choices, safe_format("loading models…"))

    async def load(self) -> None:
        """Add the models of all usable providers; name the providers that fail in the note."""
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
        known = {choice.label for choice in self.choices}
        new = [self._choice(info.ref, info) for info in listed]
        self.choices = [*self.choices, *(choice for choice in new if choice.label not in known)]
        self.note = safe_format("type to filter · no list from {names}", names=join(", ", failed)) if failed else EMPTY

    def _choice(self, ref: ModelRef, info: ModelInfo | None = None) -> Choice:
        parts = [safe_line(info.title)] if info and info.title and info.title != ref.model else []
        if info and info.context:
            parts.append(count(info.context))
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


def use_model_effects(model: ModelRef) -> tuple[Effect, ...]:
    """Return the effects that switch to a model and name it in the transcript."""
    return (UseModel(model), Print(safe_format("→ {model}", model=safe_line(str(model)))))
