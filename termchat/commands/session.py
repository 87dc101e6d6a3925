"""/new and /exit."""

from __future__ import annotations

from termchat.commands.registry import Context, Effects, Family
from termchat.core.effects import Exit, NewChat, Say
from termchat.core.sanitize import say

family = Family()


@family.command("new", say("start an empty chat"), aliases=("clear",))
def new(context: Context, argument: str) -> Effects:
    """An empty conversation with the same model."""
    return (NewChat(), Say(say("— a new chat —")))


@family.command("exit", say("leave"), aliases=("quit", "q"), harmless=True)
def leave(context: Context, argument: str) -> Effects:
    """Leave; a reply that is streaming is stopped."""
    return (Exit(),)
