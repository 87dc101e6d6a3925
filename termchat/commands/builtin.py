"""The commands that come with termchat, in the order of the menu."""

from __future__ import annotations

from termchat.commands import chats, copy, error, help, kept, model, settings, tree, turns, usage, view  # noqa: A004 - /help
from termchat.commands.registry import Registry


def builtin() -> Registry:
    """A fresh registry with every built-in command."""
    families = (model, turns, tree, kept, view, copy, settings, usage, error, help, chats)
    return Registry(tuple(module.family for module in families))
