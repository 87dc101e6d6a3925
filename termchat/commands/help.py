"""/help and /keys."""

from __future__ import annotations

from termchat.commands.registry import Command, Context, Effects, Family
from termchat.config.keymap import KEYS
from termchat.core.effects import Candidate, Candidates, Effect, Say, Table
from termchat.core.sanitize import Safe, join, safe, say
from termchat.core.style import TextRole

family = Family()


def _names(context: Context, prefix: str) -> Candidates:
    return [Candidate(command.name, command.help) for command in context.registry.commands]


@family.command("help", say("all commands, or one of them"), aliases=("h",), argument="[COMMAND]", harmless=True,
                complete=_names)  # fmt: skip
def help_(context: Context, argument: str) -> Effects:
    """The commands with a line each, or everything about one."""
    if not argument:
        rows = tuple((command.usage, command.help) for command in context.registry.commands)
        more = say("Type / for the menu, ? for the keys, // to send a leading slash.")
        return (Table((), rows), Say(more if context.keys else say("// sends a leading slash.")))
    command = context.registry.find(argument.removeprefix("/"))
    if command is None:
        return (Say(context.registry.unknown(argument.removeprefix("/")), TextRole.ERROR),)
    return _about(command)


@family.command("keys", say("all keys"), harmless=True)
def keys(context: Context, argument: str) -> Effects:
    """The key table."""
    shown = ((key.shown, key.help) for key in KEYS)
    return (Table((), tuple(shown if context.keys else _PLAIN)),)


_PLAIN = (
    (say("Enter"), say("send; a \\ before it goes on in the next line")),
    (say("Ctrl-C"), say("stop; twice leaves")),
    (say("Ctrl-D"), say("leave")),
)


def _about(command: Command) -> Effects:
    words: list[Effect] = [Say(Safe(command.usage + say(" · ") + command.help), TextRole.TEXT)]
    if command.aliases:
        words.append(Say(say("also {names}", names=join(", ", [safe(f"/{alias}") for alias in command.aliases]))))
    if command.more:
        words.append(Say(command.more))
    return tuple(words)
