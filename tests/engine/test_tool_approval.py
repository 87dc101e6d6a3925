"""Questions about tool calls: their answers, the rules they add, and the limits of calls."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated

import pytest

from termchat.core.approval import (
    ApprovalRequest,
    ApprovalScope,
    Approve,
    Ask,
    ChangeArguments,
    Decision,
    Decline,
    Permit,
    ToolEffect,
    ToolLimits,
)
from termchat.core.events import ApprovalAnswered, ApprovalAsked, Event, Notice, ToolFinished, ToolProgress, ToolStarted
from termchat.core.messages import Text, ToolCall, ToolResult, ToolStatus, user_message
from termchat.core.models import ApiProtocol
from termchat.core.outcomes import Outcome
from termchat.core.wire.history import CANCELLED_RESULT_TEXT
from termchat.engine.session import ChatSession
from termchat.engine.tool_calls import CallCounter, ToolEvent, ToolRunner
from termchat.tools.registry import ToolOutput, tool
from termchat.tools.toolbox import Toolbox, ToolboxConfig
from tests.engine.bare_ports import BareTools
from tests.engine.support import ask, ended, events_of, session
from tests.gateway import Call, Gateway, Reply
from tests.providers.support import PROTOCOLS, model


class AskingTools(BareTools):
    """Tools that ask about every call but `free`, unless a rule names its arguments; a result has the arguments."""

    def __init__(self, *, problem: str = "") -> None:
        self.allowed: list[tuple[str, ApprovalScope]] = []
        self.permits: list[Permit] = []
        self.problem = problem
        self.left: asyncio.Future[Decision] | None = None

    async def judge(self, call: ToolCall) -> Permit | ApprovalRequest | ToolResult:
        if call.name == "denied":
            return ToolResult(call.id, call.name, (Text("Error: denied"),), is_error=True)
        if call.name == "free" or call.arguments in [rule for rule, _ in self.allowed]:
            return Permit()
        return ApprovalRequest(call, ToolEffect.RUN, call.arguments, rules=(call.arguments,), permit=Permit(seen="s"))

    async def add_rule(self, rule: str, scope: ApprovalScope) -> str:
        self.allowed.append((rule, scope))
        return self.problem

    async def run(
        self, call: ToolCall, permit: Permit, output: Callable[[str], None], ask: Ask | None = None
    ) -> ToolResult:
        self.permits.append(permit)
        if call.name == "asks" and ask:
            answer = await ask(ApprovalRequest(call, ToolEffect.RUN, "Who?"))
            return ToolResult(call.id, call.name, (Text(type(answer).__name__),))
        if call.name == "asks twice" and ask:
            requests = [ApprovalRequest(call, ToolEffect.RUN, words) for words in ("Who?", "When?")]
            answers = await asyncio.gather(*map(ask, requests))
            return ToolResult(call.id, call.name, (Text(" ".join(type(answer).__name__ for answer in answers)),))
        if call.name == "leaves" and ask:
            self.left = asyncio.ensure_future(ask(ApprovalRequest(call, ToolEffect.RUN, "Who?")))
            await asyncio.sleep(0)
            return ToolResult(call.id, call.name, (Text("left"),))
        if call.name == "asks late" and ask:
            output("begins")
            try:
                await asyncio.Event().wait()
            finally:  # the server learns of the end, and asks meanwhile
                self.left = asyncio.ensure_future(ask(ApprovalRequest(call, ToolEffect.RUN, "Who?")))
                await asyncio.wait([self.left])
        if "hang" in call.arguments:
            await asyncio.Event().wait()
        for _ in range(1000 if "flood" in call.arguments else 1):
            output("x" * 100)
        return ToolResult(call.id, call.name, (Text(call.arguments),))


def calls_of(*arguments: str, name: str = "ask") -> list[ToolCall]:
    return [ToolCall(f"c{n}", name, text) for n, text in enumerate(arguments)]


def runner(tools: AskingTools, calls: list[ToolCall], limits: ToolLimits | None = None) -> ToolRunner:
    return ToolRunner("turn", calls, tools, limits or ToolLimits(), CallCounter())


async def play(running: ToolRunner, *decisions: Decision) -> list[ToolEvent]:
    """Run the calls and answer each question with the next decision; return the events."""
    left, events = list(decisions), list[ToolEvent]()
    async for event in running.events():
        events.append(event)
        if isinstance(event, ApprovalAsked):
            running.answer(event.request, left.pop(0))
    assert not left
    return events


def results(running: ToolRunner) -> list[str]:
    return [result.text for result in running.results_message().results]


async def test_tool_call_approved_once_runs_as_it_was_judged() -> None:
    tools = AskingTools()
    running = runner(tools, calls_of("a"))
    await play(running, Approve())
    assert results(running) == ["a"]
    assert tools.permits == [Permit(by_person=True, seen="s")]
    assert tools.allowed == []


async def test_tool_call_declined_does_not_run_and_gives_reason() -> None:
    tools = AskingTools()
    running = runner(tools, calls_of("a", "b"))
    await play(running, Decline("too risky"), Decline())
    assert tools.permits == []
    first, second = running.results_message().results
    assert first.parts == (Text("Error: the user declined this call"), Text("too risky"))
    assert second.parts == (Text("Error: the user declined this call"),)
    assert {first.status, second.status} == {ToolStatus.DECLINED}


async def test_tool_call_edited_is_judged_again_before_it_runs() -> None:
    running = runner(AskingTools(), calls_of('{"a": 1}'))
    events = await play(running, ChangeArguments('{"a": 2}'), Approve())
    asked = [event.request.call.arguments for event in events if isinstance(event, ApprovalAsked)]
    assert asked == ['{"a": 1}', '{"a": 2}']
    (result,) = running.results_message().results
    assert result.edited == '{"a": 2}'
    assert result.parts[1] == Text('{"a": 2}')
    assert '{"a": 2}' in result.text.split("\n")[0]


async def test_tool_call_rule_for_chat_withdraws_questions_it_answers() -> None:
    tools = AskingTools()
    calls = calls_of("same", "same", "other")
    running = runner(tools, calls)
    events, asked = list[ToolEvent](), list[ApprovalRequest]()
    async for event in running.events():
        events.append(event)
        if isinstance(event, ApprovalAsked):
            asked.append(event.request)
            if len(asked) == 3:
                running.answer(asked[0], Approve(ApprovalScope.CHAT))
                running.answer(asked[2], Approve())
    assert tools.allowed == [("same", ApprovalScope.CHAT)]
    withdrawn = [event.request for event in events if isinstance(event, ApprovalAnswered) and event.decision is None]
    assert withdrawn == [asked[1]]
    assert results(running) == ["same", "same", "other"]


async def test_tool_call_rule_that_is_not_saved_says_so() -> None:
    tools = AskingTools(problem="disk full")
    events = await play(runner(tools, calls_of("a")), Approve(ApprovalScope.SAVED))
    assert [e.words for e in events if isinstance(e, Notice)] == ["a holds only until you leave this chat: disk full"]


async def test_tool_call_that_waits_holds_up_no_other() -> None:
    running = runner(AskingTools(), [*calls_of("a"), ToolCall("f", "free", "f"), ToolCall("d", "denied", "")])
    ended: list[str] = []
    async for event in running.events():
        if isinstance(event, ToolFinished):
            ended.append(event.call.id)
        if isinstance(event, ApprovalAsked):
            request = event.request
        if len(ended) == 2 and "c0" not in ended:
            running.answer(request, Approve())
    assert sorted(ended[:2]) == ["d", "f"]
    assert ended[2] == "c0"
    assert results(running) == ["a", "f", "Error: denied"]


async def test_tool_call_questions_come_in_the_order_of_the_calls() -> None:
    class SlowJudge(AskingTools):
        async def judge(self, call: ToolCall) -> Permit | ApprovalRequest | ToolResult:
            for _ in range(10 - int(call.arguments)):
                await asyncio.sleep(0)
            return await super().judge(call)

    running = runner(SlowJudge(), calls_of("0", "4", "9"))
    events = await play(running, *([Approve()] * 3))
    assert [e.request.call.arguments for e in events if isinstance(e, ApprovalAsked)] == ["0", "4", "9"]


async def test_tool_call_cancelled_while_it_waits_is_reported_as_cancelled() -> None:
    tools = AskingTools()
    running = runner(tools, calls_of("a"))
    events: list[ToolEvent] = []
    async for event in running.events():
        events.append(event)
        if isinstance(event, ApprovalAsked):
            running.cancel()
            running.answer(event.request, Approve())  # too late
    assert tools.permits == []
    assert [e.result.status for e in events if isinstance(e, ToolFinished)] == [ToolStatus.CANCELLED]


async def test_tool_call_cancelled_alone_leaves_the_questions_of_others() -> None:
    running = runner(AskingTools(), [ToolCall("h", "free", "hang"), *calls_of("a"), ToolCall("q", "asks", "b")])
    asked, ended = dict[str, ApprovalRequest](), list[int]()
    async with asyncio.timeout(30):
        async for event in running.events():
            if isinstance(event, ApprovalAsked):
                running.cancel_call(event.place)  # one that waits is left to its question
                asked[event.request.preview] = event.request
                if event.request.preview == "b":
                    running.answer(event.request, Approve())
                if event.request.preview == "Who?":
                    running.cancel_call(0)
            if isinstance(event, ToolFinished):
                ended.append(event.place)
                if event.place == 0:
                    running.answer(asked["a"], Approve())
                    running.answer(asked["Who?"], Approve())
    assert ended[0] == 0
    assert results(running) == [CANCELLED_RESULT_TEXT, "a", "Approve"]


async def test_tool_call_cancelled_alone_while_it_is_judged_holds_up_no_question() -> None:
    class StuckJudge(AskingTools):
        async def judge(self, call: ToolCall) -> Permit | ApprovalRequest | ToolResult:
            if call.arguments == "stuck":
                await asyncio.Event().wait()
            return await super().judge(call)

    running = runner(StuckJudge(), calls_of("stuck", "a"))
    async with asyncio.timeout(30):
        async for event in running.events():
            if isinstance(event, ToolStarted) and event.place == 1:
                asyncio.get_running_loop().call_later(0, running.cancel_call, 0)
            if isinstance(event, ApprovalAsked):
                running.answer(event.request, Approve())
    assert [result.status for result in running.results_message().results] == [ToolStatus.CANCELLED, ToolStatus.RAN]


async def test_tool_call_edited_and_cancelled_alone_names_both() -> None:
    running = runner(AskingTools(), calls_of("old"))
    async with asyncio.timeout(30):
        async for event in running.events():
            if isinstance(event, ApprovalAsked):
                edited = event.request.call.arguments != "old"
                running.answer(event.request, Approve() if edited else ChangeArguments("hang"))
            if isinstance(event, ApprovalAnswered) and isinstance(event.decision, Approve):
                asyncio.get_running_loop().call_soon(running.cancel_call, 0)
    (result,) = running.results_message().results
    assert (result.status, result.edited) == (ToolStatus.CANCELLED, "hang")
    assert result.parts[1] == Text(CANCELLED_RESULT_TEXT)


async def test_tool_call_over_limit_of_reply_is_not_run() -> None:
    running = runner(AskingTools(), calls_of("1", "2", "3", name="free"), ToolLimits(calls=2))
    await play(running)
    assert results(running)[:2] == ["1", "2"]
    assert "the limit is 2 calls in one reply" in results(running)[2]


async def test_tool_call_same_three_times_is_stopped_until_something_new() -> None:
    tools, counter = AskingTools(), CallCounter()
    made = ['{"a": 1, "b": 2}', '{"b": 2, "a": 1}', '{"a":1,"b":2}', "new", '{"a": 1, "b": 2}']
    told: list[str] = []
    for arguments in made:
        running = ToolRunner("turn", calls_of(arguments, name="free"), tools, ToolLimits(), counter)
        await play(running)
        told += results(running)
    assert "identical call number 3" in told[2]
    assert told[3:] == made[3:]


async def test_tool_call_past_its_time_is_stopped_and_named() -> None:
    running = runner(AskingTools(), calls_of("hang", name="free"), ToolLimits(seconds=0.05))
    async with asyncio.timeout(20):
        await play(running)
    (result,) = running.results_message().results
    assert result.status is ToolStatus.TIMED_OUT
    assert "the limit is 0.05 seconds" in result.text


async def test_tool_call_flood_of_output_is_bounded() -> None:
    running = runner(AskingTools(), calls_of("flood", name="free"))
    printed = [event.text for event in await play(running) if isinstance(event, ToolProgress)]
    assert 1 <= len(printed) <= 2
    assert all(len(text) <= 4000 for text in printed)


def test_call_counter_compares_arguments_as_json() -> None:
    counter = CallCounter()
    assert [counter.add(ToolCall("", "f", json.dumps({"a": n % 1, "b": 0}))) for n in range(3)] == [1, 2, 3]


@tool(effect=ToolEffect.WRITE)
async def note(text: Annotated[str, "What to note"]) -> ToolOutput:
    """Take a note."""
    return f"noted {text}"


ALL = pytest.mark.parametrize("protocol", PROTOCOLS)


async def answered(chat: ChatSession, *decisions: Decision) -> None:
    """Ask a question whose reply calls a tool, and answer the questions about it."""
    turn, left = chat.send(chat.add(user_message("Note it."), chat.conversation.head)), list(decisions)

    def answer(number: int, event: Event) -> None:
        if isinstance(event, ApprovalAsked):
            turn.answer(event.request, left.pop(0))

    assert ended(await events_of(turn, answer)).outcome is Outcome.COMPLETE
    assert not left


@ALL
async def test_tool_results_after_each_answer_are_valid_for_every_model(
    gateway: Gateway, protocol: ApiProtocol
) -> None:
    """Approve, decline and edit three parallel calls; then switch to every protocol. The gateway validates."""
    called = Reply(*(Call("note", {"text": word}) for word in ("one", "two", "three")))
    gateway.reply(called, *(Reply.text("Fine.") for _ in range(1 + len(PROTOCOLS))))
    async with session(
        gateway, protocol, tools=Toolbox(ToolboxConfig(Path("/nowhere"), offered=("all",)), tools=(note,))
    ) as chat:
        await answered(chat, Approve(), Decline("not two"), ChangeArguments('{"text": "drei"}'), Approve())
        sent = json.dumps(gateway.asked[1].body, ensure_ascii=False)
        for words in ("noted one", "the user declined this call", "not two", "noted drei", "changed the arguments"):
            assert words in sent
        for other in PROTOCOLS:
            assert ended(await ask(chat, "go on", model(other))).outcome is Outcome.COMPLETE


async def test_question_of_running_call_does_not_use_up_its_time() -> None:
    running = runner(AskingTools(), [ToolCall("id", "asks", "{}")], ToolLimits(seconds=1))
    number = 0
    async for event in running.events():
        if isinstance(event, ApprovalAsked):
            number += 1
            loop = asyncio.get_running_loop()
            decision = Approve() if number == 1 else Decline()
            loop.call_later(0 if number == 1 else 1.2, running.answer, event.request, decision)
    assert number == 2
    assert results(running) == ["Decline"]


async def test_questions_of_running_call_come_one_at_a_time() -> None:
    """A server may ask several things at once (MRTR): each is seen, and none uses up the time of the call."""
    running = runner(AskingTools(), [ToolCall("id", "asks twice", "{}")], ToolLimits(seconds=60))
    open_questions, asked = 0, list[str]()
    async with asyncio.timeout(20):
        async for event in running.events():
            if isinstance(event, ApprovalAsked):
                open_questions += 1
                assert open_questions == 1
                asked.append(event.request.preview)
                decision = Decline() if event.request.preview == "When?" else Approve()
                asyncio.get_running_loop().call_soon(running.answer, event.request, decision)
            if isinstance(event, ApprovalAnswered):
                open_questions -= 1
    assert asked == ["{}", "Who?", "When?"]
    assert results(running) == ["Approve Decline"]


async def test_question_after_the_time_of_its_call_is_declined() -> None:
    tools = AskingTools()
    tools.allowed.append(("{}", ApprovalScope.CHAT))
    running = runner(tools, [ToolCall("id", "asks late", "{}")], ToolLimits(seconds=0.05))
    async with asyncio.timeout(20):
        events = [event async for event in running.events()]
    assert not [event for event in events if isinstance(event, ApprovalAsked)]
    assert tools.left
    assert await tools.left == Decline()


async def test_question_of_call_that_is_being_cancelled_alone_is_declined() -> None:
    tools = AskingTools()
    tools.allowed.append(("{}", ApprovalScope.CHAT))
    running = runner(tools, [ToolCall("id", "asks late", "{}")])
    asked: list[ToolEvent] = []
    async with asyncio.timeout(20):
        async for event in running.events():
            if isinstance(event, ToolProgress):
                running.cancel_call(event.place)
            if isinstance(event, ApprovalAsked):
                asked.append(event)
                running.answer(event.request, Approve())
    assert not asked
    assert tools.left
    assert await tools.left == Decline()
    assert results(running) == [CANCELLED_RESULT_TEXT]


async def test_question_of_call_that_ended_is_withdrawn() -> None:
    tools = AskingTools()
    running = runner(tools, [ToolCall("id", "leaves", "{}")])
    async with asyncio.timeout(20):
        async for event in running.events():
            if isinstance(event, ApprovalAsked) and event.request.preview == "{}":
                running.answer(event.request, Approve())
        assert results(running) == ["left"]
        assert tools.left
        assert await tools.left == Decline()


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_turn_of_endless_calls_ends_at_round_limit_and_names_it(gateway: Gateway, protocol: ApiProtocol) -> None:
    gateway.reply(*(Reply(Call("look", {"city": city})) for city in ("Bonn", "Köln", "Trier")), Reply.text("beyond"))
    async with session(gateway, protocol, max_rounds=3) as chat:
        end = ended(await ask(chat, "hello"))
    assert (end.outcome, end.steps, gateway.unused) == (Outcome.LIMIT, 3, 1)
    assert end.failure
    assert end.failure.message == "Stopped after 3 rounds of tool calls."
    gateway.forget()


async def test_question_of_running_call_does_not_count_as_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SimpleNamespace(now=0.0)
    monkeypatch.setattr("termchat.engine.tool_calls.time", SimpleNamespace(monotonic=lambda: clock.now))
    running = runner(AskingTools(), [ToolCall("id", "asks", "{}")])
    async for event in running.events():
        if isinstance(event, ApprovalAsked):
            clock.now += 100
            running.answer(event.request, Approve())
        if isinstance(event, ToolFinished):
            assert event.seconds == 0
