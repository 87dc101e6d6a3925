"""The stored tree, compared with a tree in memory after any steps."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any
from uuid import uuid4

from hypothesis import given, settings
from hypothesis import strategies as st

from termchat.core.chat_store import Recorder, Resumed
from termchat.core.chats import ExportFormat
from termchat.core.conversation import Conversation, Node
from termchat.core.events import MessageDone
from termchat.core.messages import user_message
from termchat.store.chat_store import SqliteChatStore
from tests.store.conftest import StoreFixture
from tests.store.helpers import HERE, STATE, answer, ask, end, reply, started

STEPS = st.lists(st.sampled_from(["ask", "answer", "up", "anywhere", "begin", "fork", "resume"]), max_size=15)


class ReferenceSession:
    """A conversation tree in memory with a recorder, as an engine keeps it."""

    def __init__(self, recorder: Recorder) -> None:
        self.tree = Conversation()
        self.recorder = recorder

    def ask(self) -> None:
        node = Node(uuid4().hex, self.tree.head, user_message(f"question {len(self.tree.nodes)}"))
        self.tree = self.tree.add(node)
        self.recorder.add(node)

    async def answer(self) -> None:
        if self.tree.head is None:
            return
        turn, node = uuid4().hex, Node(uuid4().hex, self.tree.head, reply(f"answer {len(self.tree.nodes)}"))
        recording = await started(self.recorder, self.tree.head, turn)
        recording.record(MessageDone(turn, node.id, node.parent, node.message))
        self.tree = self.tree.add(node)
        end(recording, turn)
        recording.close()

    def move(self, head: str | None) -> None:
        self.tree = self.tree.move(head)
        self.recorder.move(head)

    def up(self) -> None:
        if self.tree.head is not None:
            self.move(self.tree.nodes[self.tree.head].parent)


async def assert_equal_on_disk(store: SqliteChatStore, model: ReferenceSession) -> Resumed | None:
    """Resume the chat and check that its tree equals the one in memory."""
    found = await store.resume(model.recorder.chat_id, HERE)
    if not isinstance(found, Resumed):
        assert not model.tree.nodes  # never saved
        return None
    assert found.conversation == model.tree
    return found


async def run_steps(steps: list[str], rng: Any) -> None:
    store = SqliteChatStore(None, lambda _: None)
    try:
        await run_steps_in(store, steps, rng)
    finally:  # Hypothesis ends an example with an exception when its random numbers are used up
        await store.close()


async def run_steps_in(store: SqliteChatStore, steps: list[str], rng: Any) -> None:
    model = ReferenceSession(store.new_recorder(STATE, HERE))
    left: list[ReferenceSession] = []
    for step in steps:
        match step:
            case "ask":
                model.ask()
            case "answer":
                await model.answer()
            case "up":
                model.up()
            case "anywhere" if model.tree.nodes:
                model.move(rng.choice(sorted(model.tree.nodes)))
            case "begin":
                left.append(model)
                model = ReferenceSession(store.new_recorder(STATE, HERE))
            case "fork" if model.tree.head is not None:
                left.append(model)
                forked = await store.fork(model.recorder.chat_id, model.tree.head, HERE, "a fork")
                assert isinstance(forked, Resumed)
                model = ReferenceSession(forked.recorder)
                model.tree = forked.conversation
            case "resume" if found := await assert_equal_on_disk(store, model):
                model.recorder = found.recorder
            case _:
                pass
    for each in (*left, model):
        await assert_equal_on_disk(store, each)


@settings(max_examples=100)
@given(STEPS, st.randoms(use_true_random=False))
def test_stored_tree_equals_tree_in_memory_after_any_steps(steps: list[str], rng: Any) -> None:
    asyncio.run(run_steps(steps, rng))


async def test_label_is_kept_found_exported_and_shared_by_fork(stores: StoreFixture, tmp_path: Path) -> None:
    store = stores.open()
    recorder = store.new_recorder(STATE, HERE)
    question = ask(recorder, "Which pot?")
    answered = await answer(recorder, question, "A kettle.")
    recorder.label(question, "first")
    recorder.label(question, "the 茶壶 question")
    recorder.label(answered, "gone")
    recorder.label(answered, "")
    await recorder.close()
    chat = recorder.chat_id
    found = await store.resume(chat, HERE)
    assert isinstance(found, Resumed)
    assert found.conversation.labels == {question: "the 茶壶 question"}
    assert [(hit.node, hit.snippet) for hit in await store.search("茶壶")] == [(question, "the 茶壶 question")]
    assert [info.id for info in (await store.chats("茶壶 question")).chats] == [chat]
    fork = await store.fork(chat, answered, HERE)
    assert isinstance(fork, Resumed)
    assert fork.conversation.labels == {question: "the 茶壶 question"}

    file = tmp_path / "all.json"
    file.write_text("".join([str(piece) async for piece in store.export(ExportFormat.JSON, [chat])]))
    other = StoreFixture(tmp_path / "other" / "termchat.db")
    copy = other.open()
    await copy.import_file(file)
    again = await copy.resume(chat, HERE)
    assert isinstance(again, Resumed)
    assert again.conversation.labels == found.conversation.labels
    await other.close()
