"""Calls run side by side; their results stand in their order."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

from termchat.core.events import ToolFinished, ToolStarted
from termchat.core.history import CANCELLED_RESULT_TEXT
from termchat.core.messages import Text, ToolCall, ToolResult
from termchat.core.provider import ToolSpec
from termchat.engine.tool_calls import ToolRunner


class FakeTools:
    """Answers a call when the event of its arguments is set."""

    specs: tuple[ToolSpec, ...] = ()

    def __init__(self) -> None:
        self.open: dict[str, asyncio.Event] = {}

    async def run(self, call: ToolCall) -> ToolResult:
        await self.open.setdefault(call.arguments, asyncio.Event()).wait()
        return ToolResult(call.id, call.name, (Text(f"done {call.arguments}"),))

    def let(self, arguments: str) -> None:
        self.open.setdefault(arguments, asyncio.Event()).set()


CALLS = [ToolCall("a", "f", "1"), ToolCall("b", "f", "2"), ToolCall("b", "f", "3")]


async def test_all_start_at_once_end_as_they_come_and_stand_in_order() -> None:
    tools = FakeTools()
    calls = ToolRunner("turn", CALLS, tools)
    async with aclosing(calls.events()) as events:
        assert [await anext(events) for _ in CALLS] == [ToolStarted("turn", call) for call in CALLS]
        for arguments in ("3", "1", "2"):
            tools.let(arguments)
            done = await anext(events)
            assert isinstance(done, ToolFinished)
            assert done.call.arguments == arguments
    assert [result.text for result in calls.results_message().results] == ["done 1", "done 2", "done 3"]
    assert [result.call_id for result in calls.results_message().results] == ["a", "b", "b"]


async def test_cancel_keeps_what_is_done() -> None:
    tools = FakeTools()
    tools.let("2")
    calls = ToolRunner("turn", CALLS, tools)
    before = asyncio.all_tasks()
    async for event in calls.events():
        if isinstance(event, ToolFinished):
            calls.cancel()
    assert [result.text for result in calls.results_message().results] == [
        CANCELLED_RESULT_TEXT,
        "done 2",
        CANCELLED_RESULT_TEXT,
    ]
    assert [result.is_error for result in calls.results_message().results] == [True, False, True]
    assert asyncio.all_tasks() == before


async def test_a_reader_who_leaves_stops_the_calls() -> None:
    calls = ToolRunner("turn", CALLS, FakeTools())
    before = asyncio.all_tasks()
    async with aclosing(calls.events()) as events:
        await anext(events)
    assert asyncio.all_tasks() == before
