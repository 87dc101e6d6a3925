"""/help and /keys: list commands and keys."""

from __future__ import annotations

from termchat.commands.registry import Command, CommandContext, CommandGroup, Effects
from termchat.config.key_bindings import KEYS
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
        more = safe_format("Type / for the menu, ? for the keys, // to send a leading slash.")
        return (PrintTable((), rows), Print(more if context.keys else safe_format("// sends a leading slash.")))
    command = context.registry.find(argument.removeprefix("/"))
    if command is None:
        return (Print(context.registry.unknown(argument.removeprefix("/")), TextRole.ERROR),)
    return _about(command)


@group.command("keys", safe_format("list all keys"), allowed_while_busy=True)
def keys(context: CommandContext, argument: str) -> Effects:
    """Print the key table."""
    shown = ((key.label, key.help) for key in KEYS)
    return (PrintTable((), tuple(shown if context.keys else _PLAIN)),)


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
