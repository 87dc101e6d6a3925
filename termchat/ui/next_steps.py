"""The next step after a reply, as the front end can offer it: by keys where they act, by commands where none does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from termchat.core.errors import Failure, FailureKind
from termchat.core.events import TurnEnded
from termchat.core.outcomes import Outcome
from termchat.core.sanitize import EMPTY, Safe, join, safe_line, say


@dataclass(frozen=True, slots=True)
class Ways:
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


KEYS = Ways(
    go_on=say("Alt-C goes on"),
    again=say("Alt-R asks again"),
    resend=say("Enter sends again"),
    wait=say("Alt-R retries when back"),
    other=say("Alt-M other model"),
    pick=say("Alt-M pick a model"),
    larger=say("Alt-M larger model"),
    use=say("Enter uses"),
    back=say("the message is back in the input"),
    more=say("Ctrl-O details"),
    read=say("Ctrl-T to read"),
)
COMMANDS = Ways(
    go_on=say("/continue goes on"),
    again=say("/retry asks again"),
    resend=say("an empty line sends it again"),
    wait=say("an empty line sends it when back"),
    other=say("/model other model"),
    pick=say("/model pick a model"),
    larger=say("/model larger model"),
    use=say("an empty line uses"),
    back=say("an empty line sends it again"),
    more=say("/error details"),
)


def after(ended: TurnEnded, ways: Ways) -> Safe:
    """What can be done about a reply that is not complete; nothing where there is nothing to be done."""
    if ended.failure:
        goes_on = ended.received and ended.outcome in (Outcome.CUT, Outcome.STALLED)
        rest = ways_out(ended.failure, ways, received=ended.received)
        return join(" · ", (ways.go_on, rest)) if goes_on else rest
    match ended.outcome:
        case Outcome.CANCELLED if not ended.received:
            return say("nothing had come yet, {back}", back=ways.back)
        case Outcome.CANCELLED:
            return ways.go_on
        case Outcome.LENGTH:
            return join(" · ", (ways.go_on, say("/set max_tokens")))
        case Outcome.FILTERED | Outcome.REFUSED:
            return join(" · ", (say("/edit the message") if ended.received else ways.back, ways.other))
        case _:
            return EMPTY


def ways_out(failure: Failure, ways: Ways, *, received: bool) -> Safe:
    """What the failure itself advises where that is more than a key, and the keys and commands that act now."""
    again = ways.again if received else ways.wait if failure.away else ways.resend
    hint = _advice(failure)
    more = [ways.more] if failure.details else []
    return join(" · ", (*([hint] if hint else []), *_steps(failure, ways, again), *more))


def _steps(failure: Failure, ways: Ways, again: Safe) -> tuple[Safe, ...]:
    match failure.kind:
        case FailureKind.AUTH | FailureKind.NO_KEY | FailureKind.PERMISSION | FailureKind.QUOTA:
            return (ways.other, again)
        case FailureKind.NOT_FOUND if failure.closest:
            name = safe_line(str(failure.closest[0]))
            return (say("{use} {name}", use=ways.use, name=name), ways.pick)
        case FailureKind.NOT_FOUND:
            return (ways.pick, again)
        case FailureKind.CONTEXT_TOO_LONG:
            return (say("/new"), say("/undo"), ways.larger)
        case FailureKind.CONTENT_FILTER:
            return (say("/edit the message"), ways.other)
        case FailureKind.HISTORY_INVALID:
            return (ways.other, say("/edit"), say("/new"))
        case FailureKind.STORAGE:
            return (again,)
        case (
            FailureKind.RATE_LIMITED | FailureKind.OVERLOADED | FailureKind.SERVER | FailureKind.NETWORK | FailureKind.TIMEOUT | FailureKind.CUT
            | FailureKind.BAD_RESPONSE | FailureKind.EMPTY | FailureKind.BAD_REQUEST | FailureKind.BAD_CONFIG | FailureKind.BUG
        ):  # fmt: skip
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
            return say("Status: {page}", page=failure.page) if failure.page else EMPTY
        case FailureKind.NOT_FOUND if failure.closest:
            return say("Closest: {names}", names=safe_line(", ".join(map(str, failure.closest))))
        case _:
            return Safe(failure.hint.removesuffix(".").partition(", or choose another model")[0])
