"""Several models answer one question; a side question and a fork stay outside of the chat."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path

import pytest

from termchat.core.chats import UsageGroup
from termchat.core.errors import Failure
from termchat.core.events import Event, StepCounted, Streamed, TextDelta, TurnEnded
from termchat.core.messages import Message, Role, Text, ToolCall, ToolResult, user_message
from termchat.core.models import ApiProtocol, ModelRef
from termchat.core.outcomes import Outcome
from termchat.core.provider import Effort
from termchat.core.session import Comparison
from termchat.engine.session import ChatSession
from termchat.store.chat_store import SqliteChatStore
from tests.engine.support import ask, ended, events_of, session, streamed_text
from tests.gateway import Gate, Gateway, Reply, fault, reading
from tests.gateway import Text as Words
from tests.gateway.requests import RecordedRequest
from tests.gateway.script import Usage
from tests.providers.support import PROTOCOLS

CHAT = ApiProtocol.CHAT
ALL = pytest.mark.parametrize("protocol", PROTOCOLS)


def models(*names: str) -> list[ModelRef]:
    return [ModelRef(CHAT.value, name) for name in names]


async def compared(comparison: Comparison) -> dict[int, list[Event]]:
    """Return the events of each turn by the index of its model."""
    found: dict[int, list[Event]] = {}
    async with aclosing(comparison.events()) as events:
        async for n, event in events:
            found.setdefault(n, []).append(event)
    return found


def opened(tmp_path: Path) -> SqliteChatStore:
    def warn(failure: Failure) -> None:
        raise AssertionError(failure)

    return SqliteChatStore(tmp_path / "chats.db", warn, every=0.02)


async def ledger(store: SqliteChatStore) -> dict[str, tuple[int, int, int]]:
    """Return requests, input and output tokens by model."""
    rows = await store.usage(UsageGroup.MODEL)
    return {row.key.rpartition("/")[2]: (row.requests, row.input, row.output) for row in rows}


def asked_by(name: str) -> Reply:
    return Reply(Words(*f"this is {name}".split(" ")), usage=Usage(10, 5))


async def test_replies_become_siblings_and_head_stays(gateway: Gateway) -> None:
    gateway.always(lambda request: asked_by(request.model))
    async with session(gateway, CHAT) as chat:
        await ask(chat, "which?")
        question = chat.conversation.last_question()
        head = chat.conversation.head
        assert question is not None
        replies = await compared(chat.compare(question.id, models("a", "b", "c")))
        assert chat.conversation.head == head
        siblings = [node for node in chat.conversation.nodes.values() if node.parent == question.id]
    assert [streamed_text(replies[n]) for n in range(3)] == [f"thisis{name}" for name in "abc"]
    assert {node.message.origin.model for node in siblings[1:] if node.message.origin} == set("abc")
    assert [offer.number for offer in chat.offers] == [1, 2, 3]


async def test_each_model_gets_its_own_effort(gateway: Gateway) -> None:
    gateway.always(lambda request: asked_by(request.model))
    async with session(gateway, CHAT) as chat:
        question = chat.add(user_message("which?"), None)
        comparison = chat.compare(question, models("gpt-6.1-sol", "gpt-6.1-sol"), [Effort.LOW, Effort.HIGH])
        await compared(comparison)
        assert [offer.think for offer in comparison.offers] == [Effort.LOW, Effort.HIGH]
    assert sorted(str(request.body.get("reasoning_effort")) for request in gateway.asked) == ["high", "low"]


async def test_failures_and_cuts_leave_other_replies_undisturbed(gateway: Gateway) -> None:
    def answer(request: RecordedRequest) -> object:
        behaviours = {
            "bad": fault.status(400),
            "cut": Reply(Words("half ", "of it ")).after(2, fault.fin()),
        }
        return behaviours.get(request.model, asked_by(request.model))

    gateway.always(answer)  # type: ignore[arg-type]
    async with session(gateway, CHAT) as chat:
        question = chat.add(user_message("which?"), None)
        replies = await compared(chat.compare(question, models("bad", "cut", "good")))
        assert chat.conversation.head is None
        assert [ended(replies[n]).outcome for n in range(3)] == [Outcome.FAILED, Outcome.CUT, Outcome.COMPLETE]
        assert [bool(offer.node) for offer in chat.offers] == [False, True, True]
        with pytest.raises(KeyError):
            chat.adopt(1)
        assert chat.adopt(3)
        assert chat.conversation.history()[-1].text == "thisisgood"


async def test_cancel_stops_all_models_and_keeps_received_text(gateway: Gateway) -> None:
    gates = {name: Gate() for name in "ab"}
    gateway.always(lambda request: Reply(Words(f"{request.model} "), gates[request.model], Words("never")))
    async with session(gateway, CHAT) as chat:
        question = chat.add(user_message("which?"), None)
        comparison = chat.compare(question, models("a", "b"))
        found: dict[int, list[Event]] = {0: [], 1: []}
        async with aclosing(comparison.events()) as events:
            async for n, event in events:
                found[n].append(event)
                if all(
                    any(isinstance(e, Streamed) and isinstance(e.delta, TextDelta) for e in found[n]) for n in (0, 1)
                ):
                    comparison.cancel()
        assert [ended(found[n]).outcome for n in (0, 1)] == [Outcome.CANCELLED] * 2
        saved = [chat.conversation.nodes[offer.node].message for offer in comparison.offers]
        assert [(message.text, message.outcome) for message in saved] == [
            ("a ", Outcome.CANCELLED),
            ("b ", Outcome.CANCELLED),
        ]


async def test_turns_end_when_the_reader_leaves(gateway: Gateway) -> None:
    gate = Gate()
    gateway.always(lambda _: Reply(Words("some "), gate, Words("never")))
    async with session(gateway, CHAT) as chat:
        comparison = chat.compare(chat.add(user_message("which?"), None), models("a", "b"))
        async with aclosing(comparison.events()) as events:
            async for _ in events:
                break
        assert not [task for task in asyncio.all_tasks() if "_follow" in repr(task)]


@ALL
async def test_comparison_offers_no_tools_after_tool_calls(gateway: Gateway, protocol: ApiProtocol) -> None:
    gateway.always(Reply.text("fine"))
    async with session(gateway, protocol) as chat:
        node = chat.add(user_message("what is it like?"), None)
        call = ToolCall("call_1", "look", '{"city": "Bern"}')
        node = chat.add(Message(Role.ASSISTANT, (call,), outcome=Outcome.COMPLETE), node)
        node = chat.add(Message(Role.TOOL, (ToolResult("call_1", "look", (Text("rain"),)),)), node)
        node = chat.add(Message(Role.ASSISTANT, (Text("It rains."),), outcome=Outcome.COMPLETE), node)
        question = chat.add(user_message("and now?"), node)
        replies = await compared(chat.compare(question, [chat.model, ModelRef(protocol.value, "other")]))
    assert [ended(replies[n]).outcome for n in (0, 1)] == [Outcome.COMPLETE] * 2
    assert not any(reading.offered(request) for request in gateway.asked)


async def test_comparison_is_saved_with_outcomes_usage_and_ledger(gateway: Gateway, tmp_path: Path) -> None:
    gateway.always(
        lambda request: (
            Reply(Words("half ", "of it ")).after(2, fault.fin()) if request.model == "cut" else asked_by(request.model)
        )
    )
    store = opened(tmp_path)
    async with session(gateway, CHAT, store=lambda: store) as chat:
        await ask(chat, "which?")
        head, question = chat.conversation.head, chat.conversation.last_question()
        assert question
        await compared(chat.compare(question.id, models("good", "cut")))
        name = chat.chat_id
        await chat.close()
    store = opened(tmp_path)
    resumed = await store.resume(name, chat.location)
    assert not isinstance(resumed, Failure)
    replies = [n.message for n in resumed.conversation.nodes.values() if n.parent == question.id]
    assert resumed.conversation.head == head
    assert sorted((m.text, m.outcome) for m in replies[1:]) == [
        ("half of it ", Outcome.CUT),
        ("thisisgood", Outcome.COMPLETE),
    ]
    rows = await ledger(store)
    assert rows["good"] == (1, 10, 5)
    assert rows["cut"][0] == 1
    await resumed.recorder.close()
    await store.close()


async def test_new_question_of_a_comparison_stays_a_branch(gateway: Gateway, tmp_path: Path) -> None:
    gateway.always(lambda request: asked_by(request.model))
    store = opened(tmp_path)
    async with session(gateway, CHAT, store=lambda: store) as chat:
        await ask(chat, "first")
        head = chat.conversation.head
        await compared(chat.compare(chat.add(user_message("second"), head), models("a")))
        await ask(chat, "third")
        assert [m.text for m in chat.conversation.history() if m.role is Role.USER] == ["first", "third"]
        await chat.close()


@ALL
async def test_side_question_is_counted_but_not_in_the_chat(
    gateway: Gateway, protocol: ApiProtocol, tmp_path: Path
) -> None:
    gateway.always(lambda request: asked_by(request.model))
    store = opened(tmp_path)
    async with session(gateway, protocol, store=lambda: store) as chat:
        await ask(chat, "first")
        before = chat.conversation
        events = await events_of(chat.ask_aside(user_message("by the way?")))
        assert ended(events).outcome is Outcome.COMPLETE
        assert chat.conversation is before
        assert "first" in str(gateway.asked[-1].body)
        await ask(chat, "second")
        assert "by the way?" not in str(gateway.asked[-1].body)
        assert sum(spent.usage.input for spent in chat.totals.values()) == 30
        model = chat.model.model
        await chat.close()
    store = opened(tmp_path)
    assert (await ledger(store))[model] == (3, 30, 15)
    (found,) = (await store.chats()).chats
    resumed = await store.resume(found.id, chat.location)
    assert not isinstance(resumed, Failure)
    assert [node.message.text for node in resumed.conversation.nodes.values()] == [
        "first", f"thisis{model}", "second", f"thisis{model}",
    ]  # fmt: skip
    await resumed.recorder.close()
    await store.close()


async def test_side_question_before_any_chat_is_counted(gateway: Gateway, tmp_path: Path) -> None:
    gateway.always(lambda request: asked_by(request.model))
    store = opened(tmp_path)
    async with session(gateway, CHAT, store=lambda: store) as chat:
        await events_of(chat.ask_aside(user_message("hello?")))
        model = chat.model.model
        await chat.close()
    store = opened(tmp_path)
    assert (await ledger(store))[model] == (1, 10, 5)
    assert not (await store.chats()).chats
    await store.close()


async def test_side_question_during_a_reply_sends_its_text_so_far(gateway: Gateway) -> None:
    gate = Gate()
    gateway.reply(Reply(Words("The answer ", "begins "), gate, Words("and ends")))
    gateway.always(asked_by("side"))
    async with session(gateway, CHAT) as chat:
        turn = chat.send(chat.add(user_message("a long one"), None))
        running = asyncio.create_task(events_of(turn))
        await gate.reached.wait()
        while len(turn.so_far()) < 2:
            await asyncio.sleep(0)
        await events_of(chat.ask_aside(user_message("by the way?"), during=turn))
        gate.open()
        assert ended(await running).outcome is Outcome.COMPLETE
        roles = [message["role"] for message in gateway.asked[-1].body["messages"]]
        assert roles == ["user", "assistant", "user"]
        assert "The answer begins" in str(gateway.asked[-1].body)
        assert chat.adopt(1)
        assert [m.text for m in chat.conversation.history()][-2:] == ["by the way?", "thisisside"]


async def test_adopted_side_question_stays_a_branch_once_the_chat_has_gone_on(gateway: Gateway) -> None:
    gateway.always(lambda request: asked_by(request.model))
    async with session(gateway, CHAT) as chat:
        await ask(chat, "first")
        await events_of(chat.ask_aside(user_message("by the way?")))
        await ask(chat, "second")
        head = chat.conversation.head
        assert not chat.adopt(1)
        assert chat.conversation.head == head
        side = next(n for n in chat.conversation.nodes.values() if n.message.text == "by the way?")
        assert side.parent and chat.conversation.nodes[side.parent].message.text == f"thisis{chat.model.model}"
        nodes = len(chat.conversation.nodes)
        assert chat.adopt(1)  # now it is in the tree: a second time goes there
        assert len(chat.conversation.nodes) == nodes


async def test_fork_aside_is_a_chat_of_its_own(gateway: Gateway, tmp_path: Path) -> None:
    gateway.always(lambda request: asked_by(request.model))
    store = opened(tmp_path)
    async with session(gateway, CHAT, store=lambda: store) as chat:
        await ask(chat, "first")
        before = chat.conversation
        other = await chat.fork_aside(ModelRef(CHAT.value, "far"), "a copy")
        assert isinstance(other, ChatSession)
        await ask(other, "elsewhere")
        assert chat.conversation is before
        assert other.chat_id != chat.chat_id
        assert [m.text for m in other.conversation.history()] == [
            "first", f"thisis{chat.model.model}", "elsewhere", "thisisfar",
        ]  # fmt: skip
        assert {ref.model for ref in chat.totals} == {chat.model.model, "far"}
        name = other.chat_id
        await other.close()
        found = await chat.resume(name)
        assert not isinstance(found, Failure)
        assert (found.info.title, str(chat.model)) == ("a copy", f"{CHAT.value}/far")
        await chat.close()


async def test_offers_end_with_the_chat(gateway: Gateway) -> None:
    gateway.always(lambda request: asked_by(request.model))
    async with session(gateway, CHAT) as chat:
        turn = chat.ask_aside(user_message("by the way?"))
        chat.new()
        assert counted(await events_of(turn)) == 1
        assert chat.offers == ()


def counted(events: Sequence[Event]) -> int:
    assert isinstance(events[-1], TurnEnded)
    return sum(len(event.requests) for event in events if isinstance(event, StepCounted))
