"""The commands that come with termchat, in the order of the menu."""

from __future__ import annotations

from termchat.commands import copy, error, help, model, saved_chats, session, settings, tool, tree, turns, usage  # noqa: A004 - /help
from termchat.commands.registry import CommandRegistry


def builtin() -> CommandRegistry:
    """A fresh registry with every built-in command."""
    families = (model, turns, tree, saved_chats, tool, copy, settings, usage, error, help, session)
    return CommandRegistry(tuple(module.family for module in families))
