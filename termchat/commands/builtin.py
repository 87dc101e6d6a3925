"""The built-in commands, in the order of the menu."""

from __future__ import annotations

from termchat.commands import error, help, model, saved_chats, session, settings, tool, tools, usage  # noqa: A004 - /help
from termchat.commands.answers import copy, save
from termchat.commands.branches import label, tree, turns
from termchat.commands.compare import several_models, side_question
from termchat.commands.context import attach, compact, limit_spending, show_context
from termchat.commands.prompts import role
from termchat.commands.registry import CommandRegistry
from termchat.commands.setup import doctor_command, login_command


def builtin() -> CommandRegistry:
    """Return a new registry with every built-in command."""
    groups = (
        model,
        turns,
        several_models,
        side_question,
        tree,
        label,
        saved_chats,
        role,
        tool,
        tools,
        attach,
        copy,
        save,
        settings,
        usage,
        limit_spending,
        show_context,
        compact,
        error,
        login_command,
        doctor_command,
        help,
        session,
    )
    return CommandRegistry(tuple(module.group for module in groups))
