"""/role: use a role, which sets the system prompt, the model, sampling and tools of this chat; or end its use."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from termchat.commands.model import failure_effects, use_model_effects
from termchat.commands.registry import CommandContext, CommandGroup, Effects
from termchat.core.effects import Candidates, Choice, Choose, Completion, Effect, Print, RunCommand, UseSettings
from termchat.core.errors import Failure, FailureKind
from termchat.core.models import ModelRef
from termchat.core.provider import Effort, Tools
from termchat.core.sanitize import EMPTY, Safe, excerpt, join, safe_format, safe_line
from termchat.core.session import ActiveRole, TurnSettings

if TYPE_CHECKING:
    from termchat.commands.prompts.role_files import RoleFile

group = CommandGroup()
_OFF = "off"
_SHOWN = 60  # columns of a description
_NOT_HERE = (Print(safe_format("Roles are not available here.")),)


def _offered(context: CommandContext, prefix: str) -> Candidates:
    """Complete the name of a role, then its variables."""
    folder = _folder(context)
    if folder is None:
        return ()
    name, blank, rest = prefix.partition(" ")
    if not blank:
        off = [Completion(_OFF, safe_format("end the role"))] if context.session.settings.role else []
        return [*(_completion(folder, n) for n in _names(folder)), *off]
    role = _load(folder, name)
    if isinstance(role, Failure):
        return ()
    given = [word.partition("=")[0] for word in rest.split(" ")[:-1]]
    before = prefix[: len(prefix) - len(rest.rpartition(" ")[2])]
    return [
        Completion(
            f"{before}{variable}={default or ''}",
            safe_format("needed") if default is None else EMPTY,
            by_tab=default is None,  # its value follows
        )
        for variable, default in role.defaults.items()
        if variable not in given
    ]


def _takes_value(context: CommandContext, argument: str) -> bool:
    """Return True for VARIABLE=VALUE: the value is any text."""
    return "=" in argument.rpartition(" ")[2]


@group.command(
    "role",
    safe_format("use a role in this chat, or end it"),
    argument="[NAME [VARIABLE=VALUE …]|off]",
    details=safe_format(
        "A role is a Markdown file in the directory prompts of the configuration: a system prompt, and before it the "
        "model, settings and tools it uses. termchat prompts new NAME begins one; -r NAME starts with it."
    ),
    complete=_offered,
    takes=_takes_value,
)
def role(context: CommandContext, argument: str) -> Effects:
    """Use a role, end it, or open the picker of roles."""
    folder = _folder(context)
    if folder is None:
        return _NOT_HERE
    if not argument:
        return _choose(context, folder)
    if argument == _OFF:
        return _ended(context)
    try:
        name, *words = shlex.split(argument)
    except ValueError:  # an apostrophe
        name, *words = argument.split()
    found = _load(folder, name)
    return failure_effects(found) if isinstance(found, Failure) else _used(context, found, words)


def _load(folder: Path, name: str) -> RoleFile | Failure:
    from termchat.commands.prompts.role_files import load_role  # needed by /role alone

    return load_role(folder, name)


def _names(folder: Path) -> tuple[str, ...]:
    from termchat.commands.prompts.role_files import role_names

    return role_names(folder)


def _folder(context: CommandContext) -> Path | None:
    return context.preferences.prompts if context.preferences else None


def _choose(context: CommandContext, folder: Path) -> Effects:
    active = context.session.settings.role
    choices = tuple(_choice(folder, name, current=active is not None and active.name == name)
                    for name in _names(folder))  # fmt: skip
    if not choices:
        from termchat.commands.prompts.role_files import shown_path

        words = safe_format("There are no roles in {folder}.", folder=shown_path(folder))
        return (Print(words), Print(safe_format("termchat prompts new NAME begins one.")))
    off = (Choice(safe_format("off"), safe_format("end the role"), (RunCommand("/role off"),)),) if active else ()
    return (Choose(safe_format("Role"), (*choices, *off)),)


def _choice(folder: Path, name: str, *, current: bool) -> Choice:
    found = _load(folder, name)
    about = _about(found)
    if isinstance(found, Failure):
        return Choice(safe_line(name), about, tuple(failure_effects(found)), usable=False, name=name)
    needed = [variable for variable, default in found.defaults.items() if default is None]
    marks = [about] if about else []
    marks += [safe_format("needs {names}", names=safe_line(", ".join(needed)))] if needed else []
    marks += [safe_format("current")] if current else []
    preview = excerpt(found.text, 300)
    line = " ".join((f"/role {name}", *(f"{variable}=" for variable in needed[:1])))
    effects = (RunCommand(line, waits=bool(needed)),)
    return Choice(safe_line(name), join(" · ", marks), effects, name=name, preview=preview)


def _completion(folder: Path, name: str) -> Completion:
    found = _load(folder, name)
    return Completion(name, _about(found), usable=not isinstance(found, Failure))


def _about(found: RoleFile | Failure) -> Safe:
    return found.message if isinstance(found, Failure) else excerpt(found.description, _SHOWN)


def _used(context: CommandContext, role: RoleFile, words: list[str]) -> Effects:
    given, rest = role.take_variables(words)
    if rest:
        return failure_effects(_unknown_variable(role, rest[0]))
    system = role.system(given)
    if isinstance(system, Failure):
        return failure_effects(system)
    chosen = role.settings.get("model")
    model = context.providers.resolve(chosen) if isinstance(chosen, str) else None
    if isinstance(model, Failure):
        where = safe_format("It is set in {place}.", place=role.where("model"))
        return (*failure_effects(model), Print(where))
    before = _without_role(context)
    tools = context.session.tools
    offered = _offered_now(tools) if before.role is None else before.role.tools
    if tools and isinstance(names := role.settings.get("tools"), tuple):
        limited = context.preferences is not None and context.preferences.settings.tools is not None
        if unknown := offer_only(tools, names, offered, narrow=limited):
            words_ = safe_format("There is no tool {name}: {place}", name=safe_line(unknown), place=role.where("tools"))
            return (Print(words_),)
    return _switched(context, role, system, before, model, offered)


def _switched(
    context: CommandContext,
    role: RoleFile,
    system: str,
    before: TurnSettings,
    model: ModelRef | None,
    offered: tuple[str, ...],
) -> Effects:
    """Return the effects of using a role: its settings in place of those `before` it."""
    effort = context.providers.effort(str(role.settings["model"])) if model else None
    after = with_role_settings(replace(before, role=None, system=system), role, model, effort)
    active = ActiveRole(role.name, replace(before, role=None), after, offered)
    words = safe_format("Role {name}", name=safe_line(role.name))
    parts = [words, *_facts(role)]
    effects: list[Effect] = [UseSettings(replace(after, model=context.session.model, role=active))]
    if after.model != context.session.model:
        effects += use_model_effects(after.model)
    return (*effects, Print(join(" · ", parts)), Print(safe_format("/role off ends it.")))


def _facts(role: RoleFile) -> Iterator[Safe]:
    """Yield what a role sets beside the system prompt and the model, which has a line of its own."""
    for key, value in role.settings.items():
        if key != "model":
            shown = ", ".join(value) if isinstance(value, tuple) else str(value)
            yield safe_format("{key} {value}", key=safe_line(key), value=safe_line(shown))


def _ended(context: CommandContext) -> Effects:
    active = context.session.settings.role
    if active is None:
        return (Print(safe_format("No role is in use.")),)
    before = _without_role(context)
    if (tools := context.session.tools) and active.tools:
        offer_only(tools, active.tools, active.tools, narrow=False)
    model = use_model_effects(before.model) if before.model != context.session.model else ()
    ended = Print(safe_format("The role {name} has ended.", name=safe_line(active.name)))
    return (UseSettings(replace(before, model=context.session.model, role=None)), *model, ended)


def _without_role(context: CommandContext) -> TurnSettings:
    """Return the settings without those of the role in use; what the user has changed since is kept.

    Of a chat that was resumed in its role, the settings of new chats are taken. Without a role, `role` is None.
    """
    now = context.session.settings
    active = now.role
    if active is None or context.preferences is None:
        return now
    usual = context.preferences.settings
    before = active.before or replace(now, system=usual.system, params=usual.params)
    after = active.after or now
    params = {
        key: getattr(before.params if getattr(now.params, key) == getattr(after.params, key) else now.params, key)
        for key in now.params.__slots__
    }
    return replace(
        now,
        model=before.model if now.model == after.model else now.model,
        system=before.system if now.system == after.system else now.system,
        params=replace(now.params, **params),
    )


def with_role_settings(
    settings: TurnSettings, role: RoleFile, model: ModelRef | None, effort: Effort | None = None
) -> TurnSettings:
    """Return settings with the model and the sampling of a role; `effort` is that in the name of its model."""
    sampling = {key: value for key, value in role.settings.items() if key not in ("model", "tools")}
    if effort:
        sampling.setdefault("think", effort)
    return replace(settings, model=model or settings.model, params=replace(settings.params, **sampling))


def offer_only(tools: Tools, names: tuple[str, ...], before: tuple[str, ...], *, narrow: bool) -> str:
    """Offer the tools of a role and no others; with `narrow`, only those of them that were offered `before`.

    Return the first unknown name, "" if none is; then nothing changes.
    """
    now = _offered_now(tools)
    wanted = [name for name in names if name != "none"]
    tools.offer(now, on=False)
    if unknown := tools.offer(wanted, on=True):
        tools.offer(_offered_now(tools), on=False)
        tools.offer(now, on=True)
        return unknown
    if narrow:
        tools.offer([name for name in _offered_now(tools) if name not in before], on=False)
    return ""


def narrow_tools(tools: Tools, names: tuple[str, ...]) -> str:
    """Offer no tools but those of a role that are offered already. Return the first unknown name, "" if none is."""
    return offer_only(tools, names, _offered_now(tools), narrow=True)


def _offered_now(tools: Tools | None) -> tuple[str, ...]:
    return tuple(row.name for row in tools.tools() if row.offered) if tools else ()


def _unknown_variable(role: RoleFile, word: str) -> Failure:
    name = word.partition("=")[0]
    words = safe_format("The role {role} has no variable {name}.", role=safe_line(role.name), name=safe_line(name))
    known = ", ".join(f"{variable}=VALUE" for variable in role.defaults)
    return Failure(
        FailureKind.BAD_CONFIG, words, safe_format("It takes {known}.", known=safe_line(known)) if known else EMPTY
    )
