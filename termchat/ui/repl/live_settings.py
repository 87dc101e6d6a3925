"""What /set and /theme change in the REPL: the change is made, and its share of the screen is seen at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import assert_never

from termchat.commands.model import failure_effects
from termchat.config.keymap import Action
from termchat.config.runtime import RuntimeSettings
from termchat.config.settings import EnterKey, Links, QueueMode, Settings, UsageLine
from termchat.core.effects import ChangeSetting, Effect, PreviewTheme, Print
from termchat.core.errors import Failure
from termchat.core.sanitize import safe_format
from termchat.core.style import Theme
from termchat.ui.frontend import FrontendContext
from termchat.ui.repl.panels.picker import Picker
from termchat.ui.repl.panels.style import PromptToolkitStyle
from termchat.ui.repl.transcript import Transcript
from termchat.ui.repl.turns import TurnRunner
from termchat.ui.terminal.capabilities import background, supports_hyperlinks
from termchat.ui.text.palette import Palette
from termchat.ui.theme_sample import sample_lines
from termchat.ui.turn_state import Think

Act = Callable[[], None]


def configured(preferences: RuntimeSettings | None, effect: ChangeSetting) -> tuple[bool, Sequence[Effect]]:
    """Make the change; whether it was made, and what is to be said."""
    if preferences is None:
        return False, (Print(safe_format("There are no settings here.")),)
    done = preferences.change(effect.key, effect.value, save=effect.save)
    return (False, failure_effects(done)) if isinstance(done, Failure) else (True, (Print(done),))


class SettingsApplier:
    """Makes the parts of the screen fit the settings. `changed` has the screen drawn again."""

    def __init__(
        self,
        house: FrontendContext,
        talk: TurnRunner,
        painter: Transcript,
        skin: PromptToolkitStyle,
        picker: Picker,
        changed: Act,
    ) -> None:
        self._house = house
        self._talk = talk
        self._painter = painter
        self._skin = skin
        self._picker = picker
        self._changed = changed
        self._background = background(house.env)
        self._theme = house.theme
        self._enter_sends = house.look.enter_sends
        self._fits: Mapping[str, Callable[[Settings], None]] = {
            "theme": lambda _: self._wear_own(),
            "usage": self._usage,
            "reasoning": self._reasoning,
            "enter": self._enter,
            "queue": self._queue,
            "hyperlinks": self._links,
        }

    def do(self, effect: ChangeSetting | PreviewTheme) -> Sequence[Effect]:
        """Perform the effect; what is to be said of it."""
        match effect:
            case ChangeSetting(key):
                done, said = configured(self._house.preferences, effect)
                if done and self._house.preferences and (fit := self._fits.get(key)):
                    fit(self._house.preferences.settings)
                elif not done:
                    self._apply_theme(self._theme)  # a preview may have gone before
                return said
            case PreviewTheme(name):
                self._preview(name)
                return ()
        assert_never(effect)

    def background_detected(self, kind: str) -> bool:
        """The terminal has told its background; whether that changes the colours."""
        self._background = kind
        preferences = self._house.preferences
        follows = preferences is not None and preferences.settings.theme == "auto"
        if follows:
            self._wear_own()
        return follows

    def with_enter_key(self, actions: Mapping[Action, Act], choosing: Callable[[], bool]) -> dict[Action, Act]:
        """The actions, with those of Enter and Alt-Enter by the setting: while something is chosen, Enter takes it."""
        enter, newline = actions[Action.ENTER], actions[Action.NEWLINE]

        def first() -> None:
            (enter if self._enter_sends or choosing() else newline)()

        def second() -> None:
            (newline if self._enter_sends else enter)()

        return {**actions, Action.ENTER: first, Action.ALT_ENTER: second}

    def _preview(self, name: str) -> None:
        preferences = self._house.preferences
        theme = preferences.theme(name, self._background) if preferences and name else self._theme
        if isinstance(theme, Theme):
            self._picker.footer = sample_lines() if name else ()
            self._apply_theme(theme)

    def _wear_own(self) -> None:
        theme = self._house.preferences.theme("", self._background) if self._house.preferences else self._theme
        if isinstance(theme, Theme):
            self._theme = theme
        self._apply_theme(self._theme)

    def _apply_theme(self, theme: Theme) -> None:
        self._skin.use(theme)
        self._painter.palette = Palette(theme, self._house.look.depth)
        self._changed()

    def _usage(self, settings: Settings) -> None:
        self._talk.view = replace(self._talk.view, usage_line=settings.usage is UsageLine.LINE)

    def _reasoning(self, settings: Settings) -> None:
        self._talk.show_thinking(Think(settings.reasoning.value))

    def _enter(self, settings: Settings) -> None:
        self._enter_sends = settings.enter is EnterKey.SEND

    def _queue(self, settings: Settings) -> None:
        self._talk.together = settings.queue is QueueMode.TOGETHER

    def _links(self, settings: Settings) -> None:
        wanted = settings.hyperlinks
        self._painter.hyperlinks = wanted is Links.ON or (wanted is Links.AUTO and supports_hyperlinks(self._house.env))
