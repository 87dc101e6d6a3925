"""/error: what is known of the last error, beyond the line that told of it."""

from __future__ import annotations

from datetime import datetime

from termchat.commands.registry import Context, Effects, Family
from termchat.core.effects import Page, Say
from termchat.core.errors import Details, Failure, Try
from termchat.core.sanitize import EMPTY, Safe, join, safe, say

family = Family()


@family.command(
    "error",
    say("read all that is known of the last error"),
    more=say("The server's own words, its id of the request, and each try; keys are left out."),
    harmless=True,
)
def error(context: Context, argument: str) -> Effects:
    """The last turn that failed; Ctrl-O does the same where no paste is under the cursor."""
    failure = context.session.failure
    if failure is None:
        return (Say(say("Nothing has failed yet.")),)
    if failure.details is None:
        return (Say(say("{what} More is not known of it.", what=failure.message)),)
    return (Page(_whole(failure, failure.details)),)


def _whole(failure: Failure, details: Details) -> Safe:
    said = say("The words that came with it:\n\n{said}", said=details.said) if details.said else EMPTY
    told = [words for words in (failure.message, failure.hint) if words]
    return join("\n\n", [part for part in (join("\n", told), _facts(failure, details), said) if part])


def _facts(failure: Failure, details: Details) -> Safe:
    rows = [
        (say("host"), details.host),
        (say("model"), details.model),
        (say("status"), safe(str(failure.status)) if failure.status else EMPTY),
        (say("request id"), details.request),
        *((say("tried"), _tried(one)) for one in details.tries),
    ]
    return join("\n", [Safe(f"{name:<12}{words}") for name, words in rows if words])


def _tried(one: Try) -> Safe:
    moment = datetime.fromtimestamp(one.at)  # noqa: DTZ006, the user's own clock
    return say("{at}  {what}", at=safe(f"{moment:%Y-%m-%d %H:%M:%S}"), what=one.message)
