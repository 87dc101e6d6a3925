"""Settings changed by /set and /theme, applied to the running REPL."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import assert_never

from termchat.config.keys.key_bindings import Action
from termchat.config.settings import Links, QueueMode, Settings
from termchat.core.effects import ChangeSetting, Effect, PreviewTheme, Print
from termchat.core.sanitize import Safe, safe_format
from termchat.core.style import Theme
from termchat.ui.chat_effects import configured
from termchat.ui.frontend import FrontendContext
from termchat.ui.next_steps import key_labels
from termchat.ui.repl.turns import TurnRunner
from termchat.ui.repl.widgets import Widgets
from termchat.ui.terminal.capabilities import background, supports_hyperlinks
from termchat.ui.text.palette import Palette
from termchat.ui.text.theme_sample import sample_lines

Act = Callable[[], None]


class SettingsApplier:
    """Applies changed settings to the screen. `changed` redraws the live region."""

    def __init__(self, context: FrontendContext, widgets: Widgets, turns: TurnRunner, changed: Act) -> None:
        self._context = context
        self._turns = turns
        self._transcript = widgets.transcript
        self._style = widgets.style
        self._picker = widgets.picker
        self._changed = changed
        self._background = background(context.env)
        self._theme = context.theme
        self._appliers: Mapping[str, Callable[[Settings], None]] = {
            "theme": lambda _: self._apply_own_theme(),
            "usage": self._usage,
            "reasoning": self._reasoning,
            "queue": self._queue,
            "hyperlinks": self._links,
            "math": self._math,
            "enter": lambda _: self._name_keys(),
        }
        self._name_keys()

    def apply(self, effect: ChangeSetting | PreviewTheme) -> Sequence[Effect]:
        """Change the setting or preview the theme; return the effects that report the result."""
        match effect:
            case ChangeSetting(key):
                done, report = configured(self._context.preferences, effect)
                if done and self._context.preferences and (apply := self._appliers.get(key)):
                    apply(self._context.preferences.settings)
                elif not done:
                    self._apply_theme(self._theme)  # ends a preview
                if done and key == "enter":
                    return (*report, Print(self._enter_words()))
                return report
            case PreviewTheme(name):
                self._preview(name)
                return ()
        assert_never(effect)

    def _name_keys(self) -> None:
        """Name the user's keys in the hints below a reply."""
        labels = key_labels(self._context.look.keys, self._context.sends)
        self._turns.view = replace(self._turns.view, step_labels=labels)

    def _enter_words(self) -> Safe:
        keys = self._context.look.keys
        enter, other = keys.label(Action.ENTER), keys.label(Action.ALT_ENTER)
        if self._context.enter_sends:
            return safe_format("{enter} sends now, and {other} breaks the line.", enter=enter, other=other)
        return safe_format("{enter} breaks the line now, and {other} sends.", enter=enter, other=other)

    def background_detected(self, kind: str) -> bool:
        """Store the background that the terminal reports; return True if the theme depends on it."""
        self._background = kind
        preferences = self._context.preferences
        follows = preferences is not None and preferences.settings.theme == "auto"
        if follows:
            self._apply_own_theme()
        return follows

    def _preview(self, name: str) -> None:
        preferences = self._context.preferences
        theme = preferences.theme(name, self._background) if preferences and name else self._theme
        if isinstance(theme, Theme):
            self._picker.show_footer(sample_lines() if name else ())
            self._apply_theme(theme)

    def _apply_own_theme(self) -> None:
        theme = self._context.preferences.theme("", self._background) if self._context.preferences else self._theme
        if isinstance(theme, Theme):
            self._theme = theme
        self._apply_theme(self._theme)

    def _apply_theme(self, theme: Theme) -> None:
        self._style.use(theme)
        self._transcript.palette = Palette(theme, self._context.look.depth)
        self._changed()

    def _usage(self, settings: Settings) -> None:
        self._turns.show_usage_line(settings.usage)

    def _reasoning(self, settings: Settings) -> None:
        self._turns.show_reasoning(settings.reasoning)

    def _queue(self, settings: Settings) -> None:
        self._turns.merge_queue(merged=settings.queue is QueueMode.TOGETHER)

    def _math(self, settings: Settings) -> None:
        self._transcript.math = settings.math

    def _links(self, settings: Settings) -> None:
        wanted = settings.hyperlinks
        self._transcript.hyperlinks = wanted is Links.ON or (
            wanted is Links.AUTO and supports_hyperlinks(self._context.env)
        )
