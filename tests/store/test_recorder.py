"""The recorder: turns, drafts and settings as rows of a chat."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from pathlib import Path

from termchat.core.chat_store import ChatStore, Recorder, Resumed
from termchat.core.chats import ChatState, UsageGroup
from termchat.core.conversation import Conversation, Node
from termchat.core.errors import Failure, FailureKind
from termchat.core.events import MessageDone, RequestCost, StepCounted, StepStarted, Timing, TurnEnded
from termchat.core.messages import Image, Message, Role, Text, ToolResult, user_message
from termchat.core.models import ModelRef
from termchat.core.outcomes import Outcome
from termchat.core.redact import Redactor
from termchat.core.sanitize import safe_format
from termchat.core.usage import Usage
from tests.store.conftest import StoreFixture
from tests.store.helpers import (
    HERE,
    MODEL,
    ORIGIN,
    STATE,
    USAGE,
    answer,
    ask,
    calls,
    end,
    query,
    reply,
    result,
    started,
    stream,
    until,
)


async def resumed(store: ChatStore, chat: str) -> Resumed:
    found = await store.resume(chat, HERE)
    assert isinstance(found, Resumed), found
    return found


async def texts(store: ChatStore, recorder: Recorder) -> list[str]:
    found = await resumed(store, recorder.chat_id)
    return [node.message.text for node in found.conversation.path()]


async def test_recorder_question_is_saved_before_request(stores: StoreFixture) -> None:
    recorder = stores.open().new_recorder(STATE, HERE)
    question = ask(recorder, "hello")
    await recorder.begin("turn", question)

    assert query(stores.file, "SELECT id, author FROM nodes") == [(question, "user")]


async def test_resume_restores_model_system_prompt_settings_and_tree(stores: StoreFixture) -> None:
    store = stores.open()
    recorder = store.new_recorder(ChatState(ModelRef("demo", "tour")), HERE)
    first = ask(recorder, "one")
    one = await answer(recorder, first, "first answer")
    recorder.move(first)
    other = await answer(recorder, first, "second answer")
    recorder.set_state(STATE)
    recorder.draft("half a thou")
    await recorder.close()

    found = await resumed(store, recorder.chat_id)
    nodes = [Node(first, None, user_message("one")), Node(one, first, reply("first answer"))]
    nodes.append(Node(other, first, reply("second answer")))
    assert found.conversation == Conversation({node.id: node for node in nodes}, other)
    assert (found.state, found.draft, found.forked) == (STATE, "half a thou", False)
    assert (found.info.title, found.info.turns, found.info.model) == ("one", 1, MODEL)


async def test_recorder_streaming_reply_is_saved(stores: StoreFixture) -> None:
    recorder = stores.open().new_recorder(STATE, HERE)
    recording = await started(recorder, ask(recorder, "go"))
    stream(recording, "turn", ["one", "two"])

    await until(lambda: query(stores.file, "SELECT 1 FROM partials WHERE message LIKE '%one two%'"))
    stream(recording, "turn", ["three"])
    await until(lambda: query(stores.file, "SELECT 1 FROM partials WHERE message LIKE '%one two three%'"))
    assert query(stores.file, "SELECT count(*) FROM partials") == [(1,)]


async def test_recorder_complete_message_replaces_partial(stores: StoreFixture) -> None:
    store = stores.open()
    recorder = store.new_recorder(STATE, HERE)
    await answer(recorder, ask(recorder, "go"), "one two")
    await store.close()
    stores.opened.clear()

    assert query(stores.file, "SELECT count(*) FROM partials") == [(0,)]
    assert query(stores.file, "SELECT count(*) FROM nodes") == [(2,)]


async def test_recorder_abandoned_turn_is_saved_as_cut(stores: StoreFixture) -> None:
    store = stores.open(every=60)
    recorder = store.new_recorder(STATE, HERE)
    recording = await started(recorder, ask(recorder, "go"))
    stream(recording, "turn", ["as", "far"])
    recording.close()
    recording.close()

    last = (await resumed(store, recorder.chat_id)).conversation.last_answer()
    assert last
    assert (last.message.text, last.message.outcome, last.message.origin) == ("as far ", Outcome.CUT, None)


async def test_recorder_cut_reply_keeps_its_model(stores: StoreFixture) -> None:
    store = stores.open(every=60)
    recorder = store.new_recorder(STATE, HERE)
    node = await answer(recorder, ask(recorder, "go"), "whole")
    recording = await started(recorder, ask(recorder, "and", node))
    stream(recording, "turn", ["cut"])
    recording.close()

    last = (await resumed(store, recorder.chat_id)).conversation.last_answer()
    assert last
    assert (last.message.text, last.message.origin) == ("cut ", ORIGIN)


async def test_recorder_empty_turn_saves_question_only(stores: StoreFixture) -> None:
    store = stores.open()
    recorder = store.new_recorder(STATE, HERE)
    recording = await started(recorder, ask(recorder, "go"))
    recording.close()

    assert await texts(store, recorder) == ["go"]


async def test_recorder_tool_results_are_saved_as_they_arrive(stores: StoreFixture) -> None:
    recorder = stores.open(every=60).new_recorder(STATE, HERE)
    question = ask(recorder, "go")
    recording = await started(recorder, question)
    asked = calls(recording, "turn", question, ["ls", "cat"])
    result(recording, "turn", 0, "ls", "file one")

    await until(lambda: query(stores.file, "SELECT 1 FROM partials WHERE message LIKE '%file one%'"))
    assert query(stores.file, "SELECT parent FROM partials") == [(asked,)]


async def test_recorder_tool_results_survive_cut_turn(stores: StoreFixture) -> None:
    store = stores.open(every=60)
    recorder = store.new_recorder(STATE, HERE)
    question = ask(recorder, "go")
    recording = await started(recorder, question)
    calls(recording, "turn", question, ["ls", "cat"])
    result(recording, "turn", 0, "ls", "file one")
    recording.close()

    path = (await resumed(store, recorder.chat_id)).conversation.path()
    assert path[-1].message == Message(Role.TOOL, (ToolResult("call_0", "ls", (Text("file one"),)),))


async def test_ledger_of_two_requests_sums_usage_and_cost(stores: StoreFixture) -> None:
    store = stores.open()
    recorder = store.new_recorder(STATE, HERE)
    question = ask(recorder, "go")
    recording = await started(recorder, question)
    asked = calls(recording, "turn", question, ["ls"])
    result(recording, "turn", 0, "ls", "x")
    recording.record(MessageDone("turn", "tools", asked, Message(Role.TOOL, (ToolResult("call_0", "ls", ()),))))
    recording.record(StepStarted("turn", 2))
    recording.record(MessageDone("turn", "last", "tools", reply("done")))
    end(recording, "turn", Decimal("0.03"), USAGE + USAGE)

    (row,) = await store.usage(UsageGroup.MODEL)
    assert (row.key, row.requests, row.input, row.cached, row.output) == (str(MODEL), 2, 20, 4, 10)
    assert (row.cost, row.unpriced) == (Decimal("0.03"), 0)


async def test_ledger_failed_request_is_recorded_without_cost(stores: StoreFixture) -> None:
    store = stores.open()
    recorder = store.new_recorder(STATE, HERE)
    recording = await started(recorder, ask(recorder, "go"))
    failure = Failure(FailureKind.AUTH, safe_format("no"))
    recording.record(StepCounted("turn", (RequestCost(ORIGIN, None, Decimal(0)),)))
    recording.record(
        TurnEnded("turn", Outcome.FAILED, MODEL, Usage(), None, Timing(None, 1), 1, has_content=False, failure=failure)
    )

    (row,) = await store.usage(UsageGroup.MODEL)
    assert (row.requests, row.output, row.cost, row.unpriced) == (1, 0, Decimal(0), 0)


async def test_recorder_without_message_creates_no_chat(stores: StoreFixture) -> None:
    store = stores.open()
    recorder = store.new_recorder(STATE, HERE)
    recorder.set_state(ChatState())
    recorder.move(None)
    await recorder.close()

    assert (await store.chats()).chats == ()


async def test_recorder_never_rewrites_a_message(stores: StoreFixture) -> None:
    store = stores.open()
    recorder = store.new_recorder(STATE, HERE)
    question = ask(recorder, "the original")
    recorder.add(Node(question, None, user_message("something else")))

    assert await texts(store, recorder) == ["the original"]


async def test_attachment_sent_twice_is_stored_once(stores: StoreFixture) -> None:
    store = stores.open()
    recorder = store.new_recorder(STATE, HERE)
    picture = Image("image/png", b"\x89PNG" * 1000)
    recorder.add(Node("a", None, user_message("look", picture)))
    recorder.add(Node("b", "a", user_message("again", picture)))
    found = await resumed(store, recorder.chat_id)

    assert [node.message.parts[0] for node in found.conversation.path()] == [picture, picture]
    assert query(stores.file, "SELECT count(*) FROM blobs") == [(1,)]


async def test_recorder_never_saves_keys(stores: StoreFixture) -> None:
    key = "sk-live-0123456789abcdef"
    store = stores.open(redact=Redactor([key], shapes=False))
    recorder = store.new_recorder(replace(STATE, system=f"sign with {key}"), HERE)
    recorder.draft(f"my key is {key}")
    store.remember(f"use {key}", HERE)
    recording = await started(recorder, ask(recorder, f"here: {key}"))
    stream(recording, "turn", [key])
    await until(lambda: query(stores.file, "SELECT 1 FROM partials WHERE message IS NOT NULL"))
    await store.rename(recorder.chat_id, key)
    recorder.set_state(replace(STATE, system=f"sign at once with {key}"))
    await recorder.close()
    recording.close()
    await stores.close()

    assert all(key.encode() not in path.read_bytes() for path in stores.file.parent.iterdir())
    assert await texts(stores.open(), recorder) == ["here: …cdef", "…cdef "]


async def test_memory_store_works_alike_and_leaves_no_file(stores: StoreFixture, tmp_path: Path) -> None:
    store = stores.in_memory()
    recorder = store.new_recorder(STATE, HERE)
    await answer(recorder, ask(recorder, "hello there"), "general")

    assert await texts(store, recorder) == ["hello there", "general"]
    assert [hit.snippet for hit in await store.search("general")] == ["general"]
    assert store.is_ephemeral
    assert list(tmp_path.iterdir()) == []


async def test_recorder_steering_message_is_saved_before_next_request(stores: StoreFixture) -> None:
    recorder = stores.open(every=60).new_recorder(STATE, HERE)
    question = ask(recorder, "go")
    recording = await started(recorder, question)
    called = calls(recording, "turn", question, ["look"])
    recording.record(MessageDone("turn", "results", called, Message(Role.TOOL, (ToolResult("call_0", "look", ()),))))
    recording.record(MessageDone("turn", "more", "results", user_message("and this")))
    await recording.flush_user_message()

    assert query(stores.file, "SELECT author FROM nodes WHERE id = 'more'") == [("user",)]
    path = (await resumed(stores.open(), recorder.chat_id)).conversation.path()
    assert [node.id for node in path] == [question, called, "results", "more"]
