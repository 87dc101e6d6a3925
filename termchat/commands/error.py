"""/error: what is known of the last error, beyond the line that told of it."""

from __future__ import annotations

from datetime import datetime

from termchat.commands.registry import CommandContext, CommandGroup, Effects
from termchat.core.effects import Print, ShowInPager
from termchat.core.errors import Attempt, Failure, FailureDetails
from termchat.core.sanitize import EMPTY, Safe, join, safe, safe_format

family = CommandGroup()


@family.command(
    "error",
    safe_format("read all that is known of the last error"),
    details=safe_format("The server's own words, its id of the request, and each try; keys are left out."),
    allowed_while_busy=True,
)
def error(context: CommandContext, argument: str) -> Effects:
    """The last turn that failed; Ctrl-O does the same where no paste is under the cursor."""
    failure = context.session.failure
    if failure is None:
        return (Print(safe_format("Nothing has failed yet.")),)
    if failure.details is None:
        return (Print(safe_format("{what} More is not known of it.", what=failure.message)),)
    return (ShowInPager(_whole(failure, failure.details)),)


def _whole(failure: Failure, details: FailureDetails) -> Safe:
    said = (
        safe_format("The words that came with it:\n\n{said}", said=details.server_message)
        if details.server_message
        else EMPTY
    )
    told = [words for words in (failure.message, failure.hint) if words]
    return join("\n\n", [part for part in (join("\n", told), _facts(failure, details), said) if part])


def _facts(failure: Failure, details: FailureDetails) -> Safe:
    rows = [
        (safe_format("host"), details.host),
        (safe_format("model"), details.model),
        (safe_format("status"), safe(str(failure.status)) if failure.status else EMPTY),
        (safe_format("request id"), details.request_id),
        *((safe_format("tried"), _tried(one)) for one in details.attempts),
    ]
    return join("\n", [Safe(f"{name:<12}{words}") for name, words in rows if words])


def _tried(one: Attempt) -> Safe:
    moment = datetime.fromtimestamp(one.at)  # noqa: DTZ006, the user's own clock
    return safe_format("{at}  {what}", at=safe(f"{moment:%Y-%m-%d %H:%M:%S}"), what=one.message)
