"""Outcomes: the one word for the end of a reply on screen, in the store and in the exit code."""

from __future__ import annotations

from enum import IntEnum, StrEnum


class Outcome(StrEnum):
    """The end of a reply. Only `COMPLETE` is complete; no other outcome may be shown as complete."""

    COMPLETE = "complete"
    LENGTH = "length"  # the token limit, of the request or of the model
    FILTERED = "filtered"  # the provider's filter
    REFUSED = "refused"  # the model declined
    CUT = "cut"  # the stream ended before its end
    STALLED = "stalled"  # no data before the timeout
    CANCELLED = "cancelled"  # the user stopped it
    BUDGET = "budget"  # the budget is spent
    LIMIT = "limit"  # the limit of tool rounds
    FAILED = "failed"  # an error, reported beside it

    @property
    def can_continue(self) -> bool:
        """True when the reply stopped in the middle, so that a further request can continue its text."""
        return self in (Outcome.CUT, Outcome.STALLED, Outcome.LENGTH, Outcome.CANCELLED)


class FinishReason(StrEnum):
    """The finish reason of a reply, mapped from the values of each protocol."""

    STOP = "stop"
    TOOL_CALLS = "tool_calls"
    LENGTH = "length"
    CONTEXT_FULL = "context_full"
    FILTER = "content_filter"
    REFUSAL = "refusal"
    PAUSED = "paused"
    MALFORMED_TOOL = "malformed_tool"
    HISTORY_INVALID = "history_invalid"
    ERROR = "error"
    OTHER = "other"


class ExitCode(IntEnum):
    """The exit codes of one-shot mode. Scripts rely on them: add codes, never change one."""

    COMPLETE = 0
    ERROR = 1
    USAGE = 2
    LENGTH = 3
    REFUSED = 4
    CUT = 5
    STALLED = 6
    BUDGET = 7
    DENIED = 8
    TRY_LATER = 75
    NO_KEY = 77
    SIGHUP = 129
    CANCELLED = 130
    SIGPIPE = 141
    SIGTERM = 143

    @property
    def description(self) -> str:
        """The meaning of the code, as listed in `--help` and the guide."""
        return _EXIT_WORDS[self]


_EXIT_WORDS = {
    ExitCode.COMPLETE: "the reply is complete",
    ExitCode.ERROR: "an error, reported on stderr",
    ExitCode.USAGE: "the command line or the configuration is wrong",
    ExitCode.LENGTH: "cut short by the token limit",
    ExitCode.REFUSED: "refused by the model or filtered by the provider",
    ExitCode.CUT: "the stream was cut; the partial reply was printed",
    ExitCode.STALLED: "timed out",
    ExitCode.BUDGET: "budget reached",
    ExitCode.DENIED: "a call was denied, or a loop limit was reached",
    ExitCode.TRY_LATER: "rate limited or overloaded: try later",
    ExitCode.NO_KEY: "no API key, or the key was rejected",
    ExitCode.SIGHUP: "the terminal was closed",
    ExitCode.CANCELLED: "cancelled with Ctrl-C",
    ExitCode.SIGPIPE: "the reader of the output was closed",
    ExitCode.SIGTERM: "ended by a signal",
}
