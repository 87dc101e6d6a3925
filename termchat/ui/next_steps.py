"""Next steps after a reply, as hints: keys in the REPL, commands in the plain front end."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import assert_never

from termchat.config.keys.key_bindings import DEFAULT_KEYS, Action, KeyMap
from termchat.config.settings import UsageLine
from termchat.core.errors import Failure, FailureKind
from termchat.core.events import TurnEnded
from termchat.core.outcomes import Outcome
from termchat.core.sanitize import EMPTY, Safe, join, safe_format, safe_line
from termchat.core.style import TextRole
from termchat.ui.phrases import outcome_line, usage_line
from termchat.ui.text.line import Line, linked, styled_line


@dataclass(frozen=True, slots=True)
class StepLabels:
    """The hint for each step.

    back   where an unanswered message is
    read   how to read the reasoning, appended to its summary
    more   how to read the details of an error
    """

    resume: Safe
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


COMMAND_LABELS = StepLabels(
    resume=safe_format("/continue for the rest"),
    again=safe_format("/retry to try again"),
    resend=safe_format("an empty line resends it"),
    wait=safe_format("an empty line retries when back"),
    other=safe_format("/model to switch models"),
    pick=safe_format("/model to pick a model"),
    larger=safe_format("/model for a larger context"),
    use=safe_format("an empty line uses"),
    back=safe_format("an empty line resends it"),
    more=safe_format("/error details"),
)


def key_labels(keys: KeyMap, sends: Safe) -> StepLabels:
    """Return the hints that name the keys of the user; the command where an action has no key.

    sends   the key that sends the input
    """
    model, retry = keys.label(Action.MODEL), keys.label(Action.RETRY)
    return StepLabels(
        resume=keys.hint(Action.CONTINUE, safe_format("continues")) or COMMAND_LABELS.resume,
        again=keys.hint(Action.RETRY, safe_format("retries")) or COMMAND_LABELS.again,
        resend=safe_format("{key} resends", key=sends),
        wait=safe_format("{key} retries when back", key=retry) if retry else safe_format("/retry when back"),
        other=safe_format("{key} other model", key=model) if model else COMMAND_LABELS.other,
        pick=safe_format("{key} pick a model", key=model) if model else COMMAND_LABELS.pick,
        larger=safe_format("{key} larger model", key=model) if model else COMMAND_LABELS.larger,
        use=safe_format("{key} uses", key=sends),
        back=safe_format("the message is back in the input"),
        more=keys.hint(Action.UNFOLD_PASTE, safe_format("details")) or COMMAND_LABELS.more,
        read=keys.hint(Action.REASONING, safe_format("to read")),
    )


KEY_LABELS = key_labels(DEFAULT_KEYS, DEFAULT_KEYS.sends(enter_sends=True))


def without_message(labels: StepLabels, *, continues: bool) -> StepLabels:
    """Return the labels for a reply that was asked for without a message, which cannot be sent by Enter again."""
    again = labels.resume if continues else labels.again
    use = safe_format("/model") if continues else safe_format("/retry")
    return replace(labels, resend=again, wait=again, use=use, back=safe_format("the chat is as before"))


def next_steps(ended: TurnEnded, labels: StepLabels) -> Safe:
    """Return the hints for a reply that is not complete; empty if there is nothing to do."""
    if ended.failure:
        continuable = ended.has_content and ended.outcome in (Outcome.CUT, Outcome.STALLED)
        rest = failure_steps(ended.failure, labels, received=ended.has_content)
        return join(" · ", (labels.resume, rest)) if continuable else rest
    match ended.outcome:
        case Outcome.CANCELLED if not ended.has_content:
            return safe_format("nothing received, {back}", back=labels.back)
        case Outcome.CANCELLED:
            return labels.resume
        case Outcome.LENGTH:
            return join(" · ", (labels.resume, safe_format("/set max_tokens")))
        case Outcome.FILTERED | Outcome.REFUSED:
            return join(" · ", (safe_format("/edit the message") if ended.has_content else labels.back, labels.other))
        case _:
            return EMPTY


def failure_steps(failure: Failure, labels: StepLabels, *, received: bool) -> Safe:
    """Return the advice of a failure, unless a key says the same, and the keys and commands that help.

    `received`: part of the reply came.
    """
    again = labels.again if received else labels.wait if failure.unreachable else labels.resend
    hint = _advice(failure)
    more = [labels.more] if failure.details else []
    return join(" · ", (*([hint] if hint else []), *_steps(failure, labels, again), *more))


def _steps(failure: Failure, labels: StepLabels, again: Safe) -> tuple[Safe, ...]:
    match failure.kind:
        case FailureKind.AUTH | FailureKind.NO_KEY:
            return (safe_format("/login"), labels.other, again)
        case FailureKind.PERMISSION | FailureKind.QUOTA:
            return (labels.other, again)
        case FailureKind.NOT_FOUND if failure.suggestions:
            name = safe_line(str(failure.suggestions[0]))
            return (safe_format("{use} {name}", use=labels.use, name=name), labels.pick)
        case FailureKind.NOT_FOUND:
            return (labels.pick, again)
        case FailureKind.CONTEXT_TOO_LONG:
            return (safe_format("/compact"), safe_format("/drop N"), labels.larger)
        case FailureKind.CONTENT_FILTER:
            return (safe_format("/edit the message"), labels.other)
        case FailureKind.HISTORY_INVALID:
            return (labels.other, safe_format("/edit"), safe_format("/new"))
        case FailureKind.STORAGE | FailureKind.BUDGET:
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
            return (again, labels.other)
    assert_never(failure.kind)


def _advice(failure: Failure) -> Safe:
    """Return the hint of a failure without its full stop; empty if it only repeats what the keys do."""
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
        case FailureKind.BUG if failure.details and failure.details.report:
            return safe_format("Report: {file}", file=failure.details.report)
        case FailureKind.BUG:
            return safe_format("Please report it")
        case _:
            return Safe(failure.hint.removesuffix(".").partition(", or choose another model")[0])


def end_lines(ended: TurnEnded, labels: StepLabels, shown: UsageLine) -> tuple[Line, ...]:
    """Return the lines below a reply: its outcome unless complete, the failure with the next steps, the usage."""
    lines: list[Line] = []
    steps = next_steps(ended, labels)
    if mark := outcome_line(ended):
        hints = safe_format(" · {steps}", steps=steps) if steps and not ended.failure else EMPTY
        lines.append((*styled_line(mark, TextRole.WARNING), *(styled_line(hints, TextRole.DIM) if hints else ())))
    if ended.failure:
        lines.append(styled_line(ended.failure.message, TextRole.ERROR))
        lines.append(linked(steps, ended.failure.url, TextRole.DIM))
    counts = ended.has_content and not (ended.outcome is Outcome.CANCELLED and ended.usage.estimated)
    if shown is not UsageLine.OFF and counts:
        lines.append(styled_line(usage_line(ended, full=shown is UsageLine.FULL), TextRole.DIM))
    return tuple(lines)
