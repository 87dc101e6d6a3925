"""Running the calls of one reply side by side."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Sequence

from termchat.core.events import ToolFinished, ToolStarted
from termchat.core.history import CANCELLED_RESULT_TEXT
from termchat.core.messages import Message, Role, Text, ToolCall, ToolResult
from termchat.core.provider import Tools


class ToolRunner:
    """The calls of one reply: all run at once and are told as they end; results stand in the order of the calls."""

    def __init__(self, turn_id: str, calls: Sequence[ToolCall], tools: Tools) -> None:
        self._turn_id = turn_id
        self._calls = calls
        self._tools = tools
        self._results: dict[int, ToolResult] = {}  # by place: servers have been seen to use an id twice
        self._tasks: list[asyncio.Task[ToolFinished]] = []

    def cancel(self) -> None:
        """Stop every call that still runs; their results say so."""
        for task in self._tasks:
            task.cancel()

    async def events(self) -> AsyncGenerator[ToolStarted | ToolFinished, None]:
        """The start of each call, then their ends as they come."""
        self._tasks = [asyncio.create_task(self._run(place, call)) for place, call in enumerate(self._calls)]
        try:
            for call in self._calls:
                yield ToolStarted(self._turn_id, call)
            for done in asyncio.as_completed(self._tasks):
                try:
                    finished = await done
                except asyncio.CancelledError:
                    if not any(task.cancelled() for task in self._tasks):
                        raise  # it is we who are cancelled, not a call
                    continue
                yield finished
        finally:
            self.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def results_message(self) -> Message:
        """The message that answers the calls, each of them, in their order."""
        results = (self._results.get(place) or _cancelled(call) for place, call in enumerate(self._calls))
        return Message(Role.TOOL, tuple(results))

    async def _run(self, place: int, call: ToolCall) -> ToolFinished:
        began = time.monotonic()
        result = self._results[place] = await self._tools.run(call)
        return ToolFinished(self._turn_id, call, result, time.monotonic() - began)


def _cancelled(call: ToolCall) -> ToolResult:
    return ToolResult(call.id, call.name, (Text(CANCELLED_RESULT_TEXT),), is_error=True)
