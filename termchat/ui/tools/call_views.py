"""Tool calls of the running turn, as values: arguments streaming, waiting for an approval, running, ended."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeAlias

from termchat.core.approval import ApprovalRequest, ChangeArguments
from termchat.core.events import ApprovalAnswered, ApprovalAsked, ToolCallDelta, ToolFinished, ToolProgress
from termchat.core.messages import ToolCall, ToolResult

_HEAD = 200  # characters of a call's arguments kept for its live row; the call has all of them
_OUTPUT = 2000  # characters of live output kept for the live rows; the result has all of it


class CallState(StrEnum):
    """The progress of a tool call."""

    WRITING = "writing"
    WAITING = "waiting"
    RUNNING = "running"
    DONE = "done"


@dataclass(frozen=True, slots=True)
class ToolCallView:
    """A tool call of the turn, which began at `since`.

    arguments   their beginning; all of them, like `result` and `seconds`, once the call has ended
    index       number of the call in the message, while its arguments stream
    place       its place among the calls of the reply, from 0, once it has started
    request     the question about the call, while it waits for its answer
    output      the last of what the call has printed so far
    """

    id: str
    name: str
    arguments: str
    since: float
    state: CallState = CallState.WRITING
    index: int = -1
    result: ToolResult | None = None
    seconds: float = 0.0
    request: ApprovalRequest | None = None
    output: str = ""
    place: int = 0


Calls: TypeAlias = tuple[ToolCallView, ...]


def with_piece(calls: Calls, delta: ToolCallDelta, now: float) -> Calls:
    """Add a piece of a call that the model is writing."""
    known = next((c for c in calls if c.index == delta.index and c.state is CallState.WRITING), None)
    call = known or ToolCallView(delta.id, delta.name, "", now, index=delta.index)
    head = (call.arguments + delta.arguments[:_HEAD])[:_HEAD]
    call = replace(call, id=delta.id or call.id, name=delta.name or call.name, arguments=head)
    return tuple(call if c is known else c for c in calls) if known else (*calls, call)


def with_start(calls: Calls, call: ToolCall, now: float, place: int = 0) -> Calls:
    """Turn the written call into one that runs; `place` is that of the call in the reply."""
    writing = [c for c in calls if c.state is CallState.WRITING]
    known = next((c for c in writing if (c.id == call.id if c.id and call.id else c.name == call.name)), None)
    running = ToolCallView(call.id, call.name, call.arguments[:_HEAD], now, CallState.RUNNING, place=place)
    return tuple(running if c is known else c for c in calls) if known else (*calls, running)


def with_question(calls: Calls, event: ApprovalAsked) -> Calls:
    """Let a call wait for the answer to its question."""
    call = event.request.call
    found = _active(calls, call.id, event.place)
    asked = CallState.WAITING
    return tuple(
        replace(c, state=asked, request=event.request, arguments=call.arguments[:_HEAD]) if c is found else c
        for c in calls
    )


def with_answer(calls: Calls, event: ApprovalAnswered, now: float) -> Calls:
    """Let a call go on after the answer to its question; its time begins now."""
    arguments = event.decision.arguments if isinstance(event.decision, ChangeArguments) else None
    return tuple(
        replace(
            c,
            state=CallState.RUNNING,
            request=None,
            since=now,
            arguments=c.arguments if arguments is None else arguments[:_HEAD],
        )
        if c.request is event.request
        else c
        for c in calls
    )


def with_output(calls: Calls, event: ToolProgress) -> Calls:
    """Add what a running call has printed."""
    found = _active(calls, event.call.id, event.place)
    return tuple(replace(c, output=(c.output + event.text)[-_OUTPUT:]) if c is found else c for c in calls)


def with_end(calls: Calls, event: ToolFinished) -> Calls:
    """End a call; all of its arguments are kept for its card."""
    found = _active(calls, event.call.id, event.place)
    if found is None:
        return calls
    arguments = event.call.arguments
    ended = replace(found, state=CallState.DONE, result=event.result, seconds=event.seconds, arguments=arguments)
    return tuple(replace(ended, request=None) if c is found else c for c in calls)


def waiting_requests(calls: Calls) -> tuple[ApprovalRequest, ...]:
    """Return the questions that wait for an answer, in the order of the calls."""
    return tuple(call.request for call in calls if call.request)


def _active(calls: Calls, call_id: str, place: int) -> ToolCallView | None:
    """Return the call with this id that runs or waits; of several, as some servers use an id twice, the one at `place`.

    Without one at the place, a call that runs goes before one that waits.
    """
    known = [c for c in calls if c.id == call_id and c.state in (CallState.RUNNING, CallState.WAITING)]
    known.sort(key=lambda c: (c.place != place, c.state is not CallState.RUNNING))
    return known[0] if known else None
