"""Expected errors as values: a kind, a message for the user, the next step.

    Failure            an expected error
    ProviderError      carries a Failure from a provider to the pump, which turns it into an event

Any other exception is a bug or a cancellation.
"""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable
from dataclasses import field
from enum import StrEnum
from typing import Any, assert_never

from termchat.core.models import ModelRef
from termchat.core.outcomes import ExitCode, Outcome
from termchat.core.redact import Redactor
from termchat.core.sanitize import EMPTY, Safe, safe, safe_format, safe_line
from termchat.late_dataclass import dataclass

BUG_LOG = "termchat.bugs"  # the logger of internal errors
_log = logging.getLogger(BUG_LOG)
_log.addHandler(logging.NullHandler())  # without any handler, logging would write to the terminal


class FailureKind(StrEnum):
    """The kind of a failure; decides retries, exit code and suggested next steps."""

    TIMEOUT = "timeout"
    NETWORK = "network"
    BAD_CONFIG = "bad_config"
    NO_KEY = "no_key"
    AUTH = "auth"
    QUOTA = "quota"
    PERMISSION = "permission"
    NOT_FOUND = "not_found"
    CONTEXT_TOO_LONG = "context_too_long"
    CONTENT_FILTER = "content_filter"
    RATE_LIMITED = "rate_limited"
    OVERLOADED = "overloaded"
    HISTORY_INVALID = "history_invalid"
    BAD_REQUEST = "bad_request"
    SERVER = "server"
    CUT = "cut"
    BAD_RESPONSE = "bad_response"
    EMPTY = "empty"
    BUDGET = "budget"  # a request would cross a limit on spending, or cannot be bounded
    STORAGE = "storage"  # chats cannot be saved or read
    BUG = "bug"


@dataclass(frozen=True, slots=True)
class Attempt:
    """A failed request: its time in seconds since 1970, and its error."""

    at: float
    message: Safe


@dataclass(frozen=True, slots=True)
class FailureDetails:
    """Details of a failure, shown by /error. All texts are safe and redacted.

    request_id       the server's id of the request
    server_message   the error text of the server, up to a limit; without a response, that of the connection
    attempts         every request that was tried, in order
    traceback        of an internal error
    report           the file with the report of an internal error
    """

    host: Safe = EMPTY
    model: Safe = EMPTY
    request_id: Safe = EMPTY
    server_message: Safe = EMPTY
    attempts: tuple[Attempt, ...] = ()
    traceback: Safe = EMPTY
    report: Safe = EMPTY


@dataclass(frozen=True, slots=True)
class Failure:
    """An expected error.

    message      one plain sentence; foreign text in it is already safe, redacted and short
    hint         the next step to take, "" when there is none
    status       the HTTP status, None without a response
    retry_after  seconds the server asks to wait
    retryable    True when the same request may be sent again automatically (nothing was shown, nothing was billed)
    url          the provider's status or credit page, "" when there is none
    unreachable  True when the host was never reached, so that the request was not sent
    suggestions  similar models for one that does not exist, the most likely first
    details      further details, ignored by ==
    """

    kind: FailureKind
    message: Safe
    hint: Safe = EMPTY
    status: int | None = None
    retry_after: float | None = None
    retryable: bool = False
    url: Safe = EMPTY
    unreachable: bool = False
    suggestions: tuple[ModelRef, ...] = ()
    details: FailureDetails | None = field(default=None, compare=False)


class ProviderError(Exception):
    """A provider could not answer; `failure` is the reason."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def error_reason(error: Exception) -> Safe:
    """Return the reason of a failed system call, as it stands in a sentence: `no such file or directory`.

    An exception without one, such as the ValueError for a file name with a NUL, gives its own text.
    """
    why: str = getattr(error, "strerror", None) or str(error)
    if isinstance(error, ValueError) and "embedded null" in why:
        why = "embedded null byte"  # Python 3.14: `stat: embedded null character in path`
    return safe_line(why[:1].lower() + why[1:])


def failure_record(failure: Failure | None) -> dict[str, Any] | None:
    """Return a failure as JSON, as in all output for scripts: its kind, the sentence, the next step."""
    if failure is None:
        return None
    return {
        "kind": failure.kind.value,
        "message": str(failure.message),
        "hint": str(failure.hint) or None,
        "status": failure.status,
        "retry_after": failure.retry_after,
    }


def outcome_of(failure: Failure) -> Outcome:
    """Return the outcome of a reply that ends with this failure."""
    match failure.kind:
        case FailureKind.CUT:
            return Outcome.CUT
        case FailureKind.TIMEOUT:
            return Outcome.STALLED
        case FailureKind.CONTENT_FILTER:
            return Outcome.FILTERED
        case FailureKind.BUDGET:
            return Outcome.BUDGET
        case _:
            return Outcome.FAILED


def exit_code(outcome: Outcome, failure: Failure | None = None) -> ExitCode:
    """Return the exit code of a one-shot run whose reply ended with this outcome."""
    match outcome:
        case Outcome.COMPLETE:
            return ExitCode.COMPLETE
        case Outcome.LENGTH:
            return ExitCode.LENGTH
        case Outcome.FILTERED | Outcome.REFUSED:
            return ExitCode.REFUSED
        case Outcome.CUT:
            return ExitCode.CUT
        case Outcome.STALLED:
            return ExitCode.STALLED
        case Outcome.CANCELLED:
            return ExitCode.CANCELLED
        case Outcome.BUDGET:
            return ExitCode.BUDGET
        case Outcome.LIMIT:
            return ExitCode.DENIED
        case Outcome.FAILED:
            return _failed(failure)
    assert_never(outcome)


def _failed(failure: Failure | None) -> ExitCode:
    match failure.kind if failure else None:
        case FailureKind.NO_KEY | FailureKind.AUTH | FailureKind.PERMISSION:
            return ExitCode.NO_KEY
        case FailureKind.RATE_LIMITED | FailureKind.OVERLOADED:
            return ExitCode.TRY_LATER
        case _:
            return ExitCode.ERROR


_GROUPS = (ExceptionGroup, BaseExceptionGroup)


class BugReporting:
    """The writer of reports of internal errors: it returns the path of the file, EMPTY if it cannot be written."""

    def __init__(self) -> None:
        self.write: Callable[[BaseException], Safe] | None = None


bug_reporting = BugReporting()  # `app` sets its writer: bugs come from every layer


def internal_error(error: BaseException) -> Failure:
    """Report an unexpected exception and return its failure: its class in the message, the traceback in the details.

    The traceback goes to the log `BUG_LOG`, which is not shown on a terminal.
    """
    shown = safe(Redactor()("".join(traceback.format_exception(error))))
    _log.error("internal error\n%s", shown)  # as text: a handler may write to a terminal
    report = bug_reporting.write(error) if bug_reporting.write else EMPTY
    hint = (
        safe_format("A report is in {file}: please attach it to a bug report.", file=report)
        if report
        else safe_format("Please report it. No report could be saved; in a chat, /error shows the details.")
    )
    return Failure(
        FailureKind.BUG,
        safe_format("Internal error in termchat ({name}).", name=safe_line(type(_only(error)).__name__)),
        hint,
        details=FailureDetails(traceback=shown, report=report),
    )


def _only(error: BaseException) -> BaseException:
    """Return the error in a group of one, as a task group raises it; any other error as it is."""
    inside: tuple[BaseException, ...] = getattr(error, "exceptions", ())
    return _only(inside[0]) if type(error) in _GROUPS and len(inside) == 1 else error
