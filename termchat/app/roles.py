"""The role that a run starts with: -r NAME, with its variables among the words of the prompt."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from termchat.app.options import Options
from termchat.config.load import Config
from termchat.config.settings import SETTINGS, with_values
from termchat.core.errors import Failure, FailureKind
from termchat.core.models import ModelRef
from termchat.core.sanitize import Safe, safe_format
from termchat.core.session import ActiveRole, TurnSettings

if TYPE_CHECKING:
    from termchat.engine.turn import TurnConfig

_FLAG = "--role"
_READ_ONLY = ("read",)  # the tools of a chat for which none are set


def apply_role(config: Config, options: Options) -> tuple[Config, Options] | Failure:
    """Return the configuration with the settings of the role, and the options without the values of its variables.

    A flag takes precedence over the role, and the role over the environment and the config file.
    """
    from termchat.commands.prompts.role_files import load_role

    if config.origin("system") in ("--system", "--set"):
        words = safe_format("-r and -s both set the system prompt.")
        return Failure(FailureKind.BAD_CONFIG, words, safe_format("Leave one of them out."))
    role = load_role(config.paths.prompts, options.role)
    if isinstance(role, Failure):
        return role
    given, rest = role.take_variables(options.arguments)
    system = role.system(given)
    if isinstance(system, Failure):
        return system
    chosen = {key: value for key, value in role.settings.items() if not _by_flag(config, key) and key != "tools"}
    values = {**chosen, "system": system}
    changed = replace(
        config,
        settings=with_values(config.settings, values),
        origins={**config.origins, **dict.fromkeys(values, Safe(_FLAG))},
    )
    tools = role.settings.get("tools")
    return changed, replace(
        options,
        words=" ".join([*options.prompts, *rest]),
        unroled=config.settings,
        role_tools=tools if isinstance(tools, tuple) else None,
    )


def _by_flag(config: Config, key: str) -> bool:
    return config.origin(key) in (SETTINGS[key].flag, "--set")


def begin_role(made: TurnConfig, options: Options, model: ModelRef) -> TurnConfig:
    """Return the configuration of a run that starts in its role; `model` is that of new chats without it."""
    from termchat.engine.chat_settings import settings_of

    plain = options.unroled
    if plain is None:
        return made
    after = settings_of(made)
    params = replace(plain.params, schema=after.params.schema)
    tools = (_READ_ONLY if options.person else ()) if plain.tools is None else plain.tools
    before = replace(after, model=model, system=plain.system, params=params)
    return replace(made, role=ActiveRole(options.role, before, after, tools))


def resumed_in_role(config: Config, asked: TurnSettings, settings: TurnSettings) -> TurnSettings:
    """Return the settings of a resumed chat, with those of the role that the command line asked for."""
    if asked.role is None:
        return settings
    chosen = [key for key in SETTINGS if config.origin(key) == _FLAG]
    params = {key: getattr(asked.params, key) for key in chosen if key in asked.params.__slots__}
    model = asked.model if "model" in chosen else settings.model
    return replace(
        settings, model=model, system=asked.system, params=replace(settings.params, **params), role=asked.role
    )
