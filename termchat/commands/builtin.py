"""The commands that come with termchat, in the order of the menu."""

from __future__ import annotations

from termchat.commands import chats, help, model, turns, usage, view  # noqa: A004 - the module of /help
from termchat.commands.registry import Registry


def builtin() -> Registry:
    """A fresh registry with every built-in command."""
    return Registry((model.family, turns.family, view.family, usage.family, help.family, chats.family))
