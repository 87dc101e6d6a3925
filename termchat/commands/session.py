"""/new and /exit: start an empty chat, exit."""

from __future__ import annotations

from termchat.commands.registry import CommandContext, CommandGroup, Effects
from termchat.core.effects import NewChat, Print, Quit
from termchat.core.sanitize import safe_format

group = CommandGroup()


@group.command("new", safe_format("start an empty chat"), aliases=("clear",))
def new(context: CommandContext, argument: str) -> Effects:
    """Start an empty chat; the current one stays saved."""
    return (NewChat(), Print(safe_format("— new chat —")))


@group.command("exit", safe_format("exit termchat"), aliases=("quit", "q"), allowed_while_busy=True)
def leave(context: CommandContext, argument: str) -> Effects:
    """Exit; a streaming reply is stopped."""
    return (Quit(),)
