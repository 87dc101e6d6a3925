"""Expected errors are values: a kind, a plain sentence, the next step.

    Failure            what went wrong, as a user can read it
    ProviderError      carries a Failure out of a provider, up to the pump, which makes an event of it

Any other exception is a bug or a cancellation.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import assert_never

from termchat.core.models import ModelRef
from termchat.core.outcomes import ExitCode, Outcome
from termchat.core.sanitize import EMPTY, Safe


class FailureKind(StrEnum):
    """What sort of failure it is; decides the retries, the exit code and the way out that is offered."""

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
    STORAGE = "storage"  # the chats cannot be saved, or not be read
    BUG = "bug"


@dataclass(frozen=True, slots=True)
class Attempt:
    """A request that failed, when (seconds since 1970), and how."""

    at: float
    message: Safe


@dataclass(frozen=True, slots=True)
class FailureDetails:
    """What stands behind a failure, for whoever has to find out more. All of it is safe, and redacted.

    request   the id under which the server knows the request
    said      the server's own words, whole up to a limit; where there was none, those of the connection
    """

    host: Safe = EMPTY
    model: Safe = EMPTY
    request_id: Safe = EMPTY
    server_message: Safe = EMPTY
    attempts: tuple[Attempt, ...] = ()


@dataclass(frozen=True, slots=True)
class Failure:
    """An expected error.

    message      one plain sentence; foreign words in it are already safe, redacted and short
    hint         the next step to take, "" when there is none
    status       the HTTP status, when there was one
    retry_after  seconds the server asks to wait
    retryable    whether the same request may be sent again by itself (nothing was shown, nothing was billed)
    page         an address where the provider tells how it is, or sells credit; "" when there is none
    away         the host was never reached, so that nothing of the request was
    closest      the models that may have been meant, of one that is not there; the most likely first
    details      what is known beyond that; no part of what makes two failures the same
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
    """A provider could not answer; `failure` says why."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def outcome_of(failure: Failure) -> Outcome:
    """How a reply ends that ends with this failure."""
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
    """The exit code of a script whose reply ended so."""
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
