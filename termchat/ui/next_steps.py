"""The next step after a reply, as the front end can offer it: by keys where they act, by commands where none does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from termchat.core.errors import Failure, FailureKind
from termchat.core.events import TurnEnded
from termchat.core.outcomes import Outcome
from termchat.core.sanitize import EMPTY, Safe, join, safe_format, safe_line


@dataclass(frozen=True, slots=True)
class StepLabels:
    """How each step is offered.

    back   what has become of a message that got no answer
    read   behind the line that tells of reasoning: how to read it
    more   how to read what else is known of an error
    """

    go_on: Safe
    again: Safe
    resend: Safe
    wait: Safe
    other: Safe
    pick: Safe
    larger: Safe
    use: Safe
    back: Safe
    more: Safe
    read: Safe = EMPTY


KEY_LABELS = StepLabels(
    go_on=safe_format("Alt-C continues"),
    again=safe_format("Alt-R retries"),
    resend=safe_format("Enter resends"),
    wait=safe_format("Alt-R retries when back"),
    other=safe_format("Alt-M other model"),
    pick=safe_format("Alt-M pick a model"),
    larger=safe_format("Alt-M larger model"),
    use=safe_format("Enter uses"),
    back=safe_format("the message is back in the input"),
    more=safe_format("Ctrl-O details"),
    read=safe_format("Ctrl-T to read"),
)
COMMAND_LABELS = StepLabels(
    go_on=safe_format("/continue for the rest"),
    again=safe_format("/retry to try again"),
    resend=safe_format("an empty line resends it"),
    wait=safe_format("an empty line retries when back"),
    other=safe_format("/model other model"),
    pick=safe_format("/model pick a model"),
    larger=safe_format("/model larger model"),
    use=safe_format("an empty line uses"),
    back=safe_format("an empty line resends it"),
    more=safe_format("/error details"),
)


def next_steps(ended: TurnEnded, ways: StepLabels) -> Safe:
    """What can be done about a reply that is not complete; nothing where there is nothing to be done."""
    if ended.failure:
        goes_on = ended.has_content and ended.outcome in (Outcome.CUT, Outcome.STALLED)
        rest = failure_steps(ended.failure, ways, received=ended.has_content)
        return join(" · ", (ways.go_on, rest)) if goes_on else rest
    match ended.outcome:
        case Outcome.CANCELLED if not ended.has_content:
            return safe_format("nothing received, {back}", back=ways.back)
        case Outcome.CANCELLED:
            return ways.go_on
        case Outcome.LENGTH:
            return join(" · ", (ways.go_on, safe_format("/set max_tokens")))
        case Outcome.FILTERED | Outcome.REFUSED:
            return join(" · ", (safe_format("/edit the message") if ended.has_content else ways.back, ways.other))
        case _:
            return EMPTY


def failure_steps(failure: Failure, ways: StepLabels, *, received: bool) -> Safe:
    """What the failure itself advises where that is more than a key, and the keys and commands that act now."""
    again = ways.again if received else ways.wait if failure.unreachable else ways.resend
    hint = _advice(failure)
    more = [ways.more] if failure.details else []
    return join(" · ", (*([hint] if hint else []), *_steps(failure, ways, again), *more))


def _steps(failure: Failure, ways: StepLabels, again: Safe) -> tuple[Safe, ...]:
    match failure.kind:
        case FailureKind.AUTH | FailureKind.NO_KEY | FailureKind.PERMISSION | FailureKind.QUOTA:
            return (ways.other, again)
        case FailureKind.NOT_FOUND if failure.suggestions:
            name = safe_line(str(failure.suggestions[0]))
            return (safe_format("{use} {name}", use=ways.use, name=name), ways.pick)
        case FailureKind.NOT_FOUND:
            return (ways.pick, again)
        case FailureKind.CONTEXT_TOO_LONG:
            return (safe_format("/new"), safe_format("/undo"), ways.larger)
        case FailureKind.CONTENT_FILTER:
            return (safe_format("/edit the message"), ways.other)
        case FailureKind.HISTORY_INVALID:
            return (ways.other, safe_format("/edit"), safe_format("/new"))
        case FailureKind.STORAGE:
            return (again,)
        case (
            FailureKind.RATE_LIMITED
            | FailureKind.OVERLOADED
            | FailureKind.SERVER
            | FailureKind.NETWORK
            | FailureKind.TIMEOUT
            | FailureKind.CUT
            | FailureKind.BAD_RESPONSE
            | FailureKind.EMPTY
            | FailureKind.BAD_REQUEST
            | FailureKind.BAD_CONFIG
            | FailureKind.BUG
        ):
            return (again, ways.other)
    assert_never(failure.kind)


def _advice(failure: Failure) -> Safe:
    """The hint of a failure, without its end; nothing where it would only name in words what the keys do."""
    match failure.kind:
        case (
            FailureKind.CUT
            | FailureKind.TIMEOUT
            | FailureKind.EMPTY
            | FailureKind.CONTEXT_TOO_LONG
            | FailureKind.HISTORY_INVALID
            | FailureKind.CONTENT_FILTER
        ):
            return EMPTY
        case FailureKind.RATE_LIMITED | FailureKind.OVERLOADED | FailureKind.SERVER:
            return safe_format("Status: {page}", page=failure.url) if failure.url else EMPTY
        case FailureKind.NOT_FOUND if failure.suggestions:
            return safe_format("Closest: {names}", names=safe_line(", ".join(map(str, failure.suggestions))))
        case _:
            return Safe(failure.hint.removesuffix(".").partition(", or choose another model")[0])
