"""/doctor: check the providers, the terminal and the installation."""

from __future__ import annotations

from termchat.commands.registry import CommandContext, CommandGroup, Effects
from termchat.core.effects import Candidates, Completion, Diagnose, Print
from termchat.core.sanitize import safe_format, safe_line
from termchat.core.style import TextRole

group = CommandGroup()
_FULL = "full"


def _arguments(context: CommandContext, prefix: str) -> Candidates:
    return (Completion(_FULL, safe_format("also try a reply, a tool and an image, which costs tokens")),)


@group.command(
    "doctor",
    safe_format("check providers, terminal and installation"),
    argument="[full]",
    details=safe_format("/doctor costs nothing; /doctor full names the price of its requests and asks first."),
    complete=_arguments,
)
def doctor(context: CommandContext, argument: str) -> Effects:
    """Begin a diagnosis."""
    if argument.strip("-") not in ("", _FULL):
        words = safe_format("/doctor takes only full, not {word}.", word=safe_line(f'"{argument[:40]}"'))
        return (Print(words, TextRole.ERROR),)
    return (Diagnose(full=bool(argument)),)
