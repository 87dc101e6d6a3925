"""The outcome of a turn: what a stream's last deltas, or its failure, say about how the reply ended."""

from __future__ import annotations

from dataclasses import dataclass

from termchat.core.assemble import MessageBuilder
from termchat.core.errors import Failure, FailureKind, outcome_of
from termchat.core.messages import Text, ToolCall
from termchat.core.outcomes import FinishReason, Outcome
from termchat.core.sanitize import safe, safe_format
from termchat.engine.pump import Pump


@dataclass(frozen=True, slots=True)
class TurnEnd:
    outcome: Outcome
    failure: Failure | None = None
    finish: FinishReason | None = None


_EMPTY = Failure(
    FailureKind.EMPTY,
    safe_format("The model sent an empty reply."),
    safe_format("Try /retry, or another model with /model."),
)


def turn_end(pump: Pump, assembly: MessageBuilder) -> TurnEnd:
    """How a step ended. A reply that failed after its first words is cut, whatever failed."""
    if pump.cancelled and not pump.finished:
        return TurnEnd(Outcome.CANCELLED)
    if pump.failure:
        outcome = outcome_of(pump.failure)
        cut = outcome is Outcome.FAILED and assembly.received
        return TurnEnd(Outcome.CUT if cut else outcome, pump.failure)
    finish = pump.finished.reason if pump.finished else FinishReason.ERROR
    if finish in _BROKEN:
        return TurnEnd(Outcome.CUT if assembly.received else Outcome.FAILED, _BROKEN[finish], finish)
    outcome = _OUTCOMES[finish]
    said = any(isinstance(part, Text | ToolCall) for part in assembly.parts())
    if outcome is Outcome.COMPLETE and finish is not FinishReason.PAUSED and not said:
        return TurnEnd(Outcome.FAILED, _EMPTY, finish)
    return TurnEnd(outcome, None, finish)


def round_limit_end(rounds: int) -> Failure:
    return Failure(
        FailureKind.BAD_REQUEST,
        safe_format("Stopped after {n} rounds of tool calls.", n=safe(str(rounds))),
        safe_format("Say how to go on, or raise max_rounds."),
    )


_OUTCOMES: dict[FinishReason, Outcome] = {
    FinishReason.STOP: Outcome.COMPLETE,
    FinishReason.TOOL_CALLS: Outcome.COMPLETE,
    FinishReason.PAUSED: Outcome.COMPLETE,
    FinishReason.OTHER: Outcome.COMPLETE,
    FinishReason.LENGTH: Outcome.LENGTH,
    FinishReason.CONTEXT_FULL: Outcome.LENGTH,
    FinishReason.FILTER: Outcome.FILTERED,
    FinishReason.REFUSAL: Outcome.REFUSED,
}


_BROKEN: dict[FinishReason, Failure] = {
    FinishReason.MALFORMED_TOOL: Failure(
        FailureKind.BAD_RESPONSE,
        safe_format("The model made a tool call that cannot be read."),
        safe_format("Try /retry."),
    ),
    FinishReason.HISTORY_INVALID: Failure(
        FailureKind.HISTORY_INVALID,
        safe_format("The provider refused the history of this chat."),
        safe_format("Try another model with /model."),
    ),
    FinishReason.ERROR: Failure(
        FailureKind.SERVER, safe_format("The provider stopped with an error of its own."), safe_format("Try /retry.")
    ),
}
