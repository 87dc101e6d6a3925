"""Change the rules about tool calls, and report it."""

from __future__ import annotations

from collections.abc import Sequence

from termchat.core.approval import ApprovalScope
from termchat.core.effects import EditRule, Effect, Print
from termchat.core.sanitize import safe_format, safe_line
from termchat.core.session import Session


async def edit_rule(session: Session, effect: EditRule) -> Sequence[Effect]:
    """Add or remove a rule; return the effects that report the result."""
    tools, rule = session.tools, safe_line(effect.rule)
    if tools is None:
        return (Print(safe_format("There are no tools in this run (--no-tools).")),)
    if effect.remove:
        problem = await tools.remove_rule(effect.rule)
        words = safe_format("Removed the rule {rule}.", rule=rule)
    else:
        problem = await tools.add_rule(effect.rule, ApprovalScope.SAVED if effect.save else ApprovalScope.CHAT)
        words = safe_format("{rule} runs without a question until you leave this chat.", rule=rule)
        if effect.save:
            words = safe_format("{rule} runs without a question; saved for all chats.", rule=rule)
    return (Print(safe_format("Not done: {why}", why=safe_line(problem)) if problem else words),)
