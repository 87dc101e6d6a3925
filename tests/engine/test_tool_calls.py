"""Concurrent tool calls, with results in the order of the calls."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing

from termchat.core.approval import Ask, Permit, ToolLimits
from termchat.core.events import ToolFinished, ToolStarted
from termchat.core.messages import Text, ToolCall, ToolResult, ToolStatus
from termchat.core.wire.history import CANCELLED_RESULT_TEXT
from termchat.engine.tool_calls import CallCounter, ToolRunner
from tests.engine.bare_ports import BareTools


class FakeTools(BareTools):
    """Tools that answer a call when the event of its arguments is set."""

    def __init__(self) -> None:
        self.open: dict[str, asyncio.Event] = {}

    async def run(
        self, call: ToolCall, permit: Permit, output: Callable[[str], None], ask: Ask | None = None
    ) -> ToolResult:
        await self.open.setdefault(call.arguments, asyncio.Event()).wait()
        return ToolResult(call.id, call.name, (Text(f"done {call.arguments}"),))

    def release(self, arguments: str) -> None:
        self.open.setdefault(arguments, asyncio.Event()).set()


CALLS = [ToolCall("a", "f", "1"), ToolCall("b", "f", "2"), ToolCall("b", "f", "3")]


def runner(tools: FakeTools) -> ToolRunner:
    return ToolRunner("turn", CALLS, tools, ToolLimits(), CallCounter())


async def test_tool_calls_run_concurrently_with_ordered_results() -> None:
    tools = FakeTools()
    calls = runner(tools)
    async with aclosing(calls.events()) as events:
        assert [await anext(events) for _ in CALLS] == [ToolStarted("turn", call, n) for n, call in enumerate(CALLS)]
        for arguments in ("3", "1", "2"):
            tools.release(arguments)
            done = await anext(events)
            assert isinstance(done, ToolFinished)
            assert done.call.arguments == arguments
    assert [result.text for result in calls.results_message().results] == ["done 1", "done 2", "done 3"]
    assert [result.call_id for result in calls.results_message().results] == ["a", "b", "b"]


async def test_tool_calls_cancelled_keep_finished_results() -> None:
    tools = FakeTools()
    tools.release("2")
    calls = runner(tools)
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


async def test_tool_calls_events_closed_early_stop_calls() -> None:
    calls = runner(FakeTools())
    before = asyncio.all_tasks()
    async with aclosing(calls.events()) as events:
        await anext(events)
    assert asyncio.all_tasks() == before


async def test_tool_call_cancelled_alone_leaves_the_others_also_with_the_same_id() -> None:
    tools = FakeTools()
    calls = runner(tools)
    ended: list[tuple[int, ToolStatus]] = []
    async for event in calls.events():
        if isinstance(event, ToolStarted) and event.place == 2:
            tools.release("1")
        if isinstance(event, ToolFinished):
            ended.append((event.place, event.result.status))
            if event.place == 0:
                calls.cancel_call(0)  # has just ended
                calls.cancel_call(2)
            if event.place == 2:
                calls.cancel_call(2)
                tools.release("2")
    assert ended == [(0, ToolStatus.RAN), (2, ToolStatus.CANCELLED), (1, ToolStatus.RAN)]
    results = calls.results_message().results
    assert [result.text for result in results] == ["done 1", "done 2", CANCELLED_RESULT_TEXT]
    assert [result.call_id for result in results] == ["a", "b", "b"]


async def test_tool_call_cancelled_alone_before_the_calls_begin_does_not_run() -> None:
    tools = FakeTools()
    calls = runner(tools)
    for arguments in ("1", "2"):
        tools.release(arguments)
    async for event in calls.events():
        if isinstance(event, ToolStarted) and event.place == 2:
            calls.cancel_call(2)
    assert [result.text for result in calls.results_message().results] == ["done 1", "done 2", CANCELLED_RESULT_TEXT]
    assert "3" not in tools.open


async def test_tool_calls_all_cancelled_after_one_alone_end() -> None:
    calls = runner(FakeTools())
    before = asyncio.all_tasks()
    ended: list[int] = []
    async for event in calls.events():
        if isinstance(event, ToolStarted) and event.place == 2:
            asyncio.get_running_loop().call_soon(calls.cancel_call, 1)
        if isinstance(event, ToolFinished):
            ended.append(event.place)
            calls.cancel()
    assert ended[0] == 1
    assert sorted(ended) == [0, 1, 2]
    assert {result.status for result in calls.results_message().results} == {ToolStatus.CANCELLED}
    assert asyncio.all_tasks() == before
