"""Record the requests of a turn in the ledger, without its messages."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import assert_never

from termchat.core.errors import FailureKind
from termchat.core.events import (
    CONTENT_DELTAS,
    ApprovalAnswered,
    ApprovalAsked,
    Event,
    MessageDone,
    Notice,
    RequestCost,
    StepCounted,
    StepStarted,
    Streamed,
    ToolFinished,
    ToolProgress,
    ToolStarted,
    TurnEnded,
    TurnStarted,
)
from termchat.core.messages import Role
from termchat.core.models import ModelRef
from termchat.core.outcomes import Outcome
from termchat.late_dataclass import dataclass
from termchat.store.ledger import Entry


@dataclass(slots=True)
class RequestStep:
    """One request of a turn: its number from 1, its time (Unix time), and its beginning in monotonic seconds."""

    number: int
    at: float
    began: float
    first: float | None = None
    last: RequestCost | None = None

    def entry(self, turn_id: str, event: MessageDone | TurnEnded, model: ModelRef) -> Entry:
        """Return the ledger entry of the ended request: of the model that answered, `model` if that is unknown."""
        if isinstance(event, TurnEnded):
            kind = event.failure.kind if event.failure else None
            entry = Entry(turn_id, self.number, self.at, model, event.outcome, failure=kind)
        else:
            message = event.message
            assert message.outcome
            entry = Entry(turn_id, self.number, self.at, model, message.outcome, message.origin, message.usage)
        entry = replace(entry, first=self.first, seconds=time.monotonic() - self.began)
        return _counted(entry, self.last) if self.last else entry

    def was_sent(self, event: MessageDone | TurnEnded) -> bool:
        """Return False for a request that a limit on spending stopped before it was sent."""
        stopped = isinstance(event, TurnEnded) and event.failure and event.failure.kind is FailureKind.BUDGET
        return not stopped or (self.last is not None and self.last.usage is not None)

    def earlier_entry(self, turn_id: str, number: int, request: RequestCost) -> Entry:
        """Return the ledger entry of a request that a server counted before the step was answered."""
        entry = Entry(turn_id, self.number, self.at, request.origin.ref, Outcome.FAILED, attempt=number)
        return _counted(entry, request)


def _counted(entry: Entry, request: RequestCost) -> Entry:
    """Return the entry with the model, the counts and the cost of its request."""
    answered = request.origin if entry.usage or request.usage else entry.origin
    return replace(
        entry,
        model=request.origin.ref,
        origin=answered,
        usage=request.usage or entry.usage,
        cost=request.cost,
        basis=request.basis,
    )


class LedgerRecording:
    """Implements `core.chat_store.Recording` for a turn whose messages are not saved.

    `model` is the model until the turn names its own; `add` saves the entry of a request.
    """

    def __init__(self, turn_id: str, model: ModelRef, add: Callable[[Entry], None]) -> None:
        self._turn_id = turn_id
        self._model = model
        self._add = add
        self._step: RequestStep | None = None

    async def flush_user_message(self) -> None:
        pass

    def record(self, event: Event) -> None:
        match event:
            case Streamed():
                if self._step and self._step.first is None and isinstance(event.delta, CONTENT_DELTAS):
                    self._step.first = time.monotonic() - self._step.began
            case TurnStarted():
                self._model = event.model
            case StepStarted():
                self._step = RequestStep(event.step, time.time(), time.monotonic())
            case StepCounted():
                self._count(event)
            case MessageDone():
                if event.message.role is Role.ASSISTANT:
                    self._end(event)
            case TurnEnded():
                self._end(event)
            case ToolFinished() | ToolStarted() | ApprovalAsked() | ApprovalAnswered() | ToolProgress() | Notice():
                pass
            case _:
                assert_never(event)

    def close(self) -> None:
        """Record a request that was sent but did not end: it may have been billed."""
        step, self._step = self._step, None
        if step:
            self._add(Entry(self._turn_id, step.number, step.at, self._model, Outcome.CUT, first=step.first))

    def _count(self, event: StepCounted) -> None:
        if not self._step:
            return
        *earlier, self._step.last = event.requests
        for number, request in enumerate(earlier, 1):
            self._add(self._step.earlier_entry(event.turn_id, number, request))

    def _end(self, event: MessageDone | TurnEnded) -> None:
        step, self._step = self._step, None
        if step and step.was_sent(event):
            self._add(step.entry(event.turn_id, event, self._model))
