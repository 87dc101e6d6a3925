"""How a reply ended: one word, on screen, in the store and in the exit code."""

from __future__ import annotations

from enum import IntEnum, StrEnum


class Outcome(StrEnum):
    """The true end of a reply; anything but `COMPLETE` is incomplete and is never shown as complete."""

    COMPLETE = "complete"
    LENGTH = "length"  # the token limit, ours or the model's
    FILTERED = "filtered"  # the provider's filter
    REFUSED = "refused"  # the model declined
    CUT = "cut"  # the stream ended before its end
    STALLED = "stalled"  # no data in time
    CANCELLED = "cancelled"  # the user stopped it
    BUDGET = "budget"  # the money set aside for it is spent
    LIMIT = "limit"  # a loop limit of ours
    FAILED = "failed"  # an error, reported beside it

    @property
    def can_continue(self) -> bool:
        """True when the reply stopped in the middle, so that a further request can continue its text."""
        return self in (Outcome.CUT, Outcome.STALLED, Outcome.LENGTH, Outcome.CANCELLED)


class FinishReason(StrEnum):
    """Why the model stopped, in one vocabulary for every protocol (providers.md 3.5)."""

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
    """The exit codes that scripts rely on; frozen, change only by adding."""

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
        return _EXIT_WORDS[self]


_EXIT_WORDS = {
    ExitCode.COMPLETE: "the reply is complete",
    ExitCode.ERROR: "an error, told on stderr",
    ExitCode.USAGE: "the command line or the configuration is wrong",
    ExitCode.LENGTH: "cut short by the token limit",
    ExitCode.REFUSED: "refused by the model or filtered by the provider",
    ExitCode.CUT: "the stream was cut; what came was printed",
    ExitCode.STALLED: "no data in time",
    ExitCode.BUDGET: "the budget is reached",
    ExitCode.DENIED: "a call was denied for want of a rule, or a loop limit was reached",
    ExitCode.TRY_LATER: "rate limited or overloaded: try later",
    ExitCode.NO_KEY: "no key, or the key was refused",
    ExitCode.SIGHUP: "the terminal went away",
    ExitCode.CANCELLED: "cancelled with Ctrl-C",
    ExitCode.SIGPIPE: "whoever read the reply went away",
    ExitCode.SIGTERM: "ended by a signal",
}
