"""/set, /think, /system, /multiline and /theme: change settings for this run or, with --save, in the config file."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from termchat.commands.model import failure_effects, known_models, model, takes_model
from termchat.commands.registry import SAVE, CommandContext, CommandGroup, Effects, split_save
from termchat.config.runtime import DEFAULT, KEEP, RuntimeSettings, SettingRow
from termchat.config.settings import SETTINGS, EnterKey
from termchat.core.effects import (
    Candidates,
    ChangeSetting,
    Choice,
    Choose,
    Completion,
    Effect,
    PreviewTheme,
    Print,
    PrintTable,
)
from termchat.core.errors import Failure
from termchat.core.sanitize import EMPTY, Safe, safe, safe_format, safe_line
from termchat.core.style import TextRole

group = CommandGroup()
_NONE = (Print(safe_format("Settings are not available here.")),)
_MORE = safe_format(
    "A change applies to this run; model, system and think apply to this chat and are saved with it. --save also "
    "writes the value to the config file. The value default resets a setting."
)


def _offered(context: CommandContext, prefix: str) -> Candidates:
    """Complete a key, then its value, then --save after a complete value."""
    preferences = context.preferences
    key, blank, typed = prefix.partition(" ")
    if preferences is None:
        return ()
    if not blank:
        return [Completion(row.setting.key, _detail(row)) for row in preferences.rows()]
    if key == "model":
        values = [candidate.text for candidate in known_models(context, typed)]
    else:
        values = list(preferences.choices(key))
    given = split_save(typed)[0]
    if given and (given in values or not values):
        return [
            Completion(f"{key} {given}"),
            Completion(f"{key} {given} {SAVE}", safe_format("also in the config file")),
        ]
    return [Completion(f"{key} {value}") for value in values]


def _takes(context: CommandContext, argument: str) -> bool:
    """Return True for a key with a value that the setting can have, whether it is offered or not."""
    key, _, value = argument.partition(" ")
    value = split_save(value)[0]
    if key == "model":
        return takes_model(context, value)
    return bool(value) and key != "theme" and key in SETTINGS and SETTINGS[key].kind.read(value) is not None


@group.command(
    "set",
    safe_format("list all settings, or change one"),
    argument="[KEY [VALUE [--save]]]",
    allowed_while_busy=True,
    details=_MORE,
    complete=_offered,
    takes=_takes,
)
def set_(context: CommandContext, argument: str) -> Effects:
    """List the settings, describe one, or change one."""
    if context.preferences is None:
        return _NONE
    text, save = split_save(argument)
    key, _, value = text.replace("=", " ", 1).partition(" ") if "=" in text.split(" ")[0] else text.partition(" ")
    if not key:
        return _table(context.preferences)
    row = context.preferences.row(key)
    if isinstance(row, Failure):
        return failure_effects(row)
    if not value.strip() and not save:
        return _about(row, context.preferences)
    return _changed(context, key, value.strip() or KEEP, save=save)


def _values(key: str, context: CommandContext, prefix: str) -> Candidates:
    """Complete the value of a setting as /set does, without its key."""
    offered = _offered(context, f"{key} {prefix}")
    return [replace(candidate, text=candidate.text.removeprefix(f"{key} ")) for candidate in offered]


@group.command(
    "think",
    safe_format("set the reasoning effort"),
    argument="[LEVEL]",
    allowed_while_busy=True,
    details=safe_format(
        "LEVEL is {efforts}; default leaves it to the model. "
        "Applies to this chat; --save makes it the default of new chats.",
        efforts=safe(", ".join(SETTINGS["think"].kind.choices)),
    ),
    complete=partial(_values, "think"),
    takes=lambda context, argument: _takes(context, f"think {argument}"),
)
def think(context: CommandContext, argument: str) -> Effects:
    """Set the reasoning effort: short for /set think."""
    return set_(context, f"think {argument}".strip())


def _prompts(context: CommandContext, prefix: str) -> Candidates:
    """Complete what is no text: `none`, and `@` before a file, which the front end completes."""
    if prefix.startswith("@"):
        return ()
    return [
        Completion("@", safe_format("read it from a file"), by_tab=True),
        Completion("none", safe_format("send no system prompt"), by_tab=True),
    ]


@group.command(
    "system",
    safe_format("show or set the system prompt of this chat"),
    argument="[TEXT|@file]",
    allowed_while_busy=True,
    details=safe_format(
        "@file reads it from a file, none removes it. Applies to this chat; --save makes it the default of new chats."
    ),
    complete=_prompts,
)
def system(context: CommandContext, argument: str) -> Effects:
    """Print the system prompt, or set another one."""
    if argument:
        text, save = split_save(argument)
        return _changed(context, "system", text, save=save) if context.preferences else _NONE
    prompt = context.session.settings.system
    return (Print(safe(prompt), TextRole.TEXT),) if prompt else (Print(safe_format("No system prompt is sent.")),)


@group.command(
    "multiline",
    safe_format("choose which key sends: it and the one for a new line change places"),
    allowed_while_busy=True,
    details=safe_format("Short for /set enter; /set enter newline --save makes it the default."),
)
def multiline(context: CommandContext, argument: str) -> Effects:
    """Switch the setting `enter` to its other value."""
    if context.preferences is None:
        return _NONE
    if not context.keys:
        return (Print(safe_format("Enter sends here; \\ before it continues on the next line.")),)
    sends = context.preferences.settings.enter is EnterKey.SEND
    return (ChangeSetting("enter", EnterKey.NEWLINE if sends else EnterKey.SEND),)


@group.command(
    "theme",
    safe_format("change the theme, or choose one with a preview"),
    argument="[NAME]",
    allowed_while_busy=True,
    details=safe_format(
        "--save writes it to the config file, with or without NAME. auto follows the terminal's background."
    ),
    complete=partial(_values, "theme"),
)
def theme(context: CommandContext, argument: str) -> Effects:
    """Change the theme, or open a picker that previews the marked theme."""
    if context.preferences is None:
        return _NONE
    text, save = split_save(argument)
    if text:
        return _changed(context, "theme", text, save=save)
    now = context.preferences.settings.theme
    names = context.preferences.choices("theme")
    choices = tuple(
        Choice(
            safe_line(name),
            _kind(context.preferences, name, now),
            (ChangeSetting("theme", name, save),),
            (PreviewTheme(name),),
        )
        for name in names
    )
    at = list(names).index(now) if now in names else 0
    return (Choose(safe_format("Theme"), choices, at, on_cancel=(PreviewTheme(),)),)


def _kind(preferences: RuntimeSettings, name: str, now: str) -> Safe:
    """Describe the background a theme is made for, and mark the current one."""
    found = preferences.theme(name)
    if isinstance(found, Failure):
        return safe_format("invalid (run it for the error)")
    kind = {"light": safe_format("light"), "dark": safe_format("dark")}.get(found.kind, safe_format("any background"))
    if name not in preferences.themes():
        kind = safe_format("follows the terminal's background")
    return safe_format("{kind} · current", kind=kind) if name == now else kind


def _changed(context: CommandContext, key: str, value: str, *, save: bool) -> Effects:
    """Return the effects of a change. A change of the model prints the same line as /model."""
    if key == "model" and value not in (KEEP, DEFAULT):
        known = not isinstance(context.providers.resolve(value), Failure)
        return (*model(context, value), *((ChangeSetting(key, value, save),) if save and known else ()))
    return (ChangeSetting(key, value, save),)


def _table(preferences: RuntimeSettings) -> Effects:
    rows = tuple((safe_line(r.setting.key), r.value or safe_format("not set"), r.where) for r in preferences.rows())
    header = (safe_format("setting"), safe_format("value"), safe_format("from"))
    more = safe_format("/set KEY shows the allowed values, /set KEY VALUE [--save] changes one.")
    return (PrintTable(header, rows, optional_columns=(2,)), Print(more))


def _about(row: SettingRow, preferences: RuntimeSettings) -> Effects:
    key, setting = safe_line(row.setting.key), row.setting
    value = row.value or safe_format("not set")
    allowed = ", ".join(preferences.choices(setting.key)) or setting.kind.words
    lines: list[Effect] = [
        Print(safe_format("{key} = {value}  ({where})", key=key, value=value, where=row.where), TextRole.TEXT),
        Print(safe_line(setting.help)),
        Print(safe_format("Allowed: {words}.", words=safe_line(allowed))),
    ]
    if not setting.changeable:
        lines.append(Print(safe_format("Takes effect at the next start only: use --save.")))
    return lines


def _detail(row: SettingRow) -> Safe:
    now = safe_format("{value} · ", value=row.value) if row.value else EMPTY
    return Safe(now + safe_line(row.setting.help))
