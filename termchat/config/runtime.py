"""Settings while termchat runs: their values, sources and changes.

A setting that is declared `per_chat` is read from the session and changed for this chat only; if it is saved to the
config file, it applies to new chats as well. Every other setting applies to the whole run. A setting that is not
`changeable` can only be saved.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple, TypeAlias

from termchat.config.load import Config
from termchat.config.setting_types import Value
from termchat.config.settings import SETTINGS, Setting, Settings, Unpriced, format_value, with_values
from termchat.config.system_prompt import system_prompt
from termchat.config.themes import BY_BACKGROUND, load_theme, theme_folders, theme_names
from termchat.config.toml_file import ConfigError, did_you_mean, read_toml
from termchat.config.write import change_lists, write_setting
from termchat.core.errors import Failure, FailureKind
from termchat.core.models import ModelRef
from termchat.core.provider import Params, Providers
from termchat.core.sanitize import EMPTY, Safe, join, safe_format, safe_line
from termchat.core.session import Session, TurnSettings
from termchat.core.style import Theme

DEFAULT = "default"  # the value that resets a setting to its default
KEEP = ""  # the value that means the current one, to save it
_AUTO = "auto"
_OFFLINE = "demo"  # the provider that needs no model
_SHOWN = 60  # characters of a value

_Check: TypeAlias = "Callable[[str], str | Failure]"
_Apply: TypeAlias = "Callable[[TurnSettings, Settings], TurnSettings]"


def _param(name: str) -> _Apply:
    return lambda current, to: replace(current, params=replace(current.params, **{name: getattr(to, name)}))


_APPLIERS: Mapping[str, _Apply] = {
    **{name: _param(name) for name in Params.__slots__ if name in SETTINGS},
    "system": lambda current, to: replace(current, system=to.system),
    "max_rounds": lambda current, to: replace(current, max_rounds=to.max_rounds),
    "idle_timeout": lambda current, to: replace(current, timeouts=to.timeouts),
    "max_cost": lambda current, to: replace(current, max_cost=to.max_cost),
    "fit": lambda current, to: replace(current, fit=to.fit),
    "max_cost_day": lambda current, to: replace(current, max_cost_day=to.max_cost_day),
    "unpriced": lambda current, to: replace(current, unpriced=to.unpriced is Unpriced.ALLOW),
}


class SettingRow(NamedTuple):
    """The current state of a setting: its value on one line ("" if it is not set), and the source of the value."""

    setting: Setting
    value: Safe
    where: Safe


class RuntimeSettings:
    """The settings of a run; `first` is the model of new chats if none is set."""

    def __init__(
        self, config: Config, session: Session, providers: Providers, env: Mapping[str, str], first: ModelRef
    ) -> None:
        self._config = config
        self._session = session
        self._providers = providers
        self._env = env
        self._first = first
        self._folders = theme_folders(config.paths)
        self._checks: Mapping[str, _Check] = {"model": self._model, "system": _system, "theme": self._theme}

    @property
    def settings(self) -> Settings:
        """The settings of this run; those that belong to a chat have the values of new chats."""
        return self._config.settings

    @property
    def file(self) -> Path:
        """The config file, which may not exist."""
        return self._config.file

    @property
    def prompts(self) -> Path:
        """The directory of the user's roles, which may not exist."""
        return self._config.paths.prompts

    @property
    def kept_by_new_chat(self) -> ModelRef | None:
        """The model in use, if new chats would begin with the offline guide because none is set; else None."""
        now = self._session.model
        offline = self._first.provider == _OFFLINE and not self.settings.model
        return now if offline and now.provider != _OFFLINE else None

    def rows(self) -> list[SettingRow]:
        """The state of every setting, in the order of their declarations."""
        return [self._row(setting) for setting in SETTINGS.values()]

    def row(self, key: str) -> SettingRow | Failure:
        """The state of one setting, or the failure that suggests the closest one."""
        return self._row(SETTINGS[key]) if key in SETTINGS else _unknown(key)

    def choices(self, key: str) -> Sequence[str]:
        """The values that completion offers for a setting."""
        if key == "theme":
            return (_AUTO, *self.themes())
        return SETTINGS[key].kind.choices if key in SETTINGS else ()

    def themes(self) -> tuple[str, ...]:
        """The names of all themes."""
        return theme_names(self._folders)

    def theme(self, name: str = "", background: str = "any") -> Theme | Failure:
        """Load a theme by name, "" for the one that is set; `auto` depends on the background: light, dark or any."""
        name = name or self.settings.theme
        return load_theme(BY_BACKGROUND[background] if name == _AUTO else name, self._folders)

    def change(self, key: str, raw: str, *, save: bool = False) -> Safe | Failure:
        """Set a setting from text, for the run or in the file; return a line that reports it, or the failure."""
        if key not in SETTINGS:
            return _unknown(key)
        setting = SETTINGS[key]
        value = self._read(setting, raw)
        if isinstance(value, Failure):
            return value
        if not save and not setting.changeable:
            return _only_saved(setting, raw)
        failure = write_setting(self._config.file, key, None if raw == DEFAULT else value) if save else None
        if failure:
            return failure
        wanted = with_values(self.settings, {key: value})
        if save or not setting.per_chat:
            self._keep(key, wanted, self._place(key) if save else Safe("/set"), unset=raw == DEFAULT)
        self._apply(setting, wanted, lasting=save or not setting.per_chat)
        return self._report(setting, value, save=save)

    def toggle_favourite(self, model: ModelRef) -> Failure | None:
        """Make a model a favourite in the config file, or no longer; return the failure, if any."""
        added = all(self._named(name) != model for name in self._config.favourites)
        wanted: tuple[str, ...] = ()

        def change(names: tuple[str, ...]) -> tuple[str, ...]:
            nonlocal wanted
            others = tuple(name for name in names if self._named(name) != model)
            wanted = (*others, str(model)) if added else others
            return wanted

        if failure := change_lists(self._config.file, {"favourites": change}):
            return failure
        self._config = replace(self._config, favourites=wanted)
        self._providers.set_favourites(wanted)
        return None

    def _row(self, setting: Setting) -> SettingRow:
        now, usual = getattr(self._now, setting.key), getattr(self.settings, setting.key)
        same = self._session.model == self._named(usual) if setting.key == "model" else now == usual
        return SettingRow(
            setting, _brief(format_value(now)), self._config.origin(setting.key) if same else safe_format("this chat")
        )

    @property
    def _now(self) -> Settings:
        """The settings of this run; those that belong to a chat have the values of this chat."""
        current = self._session.settings
        own: dict[str, Value] = {
            "model": str(current.model),
            "system": current.system,
            **{name: getattr(current.params, name) for name in Params.__slots__ if name in SETTINGS},
            "max_cost": current.max_cost,
        }
        return with_values(self.settings, own)

    def _read(self, setting: Setting, raw: str) -> Value | Failure:
        if raw == DEFAULT:
            return setting.default
        if raw == KEEP:
            return getattr(self._now, setting.key)
        check = self._checks.get(setting.key)
        text = check(raw) if check else raw
        config = text if isinstance(text, Failure) else self._config.with_value(setting.key, text)
        return config if isinstance(config, Failure) else getattr(config.settings, setting.key)

    def _model(self, name: str) -> str | Failure:
        found = self._providers.resolve(name)
        return found if isinstance(found, Failure) else name

    def _theme(self, name: str) -> str | Failure:
        found = self.theme(name)
        return found if isinstance(found, Failure) else name

    def _named(self, name: str) -> ModelRef | None:
        found = self._providers.resolve(name) if name else self._first
        return None if isinstance(found, Failure) else found

    def _keep(self, key: str, wanted: Settings, where: Safe, *, unset: bool) -> None:
        origins = {known: origin for known, origin in self._config.origins.items() if known != key}
        self._config = replace(self._config, settings=wanted, origins=origins if unset else {**origins, key: where})

    def _apply(self, setting: Setting, wanted: Settings, *, lasting: bool) -> None:
        """Apply a setting to the session; the front end applies those of the screen."""
        apply = _APPLIERS.get(setting.key)
        if apply:
            self._session.update_settings(lambda current: apply(current, wanted), lasting=lasting)
        elif setting.key == "model" and (model := self._named(wanted.model)):
            effort = self._providers.effort(wanted.model)

            def change(current: TurnSettings) -> TurnSettings:
                think = effort or current.params.think
                return replace(current, model=model, params=replace(current.params, think=think))

            self._session.update_settings(change, lasting=lasting)

    def _place(self, key: str) -> Safe:
        try:
            return read_toml(self._config.file).location(key)
        except ConfigError:
            return safe_line(str(self._config.file))

    def _report(self, setting: Setting, value: Value, *, save: bool) -> Safe:
        key = safe_line(setting.key)
        parts = [safe_format("{key} = {value}", key=key, value=_brief(format_value(value)) or safe_format("not set"))]
        if save:
            parts.append(safe_format("saved in {file}", file=safe_line(str(self._config.file))))
            parts += [] if setting.changeable else [safe_format("takes effect at the next start")]
            if setting.env and self._env.get(setting.env):
                parts.append(safe_format("but {name} is set and overrides the file", name=safe_line(setting.env)))
        elif setting.per_chat:
            parts.append(safe_format("in this chat · /set {key} --save: also in new chats", key=key))
        else:
            parts.append(safe_format("until you exit · /set {key} --save saves it", key=key))
        return join(" · ", parts)


def _system(raw: str) -> str | Failure:
    """Parse the system prompt; `none` means an empty one, which cannot be typed."""
    return "" if raw == "none" else system_prompt(raw)


def _unknown(key: str) -> Failure:
    return Failure(
        FailureKind.BAD_CONFIG,
        safe_format("There is no setting {key}.", key=safe_line(key)),
        did_you_mean(key, SETTINGS),
    )


def _only_saved(setting: Setting, raw: str) -> Failure:
    key = safe_line(setting.key)
    words = safe_format("{key} cannot change while termchat runs.", key=key)
    hint = safe_format("/set {key} {value} --save saves it for the next start.", key=key, value=safe_line(raw))
    return Failure(FailureKind.BAD_CONFIG, words, hint)


def _brief(text: str) -> Safe:
    flat = " ".join(text.split())
    return safe_line(flat if len(flat) <= _SHOWN else f"{flat[: _SHOWN - 1]}…") if flat else EMPTY
