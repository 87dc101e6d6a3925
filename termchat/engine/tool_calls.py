"""Judge, ask about and run the tool calls of one reply, concurrently."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeAlias

from termchat.core.approval import (
    ApprovalRequest,
    ApprovalScope,
    Approve,
    ChangeArguments,
    Decision,
    Decline,
    Permit,
    ToolLimits,
)
from termchat.core.events import ApprovalAnswered, ApprovalAsked, Notice, ToolFinished, ToolProgress, ToolStarted
from termchat.core.messages import Message, Role, Text, ToolCall, ToolResult, ToolStatus
from termchat.core.provider import Tools
from termchat.core.sanitize import safe_format, safe_line
from termchat.core.wire.history import CANCELLED_RESULT_TEXT

ToolEvent: TypeAlias = ToolStarted | ApprovalAsked | ApprovalAnswered | ToolProgress | ToolFinished | Notice
_PROGRESS = 4000  # characters of live output kept until the front end takes them


class CallCounter:
    """Counts identical calls of one turn, since the last call that was a new one.

    Running the tests again after each edit is work; the same calls over and over are a loop.
    """

    def __init__(self) -> None:
        self._seen: set[tuple[str, str]] = set()
        self._repeated: Counter[tuple[str, str]] = Counter()

    def add(self, call: ToolCall) -> int:
        """Count a call; return how many identical ones were made since the last new call, this one included."""
        key = (call.name, _canonical(call.arguments))
        if key not in self._seen:
            self._seen.add(key)
            self._repeated.clear()
        self._repeated[key] += 1
        return self._repeated[key]


class ToolRunner:
    """Runs the calls of one reply at once; events come as they happen, results in the order of the calls.

    A call that waits for an approval holds up no other call.
    """

    def __init__(
        self, turn_id: str, calls: Sequence[ToolCall], tools: Tools, limits: ToolLimits, counter: CallCounter
    ) -> None:
        self._turn_id = turn_id
        self._calls = calls
        self._tools = tools
        self._limits = limits
        self._counter = counter
        self._results: dict[int, ToolResult] = {}  # by position: some servers use an id twice
        self._tasks: list[asyncio.Task[None]] = []
        self._events: asyncio.Queue[ToolEvent | int] = asyncio.Queue()  # a number: the call at that place has ended
        self._progress: dict[int, ToolProgress] = {}  # output that the front end has not taken yet
        self._began: dict[int, float] = {}  # monotonic seconds at which a call began to run
        self._judged = [asyncio.Event() for _ in calls]  # judged, and asked about if necessary
        self._waiting: dict[str, tuple[ApprovalRequest, asyncio.Future[Decision | Permit]]] = {}
        self._asking: set[int] = set()  # places of calls that wait for an answer
        self._questions: dict[int, _Questions] = {}  # of the calls that run, by place
        self._cancelled_alone: set[int] = set()  # places
        self._cancelled = False

    def cancel(self) -> None:
        """Cancel every call that still runs, waits or has not started; its result reports that."""
        self._cancelled = True
        for task in self._tasks:
            task.cancel()

    def cancel_call(self, place: int) -> None:
        """Cancel the call at a place alone: its result reports that, the other calls go on.

        A call that waits for an answer, has ended or is being cancelled ignores it.
        """
        if place in self._asking or place in self._results or place in self._cancelled_alone:
            return
        self._cancelled_alone.add(place)
        if questions := self._questions.get(place):
            questions.close()  # a server may ask on until it has heard of it
        for task in self._tasks[place : place + 1]:  # before the start of the calls there is none
            task.cancel()

    def answer(self, request: ApprovalRequest, decision: Decision | Permit) -> None:
        """Answer a question, or withdraw it with a permit; one that no longer waits ignores it."""
        _, answer = self._waiting.get(request.id, (None, None))
        if answer and not answer.done():
            answer.set_result(decision)

    async def events(self) -> AsyncGenerator[ToolEvent, None]:
        """Yield the start of each call, then questions, output and ends as they happen."""
        if self._cancelled:
            return
        for place, call in enumerate(self._calls):
            yield ToolStarted(self._turn_id, call, place)
        self._tasks = [asyncio.create_task(self._judge_and_run(place, call)) for place, call in enumerate(self._calls)]
        for place, task in enumerate(self._tasks):
            task.add_done_callback(partial(self._ended, place))
            if place in self._cancelled_alone:
                task.cancel()
        running = len(self._tasks)
        try:
            while running:
                event = await self._events.get()
                if isinstance(event, int):
                    running -= 1
                    cancelled = self._cancelled or event in self._cancelled_alone
                    if cancelled and event not in self._results:
                        call = self._calls[event]
                        yield ToolFinished(self._turn_id, call, _cancelled(call), self._took(event), event)
                    continue
                if isinstance(event, ToolProgress):
                    self._progress = {at: held for at, held in self._progress.items() if held is not event}
                yield event
            for task in self._tasks:
                if not task.cancelled() and (error := task.exception()):
                    raise error
        finally:
            self.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def results_message(self) -> Message:
        """Return the message with one result for each call, in order."""
        results = (self._results.get(place) or _cancelled(call) for place, call in enumerate(self._calls))
        return Message(Role.TOOL, tuple(results))

    def _took(self, place: int) -> float:
        """Return the seconds a call has run, without the wait for answers; 0 for one that has not run."""
        return time.monotonic() - self._began[place] if place in self._began else 0.0

    def _ended(self, place: int, _: asyncio.Task[None]) -> None:
        """Note the end of a call, also of one that was cancelled before it was judged."""
        self._judged[place].set()
        self._events.put_nowait(place)

    async def _judge_and_run(self, place: int, call: ToolCall) -> None:
        result, changed = self._over_limit(place, call), call
        if result is None:
            try:
                changed, permit = await self._permit(place, call)
                result = permit if isinstance(permit, ToolResult) else await self._call(place, changed, permit)
            except asyncio.CancelledError:
                if self._cancelled or place not in self._cancelled_alone:
                    raise
                result = _cancelled(call)
        if changed is not call:
            result = _with_edit(result, changed)
        self._results[place] = result
        self._events.put_nowait(ToolFinished(self._turn_id, changed, result, self._took(place), place))

    def _over_limit(self, place: int, call: ToolCall) -> ToolResult | None:
        limits = self._limits
        if place >= limits.calls:
            return _error(call, f"not run: the limit is {limits.calls} calls in one reply")
        if self._counter.add(call) >= limits.repeats:
            words = f"not run: this is identical call number {limits.repeats} of this turn, which is the limit"
            return _error(call, f"{words}; use the results above, or ask for something else")
        return None

    async def _permit(self, place: int, call: ToolCall) -> tuple[ToolCall, Permit | ToolResult]:
        """Judge a call, and ask as long as the answer changes it. Return the call to run, and its permit.

        Questions come in the order of the calls, however long each takes to judge.
        """
        while True:
            judged = await self._tools.judge(call)
            if not isinstance(judged, ApprovalRequest):
                self._judged[place].set()
                return call, judged
            for earlier in self._judged[:place]:
                await earlier.wait()
            decision = await self._ask(judged, place)
            match decision:
                case Approve():
                    if decision.scope is not ApprovalScope.ONCE:
                        await self._add_rules(judged.rules, decision.scope)
                    return call, replace(judged.permit, by_person=True)
                case Decline():
                    return call, _declined(call, decision.reason)
                case ChangeArguments():
                    call = replace(call, arguments=decision.arguments)
                case Permit():
                    return call, decision

    async def _ask(self, request: ApprovalRequest, place: int) -> Decision | Permit:
        answer: asyncio.Future[Decision | Permit] = asyncio.get_running_loop().create_future()
        self._waiting[request.id] = (request, answer)
        self._asking.add(place)
        self._events.put_nowait(ApprovalAsked(self._turn_id, request, place))
        self._judged[place].set()
        try:
            decision = await answer
        finally:
            del self._waiting[request.id]
            self._asking.discard(place)
        told = None if isinstance(decision, Permit) else decision
        self._events.put_nowait(ApprovalAnswered(self._turn_id, request, told))
        return decision

    async def _ask_for_running(self, request: ApprovalRequest, place: int) -> Decision | Permit:
        asked = time.monotonic()
        try:
            return await self._ask(request, place)
        finally:
            self._began[place] += time.monotonic() - asked

    async def _add_rules(self, rules: Sequence[str], scope: ApprovalScope) -> None:
        """Add rules, and withdraw the questions that they answer."""
        for rule in rules:
            if problem := await self._tools.add_rule(rule, scope):
                words = safe_format(
                    "{rule} holds only until you leave this chat: {why}",
                    rule=safe_line(rule),
                    why=safe_line(problem),
                )
                self._events.put_nowait(Notice(self._turn_id, words))
        for request, answer in list(self._waiting.values()):
            judged = await self._tools.judge(request.call)
            if isinstance(judged, Permit) and not answer.done():
                answer.set_result(judged)

    async def _call(self, place: int, call: ToolCall, permit: Permit) -> ToolResult:
        def printed(text: str) -> None:
            held = self._progress.get(place)
            if held:
                held.text = (held.text + text)[-_PROGRESS:]
                return
            held = self._progress[place] = ToolProgress(self._turn_id, call, text[-_PROGRESS:], place)
            self._events.put_nowait(held)

        limit = asyncio.timeout(self._limits.seconds)
        questions = self._questions[place] = _Questions(partial(self._ask_for_running, place=place), limit)
        self._began[place] = time.monotonic()
        try:
            async with limit:
                return await self._tools.run(call, permit, printed, questions.ask)
        except TimeoutError:
            words = f"stopped: the limit is {self._limits.seconds:g} seconds for one call (tool_timeout)"
            return _error(call, words, ToolStatus.TIMED_OUT)
        finally:
            if left := questions.close():
                self.answer(left, Permit())


class _Questions:
    """Questions of a call that runs: they come one at a time, and the time of the user is not that of the call."""

    def __init__(self, ask: Callable[[ApprovalRequest], Awaitable[Decision | Permit]], limit: asyncio.Timeout) -> None:
        self._ask = ask
        self._limit = limit
        self._one_at_a_time = asyncio.Lock()
        self._open: ApprovalRequest | None = None
        self._closed = False

    async def ask(self, request: ApprovalRequest) -> Decision:
        """Ask; the answer is no once the call has ended, which a server may not wait for."""
        async with self._one_at_a_time:
            if self._closed or self._limit.expired():
                return Decline()
            now = asyncio.get_running_loop().time
            left = (self._limit.when() or now()) - now()
            self._limit.reschedule(None)
            self._open = request
            try:
                decision = await self._ask(request)
            finally:
                self._open = None
                if not self._closed:
                    self._limit.reschedule(now() + max(left, 0.0))
        return Decline() if isinstance(decision, Permit) else decision

    def close(self) -> ApprovalRequest | None:
        """End the questions; return the one that still waits."""
        self._closed = True
        return self._open


def _error(call: ToolCall, words: str, status: ToolStatus = ToolStatus.RAN) -> ToolResult:
    return ToolResult(call.id, call.name, (Text(f"Error: {words}"),), is_error=True, status=status)


def _declined(call: ToolCall, reason: str) -> ToolResult:
    notes = (Text("Error: the user declined this call"), *([Text(reason)] if reason else []))
    return ToolResult(call.id, call.name, notes, is_error=True, status=ToolStatus.DECLINED)


def _cancelled(call: ToolCall) -> ToolResult:
    return ToolResult(call.id, call.name, (Text(CANCELLED_RESULT_TEXT),), is_error=True, status=ToolStatus.CANCELLED)


def _with_edit(result: ToolResult, changed: ToolCall) -> ToolResult:
    """Tell the model which arguments the result belongs to."""
    note = Text(f"[The user changed the arguments of this call to {changed.arguments}]")
    return replace(result, parts=(note, *result.parts), edited=changed.arguments)


def _canonical(arguments: str) -> str:
    try:
        return json.dumps(json.loads(arguments), sort_keys=True)
    except ValueError:
        return arguments
