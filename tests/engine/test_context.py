"""The context of a request: dropped and pinned messages, a chat that is too long, and compaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from termchat.core.chat_store import Resumed
from termchat.core.conversation import (
    LEFT_OUT_TEXT,
    ContextMarks,
    Node,
    compacted_from,
    kept_messages,
    summary_request,
)
from termchat.core.errors import FailureKind
from termchat.core.events import Streamed, TextDelta
from termchat.core.messages import Message, Role, Text, ToolCall, ToolResult, user_message
from termchat.core.models import ApiProtocol, ModelInfo
from termchat.core.outcomes import Outcome
from termchat.engine.session import ChatSession
from termchat.providers.registry import ProviderRegistry
from termchat.store.chat_store import SqliteChatStore
from tests import gateway as gw
from tests.engine.support import ask, ended, events_of, notices, session
from tests.gateway import Call, Gateway, Reply, fault
from tests.providers.support import PROTOCOLS

ALL = pytest.mark.parametrize("protocol", PROTOCOLS)
C = ApiProtocol.CHAT


def text_of(body: object) -> str:
    return str(body)


def mark(chat: ChatSession, *, dropped: Sequence[str] = (), pinned: Sequence[str] = ()) -> None:
    marks = ContextMarks(frozenset(dropped), frozenset(pinned))
    chat.update_settings(lambda settings: replace(settings, marks=marks), lasting=False)


@st.composite
def paths(draw: st.DrawFn) -> tuple[Node, ...]:
    """Build a path of turns, some with calls and their results."""
    messages: list[Message] = []
    for n in range(draw(st.integers(1, 6))):
        messages.append(user_message(f"question {n}"))
        for step in range(draw(st.integers(0, 2))):
            call = ToolCall(f"id{n}{step}", "look", "{}")
            messages.append(Message(Role.ASSISTANT, (call,)))
            messages.append(Message(Role.TOOL, (ToolResult(call.id, "look", (Text("rain"),)),)))
        if draw(st.booleans()):
            messages.append(Message(Role.ASSISTANT, (Text(f"answer {n}"),)))
    names = [None, *(str(n) for n in range(len(messages)))]
    return tuple(Node(str(n), names[n], message) for n, message in enumerate(messages))


@given(paths(), st.data())
def test_kept_messages_keep_calls_with_results_and_order(path: tuple[Node, ...], data: st.DataObject) -> None:
    dropped = data.draw(st.sets(st.sampled_from([node.id for node in path])))
    kept = kept_messages(path, dropped)
    calls = {call.id for message in kept for call in message.calls}
    results = {result.call_id for message in kept for result in message.results}
    assert calls == results
    own = [message for message in kept if message.text != LEFT_OUT_TEXT]
    at = iter([node.message for node in path])
    assert all(message in at for message in own)
    undropped = [n.message for n in path if n.id not in dropped and not (n.message.calls or n.message.results)]
    assert all(message in kept for message in undropped)
    for before, after in pairwise(kept):
        both = before.role is after.role is Role.ASSISTANT
        assert not both or [n.message for n in path][[n.message for n in path].index(after) - 1] == before


@ALL
async def test_dropped_message_is_not_sent_until_restored(
    gateway: Gateway, protocol: ApiProtocol, tmp_path: Path
) -> None:
    gateway.reply(Reply(Call("look", {"city": "Bonn"})), *map(Reply.text, ("it rains", "two", "three", "four")))
    store = SqliteChatStore(tmp_path / "chats.db", print)
    async with session(gateway, protocol, store=lambda: store) as chat:
        await ask(chat, "the secret word is plover")
        await ask(chat, "second")
        first = [node.id for node in chat.conversation.path()[:4]]
        mark(chat, dropped=first[:2])  # the question, and the call: its result goes with it
        await ask(chat, "third")
        assert "plover" not in text_of(gateway.asked[-1].body)
        assert "Bonn" not in text_of(gateway.asked[-1].body)
        assert "it rains" in text_of(gateway.asked[-1].body)
        chat_id = chat.chat_id
        chat.new()
        resumed = await chat.resume(chat_id)
        assert isinstance(resumed, Resumed)
        assert chat.settings.marks.dropped == set(first[:2])
        mark(chat)
        await ask(chat, "fourth")
        assert "plover" in text_of(gateway.asked[-1].body)
        await chat.close()
    assert gateway.problems == []


async def test_dropped_question_asked_again_is_sent(gateway: Gateway) -> None:
    gateway.reply(*map(Reply.text, ("one", "two", "three", "four")))
    async with session(gateway, C) as chat:
        await ask(chat, "plover")
        await ask(chat, "curlew")
        dropped = [node.id for node in chat.conversation.path()]
        mark(chat, dropped=dropped)
        await events_of(chat.send(dropped[2]))  # /retry
        assert ("plover" in text_of(gateway.asked[-1].body), "curlew" in text_of(gateway.asked[-1].body)) == (
            False,
            True,
        )
        await ask(chat, "dunlin")
    assert "curlew" not in text_of(gateway.asked[-1].body)


def with_window(chat: ChatSession, tokens: int) -> None:
    """List the model with a context window of so many tokens."""
    providers = chat._config.providers
    assert isinstance(providers, ProviderRegistry)
    providers._listings.put(chat.model.provider, [ModelInfo(chat.model, context=tokens)])


async def test_long_chat_is_not_sent_and_says_ways_on(gateway: Gateway) -> None:
    gateway.reply(Reply.text("one"))
    async with session(gateway, C) as chat:
        await ask(chat, "first " * 400)
        with_window(chat, 500)
        events = await ask(chat, "second")
        failure = ended(events).failure
    assert failure and failure.kind is FailureKind.CONTEXT_TOO_LONG
    assert "/compact" in failure.hint and "/drop" in failure.hint
    assert len(gateway.asked) == 1
    assert chat.conversation.head is not None and len(chat.conversation.path()) == 2


async def test_fit_leaves_out_oldest_unpinned_turns_with_notice(gateway: Gateway) -> None:
    gateway.reply(*map(Reply.text, ("one", "two", "three", "four")))
    async with session(gateway, C, fit=True) as chat:
        await ask(chat, "plover " * 100)
        await ask(chat, "curlew " * 100)
        await ask(chat, "dunlin " * 100)
        with_window(chat, 450)
        mark(chat, pinned=[chat.conversation.path()[0].id])
        events = await ask(chat, "go on")
    sent = text_of(gateway.asked[-1].body)
    assert ("plover" in sent, "curlew" in sent, "go on" in sent) == (True, False, True)
    (words,) = notices(events)
    assert "left out to fit" in words
    assert len(chat.conversation.path()) == 8


@ALL
async def test_compact_begins_branch_with_summary_and_keeps_last_turns(
    gateway: Gateway, protocol: ApiProtocol, tmp_path: Path
) -> None:
    gateway.reply(*map(Reply.text, ("one", "two", "three", "They talked about birds.", "four")))
    store = SqliteChatStore(tmp_path / "chats.db", print)
    async with session(gateway, protocol, store=lambda: store) as chat:
        for question in ("first plover", "second curlew", "third dunlin"):
            await ask(chat, question)
        whole = chat.conversation.head
        events = await ask(chat, summary_request("the birds"))
        assert "tools" not in gateway.asked[-1].body
        assert any("/undo returns" in words for words in notices(events))
        texts = [node.message.text for node in chat.conversation.path()]
        assert texts[0].endswith("They talked about birds.")
        assert texts[1:] == ["second curlew", "two", "third dunlin", "three"]
        found = compacted_from(chat.conversation)
        assert found and found.id == whole
        await ask(chat, "go on")
        assert "plover" not in text_of(gateway.asked[-1].body)
        assert "They talked about birds." in text_of(gateway.asked[-1].body)
        assert compacted_from(chat.conversation) is None
        assert whole in chat.conversation.nodes
        head, chat_id = chat.conversation.head, chat.chat_id
        chat.new()
        resumed = await chat.resume(chat_id)
        assert isinstance(resumed, Resumed) and resumed.conversation.head == head
        await chat.close()
    assert gateway.problems == []


@pytest.mark.parametrize(
    "answer", [Reply.text("Half a", finish=gw.Finish.LENGTH), Reply.text("a b c").after(1, fault.fin())]
)
async def test_compact_incomplete_summary_is_not_used(gateway: Gateway, answer: Reply) -> None:
    gateway.reply(Reply.text("one"), answer)
    async with session(gateway, C) as chat:
        await ask(chat, "first")
        events = await ask(chat, summary_request())
    assert ended(events).outcome in (Outcome.LENGTH, Outcome.CUT)
    assert any("not used" in words for words in notices(events))
    assert chat.conversation.path()[0].message.text == "first"


async def test_compact_cancelled_leaves_chat_unchanged(gateway: Gateway) -> None:
    gateway.reply(Reply.text("one"), Reply.text("a b c").after(1, fault.stall()))
    async with session(gateway, C) as chat:
        await ask(chat, "first")
        turn = chat.send(chat.add(summary_request(), chat.conversation.head))
        events = await events_of(
            turn,
            lambda n, event: (
                turn.cancel() if isinstance(event, Streamed) and isinstance(event.delta, TextDelta) else None
            ),
        )
    assert ended(events).outcome is Outcome.CANCELLED
    assert [node.parent for node in chat.conversation.nodes.values()].count(None) == 1


@ALL
async def test_compact_after_tool_calls_is_a_valid_request(gateway: Gateway, protocol: ApiProtocol) -> None:
    gateway.reply(Reply(Call("look", {"city": "Bonn"})), *map(Reply.text, ("it rains", "Rain in Bonn.", "go")))
    async with session(gateway, protocol) as chat:
        await ask(chat, "weather?")
        assert ended(await ask(chat, summary_request())).outcome is Outcome.COMPLETE
        assert ended(await ask(chat, "go on")).outcome is Outcome.COMPLETE
    assert gateway.problems == []
