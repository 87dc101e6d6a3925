"""/help and /keys: list commands and keys."""

from __future__ import annotations

from collections.abc import Iterator

from termchat.commands.registry import Command, CommandContext, CommandGroup, Effects
from termchat.config.keys.key_bindings import Action, KeyMap
from termchat.core.effects import Candidates, Completion, Effect, Print, PrintTable
from termchat.core.sanitize import Safe, join, safe, safe_format
from termchat.core.style import TextRole

group = CommandGroup()


def _names(context: CommandContext, prefix: str) -> Candidates:
    return [Completion(command.name, command.help) for command in context.registry.commands]


@group.command(
    "help",
    safe_format("list all commands, or explain one"),
    aliases=("h",),
    argument="[COMMAND]",
    allowed_while_busy=True,
    complete=_names,
)
def help_(context: CommandContext, argument: str) -> Effects:
    """List the commands with a line each, or show the help of one."""
    if not argument:
        rows = tuple((command.usage, command.help) for command in context.registry.commands)
        sheet = context.key_map.hint(Action.KEY_HELP, safe_format("for the keys"), command=safe_format("/keys"))
        more = safe_format("Type / for the menu, {sheet}, // to send a leading slash.", sheet=sheet)
        return (
            PrintTable((), rows),
            Print(more if context.keys else safe_format("// sends a leading slash.")),
            Print(safe_format("In the shell: termchat completion for Tab, termchat suggest for a command.")),
        )
    command = context.registry.find(argument.removeprefix("/"))
    if command is None:
        return (Print(context.registry.unknown(argument.removeprefix("/")), TextRole.ERROR),)
    return _about(command)


@group.command("keys", safe_format("list all keys"), allowed_while_busy=True)
def keys(context: CommandContext, argument: str) -> Effects:
    """Print the key table; keys of the user are marked."""
    if not context.keys:
        return (PrintTable((), _PLAIN),)
    changed = [Print(safe_format("* chosen in [keys] of the configuration"))] if context.key_map.changed else []
    return (PrintTable((), tuple(_key_rows(context.key_map))), *changed)


def _key_rows(keys: KeyMap) -> Iterator[tuple[Safe, Safe]]:
    for binding in keys.bindings:
        yield keys.marked(binding.action, binding.names or safe_format("none")), binding.help


_PLAIN = (
    (safe_format("Enter"), safe_format("send; \\ before it continues on the next line")),
    (safe_format("Ctrl-C"), safe_format("stop; twice exits")),
    (safe_format("Ctrl-D"), safe_format("exit")),
)


def _about(command: Command) -> Effects:
    words: list[Effect] = [Print(Safe(command.usage + safe_format(" · ") + command.help), TextRole.TEXT)]
    if command.aliases:
        words.append(
            Print(safe_format("also {names}", names=join(", ", [safe(f"/{alias}") for alias in command.aliases])))
        )
    if command.details:
        words.append(Print(command.details))
    return tuple(words)
