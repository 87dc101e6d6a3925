"""/error: show the details of the last error."""

from __future__ import annotations

from datetime import datetime

from termchat.commands.registry import CommandContext, CommandGroup, Effects
from termchat.core.effects import Print, ShowInPager
from termchat.core.errors import Attempt, Failure, FailureDetails
from termchat.core.sanitize import EMPTY, Safe, join, safe, safe_format

group = CommandGroup()


@group.command(
    "error",
    safe_format("show the details of the last error"),
    details=safe_format("Shows the server's message, the request id and every attempt. Keys are redacted."),
    allowed_while_busy=True,
)
def error(context: CommandContext, argument: str) -> Effects:
    """Show the failure of the last turn that failed. Ctrl-O does the same without a paste or a running tool."""
    failure = context.session.failure
    if failure is None:
        return (Print(safe_format("No errors yet.")),)
    if failure.details is None:
        return (Print(safe_format("{what} There are no further details.", what=failure.message)),)
    return (ShowInPager(_whole(failure, failure.details)),)


def _whole(failure: Failure, details: FailureDetails) -> Safe:
    message = safe_format("Server message:\n\n{text}", text=details.server_message) if details.server_message else EMPTY
    trace = safe_format("Traceback:\n\n{text}", text=details.traceback) if details.traceback else EMPTY
    summary = [words for words in (failure.message, failure.hint) if words]
    return join("\n\n", [part for part in (join("\n", summary), _facts(failure, details), message, trace) if part])


def _facts(failure: Failure, details: FailureDetails) -> Safe:
    rows = [
        (safe_format("host"), details.host),
        (safe_format("model"), details.model),
        (safe_format("status"), safe(str(failure.status)) if failure.status else EMPTY),
        (safe_format("request id"), details.request_id),
        *((safe_format("attempt"), _attempt(one)) for one in details.attempts),
    ]
    return join("\n", [Safe(f"{name:<12}{words}") for name, words in rows if words])


def _attempt(one: Attempt) -> Safe:
    moment = datetime.fromtimestamp(one.at)  # noqa: DTZ006, local time
    return safe_format("{at}  {what}", at=safe(f"{moment:%Y-%m-%d %H:%M:%S}"), what=one.message)
