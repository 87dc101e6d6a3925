"""/budget: limit what this chat, or a day of all chats, may cost."""

from __future__ import annotations

from termchat.commands.registry import SAVE, CommandContext, CommandGroup, Effects
from termchat.core.effects import Candidates, ChangeSetting, Completion, Print, ShowBudget
from termchat.core.sanitize import safe_format, safe_line
from termchat.core.style import TextRole
from termchat.core.usage import OFF, parse_amount

group = CommandGroup()
_DAY, _ALLOW = "day", "allow"


def _offered(context: CommandContext, prefix: str) -> Candidates:
    return [
        Completion("off", safe_format("no limit for this chat")),
        Completion("day", safe_format("a limit for all chats of a day: /budget day 5")),
        Completion("day off", safe_format("no limit for a day")),
        Completion("allow", safe_format("use models without a known price, until you exit")),
    ]


@group.command(
    "budget",
    safe_format("limit what this chat, or a day of all chats, may cost"),
    argument="[USD|day USD|off|allow]",
    allowed_while_busy=True,
    details=safe_format(
        "/budget 2 limits this chat to $2.00, /budget day 5 all chats of a day; off removes a limit. A request that "
        "could cross a limit is not sent. Without an argument, show what is spent and left. --save keeps a limit."
    ),
    complete=_offered,
)
def budget(context: CommandContext, argument: str) -> Effects:
    """Show the limits and what is spent of them, or change a limit."""
    words = argument.split()
    save = SAVE in words
    words = [word for word in words if word != SAVE]
    if not words:
        return (ShowBudget(),)
    if words == [_ALLOW]:
        return (ChangeSetting("unpriced", _ALLOW, save),)
    key = "max_cost"
    if words[0] == _DAY:
        key, words = "max_cost_day", words[1:]
        if not words:
            return (ShowBudget(),)
    amount = words[0].removeprefix("$")
    if len(words) > 1 or (amount != OFF and parse_amount(amount) is None):
        why = safe_format(
            'Not an amount: "{text}". Use /budget 2.50, /budget day 5 or /budget off.',
            text=safe_line(" ".join(words)[:40]),
        )
        return (Print(why, TextRole.ERROR),)
    return (ChangeSetting(key, amount, save), ShowBudget())
