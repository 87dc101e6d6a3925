"""The tree on disk is the tree in memory, whatever is done to it."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

from hypothesis import given, settings
from hypothesis import strategies as st

from termchat.core.chat_store import Recorder, Resumed
from termchat.core.conversation import Conversation, Node
from termchat.core.events import MessageDone
from termchat.core.messages import user_message
from termchat.store.chat_store import SqliteChatStore
from tests.store.helpers import HERE, STATE, end, reply, started

STEPS = st.lists(st.sampled_from(["ask", "answer", "up", "anywhere", "begin", "fork", "resume"]), max_size=15)


class Model:
    """A session as the engine keeps it, without an engine."""

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


async def same(library: SqliteChatStore, model: Model) -> Resumed | None:
    """The chat as it is on disk, found equal."""
    found = await library.resume(model.recorder.chat_id, HERE)
    if not isinstance(found, Resumed):
        assert not model.tree.nodes  # it never began
        return None
    assert found.conversation == model.tree
    return found


async def play(steps: list[str], chance: Any) -> None:
    library = SqliteChatStore(None, lambda _: None)
    model = Model(library.new_recorder(STATE, HERE))
    left: list[Model] = []
    for step in steps:
        match step:
            case "ask":
                model.ask()
            case "answer":
                await model.answer()
            case "up":
                model.up()
            case "anywhere" if model.tree.nodes:
                model.move(chance.choice(sorted(model.tree.nodes)))
            case "begin":
                left.append(model)
                model = Model(library.new_recorder(STATE, HERE))
            case "fork" if model.tree.head is not None:
                left.append(model)
                forked = await library.fork(model.recorder.chat_id, model.tree.head, HERE, "a fork")
                assert isinstance(forked, Resumed)
                model = Model(forked.recorder)
                model.tree = forked.conversation
            case "resume" if found := await same(library, model):
                model.recorder = found.recorder
            case _:
                pass
    for each in (*left, model):
        await same(library, each)
    await library.close()


@settings(max_examples=100)
@given(STEPS, st.randoms(use_true_random=False))
def test_the_tree_on_disk_is_the_one_in_memory(steps: list[str], chance: Any) -> None:
    asyncio.run(play(steps, chance))
