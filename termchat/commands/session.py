"""/new and /exit."""

from __future__ import annotations

from termchat.commands.registry import CommandContext, CommandGroup, Effects
from termchat.core.effects import NewChat, Print, Quit
from termchat.core.sanitize import safe_format

family = CommandGroup()


@family.command("new", safe_format("start an empty chat"), aliases=("clear",))
def new(context: CommandContext, argument: str) -> Effects:
    """An empty conversation with the same model."""
    return (NewChat(), Print(safe_format("— a new chat —")))


@family.command("exit", safe_format("leave"), aliases=("quit", "q"), allowed_while_busy=True)
def leave(context: CommandContext, argument: str) -> Effects:
    """Leave; a reply that is streaming is stopped."""
    return (Quit(),)
