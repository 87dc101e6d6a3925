"""Run the tool calls of one reply concurrently."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence

from termchat.core.events import ToolFinished, ToolStarted
from termchat.core.history import CANCELLED_RESULT_TEXT
from termchat.core.messages import Message, Role, Text, ToolCall, ToolResult
from termchat.core.provider import Tools


class ToolRunner:
    """Runs the calls of one reply at once; events come as calls end, results in the order of the calls."""

    def __init__(self, turn_id: str, calls: Sequence[ToolCall], tools: Tools) -> None:
        self._turn_id = turn_id
        self._calls = calls
        self._tools = tools
        self._results: dict[int, ToolResult] = {}  # by position: some servers use an id twice
        self._tasks: list[asyncio.Task[ToolFinished]] = []
        self._cancelled = False

    def cancel(self) -> None:
        """Cancel every call that still runs or has not started; its result reports that."""
        self._cancelled = True
        for task in self._tasks:
            task.cancel()

    async def events(self) -> AsyncGenerator[ToolStarted | ToolFinished, None]:
        """Yield the start of each call, then the ends in the order of completion."""
        if self._cancelled:
            return
        self._tasks = [asyncio.create_task(self._run(place, call)) for place, call in enumerate(self._calls)]
        try:
            for call in self._calls:
                yield ToolStarted(self._turn_id, call)
            for done in asyncio.as_completed(self._tasks):
                try:
                    finished = await done
                except asyncio.CancelledError:
                    if not any(task.cancelled() for task in self._tasks):
                        raise  # the turn is cancelled, not a call
                    continue
                yield finished
        finally:
            self.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def results_message(self) -> Message:
        """Return the message with one result for each call, in order."""
        results = (self._results.get(place) or _cancelled(call) for place, call in enumerate(self._calls))
        return Message(Role.TOOL, tuple(results))

    async def _run(self, place: int, call: ToolCall) -> ToolFinished:
        began = time.monotonic()
        result = self._results[place] = await self._tools.run(call)
        return ToolFinished(self._turn_id, call, result, time.monotonic() - began)


def _cancelled(call: ToolCall) -> ToolResult:
    return ToolResult(call.id, call.name, (Text(CANCELLED_RESULT_TEXT),), is_error=True)
