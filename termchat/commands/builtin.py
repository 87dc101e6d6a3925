"""The built-in commands, in the order of the menu."""

from __future__ import annotations

from termchat.commands import copy, error, help, model, saved_chats, session, settings, tool, tools, tree, turns, usage  # noqa: A004 - /help
from termchat.commands.registry import CommandRegistry


def builtin() -> CommandRegistry:
    """Return a new registry with every built-in command."""
    groups = (model, turns, tree, saved_chats, tool, tools, copy, settings, usage, error, help, session)
    return CommandRegistry(tuple(module.group for module in groups))
