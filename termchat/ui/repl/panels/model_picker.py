"""Models for the picker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from termchat.commands.model import use_model_effects
from termchat.commands.registry import match_rank
from termchat.config.keys.key_bindings import KeyMap
from termchat.config.runtime import RuntimeSettings
from termchat.core.effects import Choice
from termchat.core.errors import Failure
from termchat.core.models import ModelRef
from termchat.core.provider import Effort, Providers, split_effort
from termchat.core.sanitize import EMPTY, Safe, join, safe_format, safe_line
from termchat.core.session import Session
from termchat.ui.model_choices import ModelChoices, without_list
from termchat.ui.repl.panels.picker import PickerSource, list_keys


class ModelSource(PickerSource):
    """The known models at once; `load` adds those that the providers list. `NAME:EFFORT` also sets the effort.

    settings   saves the favourites; None leaves them as they are
    """

    def __init__(self, session: Session, providers: Providers, settings: RuntimeSettings | None = None) -> None:
        self._models = ModelChoices(session, providers)
        self._usable = frozenset(providers.usable_providers())
        self._settings = settings
        super().__init__(safe_format("Model"), self._models.rows(), safe_format("loading models…"), is_aligned=True)
        self.tab = safe_format("favourite") if settings else EMPTY
        self._failed = EMPTY

    def hint(self, keys: KeyMap) -> Safe:
        """Return what failed before the keys."""
        return self.note or join(" · ", [words for words in (self._failed, list_keys(keys, self.tab)) if words])

    async def load(self, changed: Callable[[], None]) -> None:
        """Add the recent models, the listed models and the prices; name the providers that fail in the note."""

        def update() -> None:
            self._update()
            changed()

        await self._models.load(update)
        self.note, self._failed = EMPTY, without_list(self._models.unlisted)
        changed()

    def search(self, text: str) -> Sequence[Choice]:
        """Return the models that match; a whole name that no list has comes last, as typed."""
        found, (name, effort) = super().search(text), split_effort(text.strip())
        if effort and not found:
            return [_with_effort(choice, effort) for choice in self._named(super().search(name), name)]
        return self._named(found, text.strip())

    def on_tab(self, marked: Choice | None) -> None:
        """Make the marked model a favourite, or no longer."""
        ref = ModelRef.parse(marked.label) if marked else None
        if ref is None or self._settings is None:
            return
        changed = self._settings.toggle_favourite(ref)
        self.note = changed.message if isinstance(changed, Failure) else EMPTY
        self._update()

    def _update(self) -> None:
        self.choices, self.footer = self._models.rows(), self._models.footer()

    def _named(self, found: Sequence[Choice], name: str) -> Sequence[Choice]:
        ref = ModelRef.parse(name)
        if ref is None or ref.provider not in self._usable or any(match_rank(c.label, name) == 0 for c in found):
            return found
        return [*found, Choice(safe_line(str(ref)), safe_format("as typed, not in a list"), use_model_effects(ref))]


def _with_effort(choice: Choice, effort: Effort) -> Choice:
    """Return the row of a model that also sets an effort."""
    ref = ModelRef.parse(choice.label)
    words: list[Safe] = [safe_format("effort {effort}", effort=Safe(effort.value))]
    effects = use_model_effects(ref, effort) if ref else choice.effects
    return replace(choice, detail=join(" · ", [*words, choice.detail or EMPTY]), effects=effects)
