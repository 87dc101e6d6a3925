"""/btw: ask a side question that stays out of the chat."""

from __future__ import annotations

from termchat.commands.registry import CommandContext, CommandGroup, Effects
from termchat.core.effects import AskAside
from termchat.core.messages import user_message
from termchat.core.sanitize import safe_format

group = CommandGroup()


@group.command(
    "btw",
    safe_format("ask a side question that stays out of the chat"),
    argument="QUESTION",
    allowed_while_busy=True,
    details=safe_format(
        "The model sees the chat, also a reply that is still streaming, but the next question does not contain the "
        "side question. It is not saved until /adopt N keeps it; its tokens and cost count. No tools are offered."
    ),
)
def ask_aside(context: CommandContext, argument: str) -> Effects:
    """Ask a question with the context of the chat, outside of it."""
    return (AskAside(user_message(argument)),)
