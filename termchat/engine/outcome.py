"""Derive the outcome of a turn from the last deltas or the failure of its stream."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Protocol

from termchat.core.errors import Failure, FailureKind, outcome_of
from termchat.core.events import Finished
from termchat.core.messages import Part, Text, ToolCall
from termchat.core.outcomes import FinishReason, Outcome
from termchat.core.sanitize import Safe, counted, excerpt, safe_format, safe_line
from termchat.core.wire.assemble import MessageBuilder
from termchat.late_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class TurnEnd:
    """The end of a step or turn: outcome, failure if any, and the finish reason if the server gave one."""

    outcome: Outcome
    failure: Failure | None = None
    finish: FinishReason | None = None


class ReceivedReply(Protocol):
    """The end of a reply, as `Pump` has it."""

    @property
    def cancelled(self) -> bool: ...

    @property
    def failure(self) -> Failure | None: ...

    @property
    def finished(self) -> Finished | None: ...


_EMPTY = Failure(
    FailureKind.EMPTY,
    safe_format("The model sent an empty reply."),
    safe_format("Try again, or choose another model (/model, -m)."),
)


def turn_end(pump: ReceivedReply, builder: MessageBuilder, *, has_tools: bool = True) -> TurnEnd:
    """Return the end of a step. A reply that fails after its first content is cut, for any failure.

    has_tools   True when calls of the reply can run
    """
    if pump.cancelled and not pump.finished:
        return TurnEnd(Outcome.CANCELLED)
    if pump.failure:
        outcome = outcome_of(pump.failure)
        cut = outcome is Outcome.FAILED and builder.received
        return TurnEnd(Outcome.CUT if cut else outcome, pump.failure)
    finish = pump.finished.reason if pump.finished else FinishReason.ERROR
    broken = _unknown(pump.finished.raw) if finish is FinishReason.OTHER and pump.finished else _BROKEN.get(finish)
    if broken:
        return TurnEnd(Outcome.CUT if builder.received else Outcome.FAILED, broken, finish)
    outcome = _OUTCOMES[finish]
    if outcome is Outcome.COMPLETE and finish is not FinishReason.PAUSED:
        failure = _no_answer(builder.parts(), has_tools=has_tools)
        if failure:
            return TurnEnd(Outcome.FAILED, failure, finish)
    return TurnEnd(outcome, None, finish)


def received_parts(builder: MessageBuilder, end: TurnEnd) -> tuple[Part, ...]:
    """Return the parts of a reply. A call that its end has cut inside the arguments is not complete.

    Anthropic ends the block of such a call as that of any other one.
    """
    parts = builder.parts()
    if end.outcome is Outcome.COMPLETE:
        return parts
    return tuple(
        replace(part, complete=False) if isinstance(part, ToolCall) and not _is_json(part.arguments) else part
        for part in parts
    )


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _no_answer(parts: tuple[Part, ...], *, has_tools: bool) -> Failure | None:
    """Return the failure of a reply without text and without a call that can run; None for an answer."""
    calls = [part for part in parts if isinstance(part, ToolCall)]
    if any(isinstance(part, Text) for part in parts) or (has_tools and any(call.complete for call in calls)):
        return None
    if not calls:
        return _EMPTY
    named = next((call.name for call in calls if call.name), "")
    if not named:
        return _BROKEN[FinishReason.MALFORMED_TOOL]
    return Failure(
        FailureKind.BAD_RESPONSE,
        safe_format("The model only called the tool {name}, which is not available.", name=safe_line(named[:60])),
        safe_format("Try again, or offer tools: /tools on NAMES in a chat, --tools NAMES in a script."),
    )


def _unknown(word: str) -> Failure:
    return Failure(
        FailureKind.BAD_RESPONSE,
        safe_format("The model stopped for an unknown reason: {why}.", why=excerpt(word, 60)),
        safe_format("The reply may be incomplete. Try again."),
    )


def end_notices(pump: ReceivedReply, end: TurnEnd) -> Iterator[Safe]:
    """Yield the notices that explain the end of a step: the provider's reason to refuse."""
    finished = pump.finished
    if not finished:
        return
    if finished.why and end.outcome in (Outcome.REFUSED, Outcome.FILTERED):
        yield safe_format("Reason given by the provider: {why}", why=excerpt(finished.why, 300))


def round_limit_end(rounds: int) -> Failure:
    """Return the failure of a turn that reached `max_rounds` requests."""
    return Failure(
        FailureKind.BAD_REQUEST,
        safe_format("Stopped after {rounds} of tool calls.", rounds=counted(rounds, "round")),
        safe_format("Send a message to continue, or raise max_rounds."),
    )


_OUTCOMES: dict[FinishReason, Outcome] = {
    FinishReason.STOP: Outcome.COMPLETE,
    FinishReason.TOOL_CALLS: Outcome.COMPLETE,
    FinishReason.PAUSED: Outcome.COMPLETE,
    FinishReason.LENGTH: Outcome.LENGTH,
    FinishReason.CONTEXT_FULL: Outcome.LENGTH,
    FinishReason.FILTER: Outcome.FILTERED,
    FinishReason.REFUSAL: Outcome.REFUSED,
}


_BROKEN: dict[FinishReason, Failure] = {
    FinishReason.MALFORMED_TOOL: Failure(
        FailureKind.BAD_RESPONSE,
        safe_format("The model sent a malformed tool call."),
        safe_format("Try again."),
    ),
    FinishReason.HISTORY_INVALID: Failure(
        FailureKind.HISTORY_INVALID,
        safe_format("The provider rejected the history of this chat."),
        safe_format("Choose another model (/model, -m)."),
    ),
    FinishReason.ERROR: Failure(
        FailureKind.SERVER, safe_format("The provider ended the reply with an error."), safe_format("Try again.")
    ),
}
