"""Expected errors as values: a kind, a message for the user, the next step.

    Failure            an expected error
    ProviderError      carries a Failure from a provider to the pump, which turns it into an event

Any other exception is a bug or a cancellation.
"""

from __future__ import annotations

import logging
import traceback
from dataclasses import field
from enum import StrEnum
from typing import assert_never

from termchat.core.models import ModelRef
from termchat.core.outcomes import ExitCode, Outcome
from termchat.core.redact import Redactor
from termchat.core.sanitize import EMPTY, Safe, safe, safe_format, safe_line
from termchat.late_dataclass import dataclass

_log = logging.getLogger("termchat")


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
    """

    host: Safe = EMPTY
    model: Safe = EMPTY
    request_id: Safe = EMPTY
    server_message: Safe = EMPTY
    attempts: tuple[Attempt, ...] = ()
    traceback: Safe = EMPTY


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


def outcome_of(failure: Failure) -> Outcome:
    """Return the outcome of a reply that ends with this failure."""
    match failure.kind:
        case FailureKind.CUT:
            return Outcome.CUT
        case FailureKind.TIMEOUT:
            return Outcome.STALLED
        case FailureKind.CONTENT_FILTER:
            return Outcome.FILTERED
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


def internal_error(error: BaseException) -> Failure:
    """Log an unexpected exception and return its failure: its class in the message, the traceback in the details."""
    _log.error("internal error", exc_info=error)
    shown = Redactor()("".join(traceback.format_exception(error)))
    return Failure(
        FailureKind.BUG,
        safe_format("Internal error in termchat ({name}).", name=safe_line(type(error).__name__)),
        safe_format("The chat goes on. Please report the traceback above; in a chat, /error shows it."),
        details=FailureDetails(traceback=safe(shown)),
    )
