"""/new and /exit: start an empty chat, exit."""

from __future__ import annotations

from termchat.commands.registry import CommandContext, CommandGroup, Effects
from termchat.core.effects import Effect, NewChat, Print, Quit, UseModel
from termchat.core.sanitize import safe_format

group = CommandGroup()


@group.command("new", safe_format("start an empty chat"), aliases=("clear",))
def new(context: CommandContext, argument: str) -> Effects:
    """Start an empty chat; the current one stays saved. Without a model for new chats, it keeps that of this one."""
    kept = context.preferences.kept_by_new_chat if context.preferences else None
    model: tuple[Effect, ...] = (UseModel(kept),) if kept else ()
    return (NewChat(), *model, Print(safe_format("— new chat —")))


@group.command("exit", safe_format("exit termchat"), aliases=("quit", "q"), allowed_while_busy=True)
def leave(context: CommandContext, argument: str) -> Effects:
    """Exit; a streaming reply is stopped."""
    return (Quit(),)
