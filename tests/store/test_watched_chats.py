"""Chats read while others write them, and the mark that they are followed."""

from __future__ import annotations

import os
import time

from termchat.core.chat_store import Resumed
from termchat.core.chats import ChatState, Location
from termchat.core.conversation import Node
from termchat.core.messages import Image, Message, Origin, Role, Text, user_message
from termchat.core.models import ApiProtocol, ModelRef
from termchat.core.outcomes import Outcome
from termchat.store.recorder import SAVE_INTERVAL
from tests.store.conftest import StoreFixture

STATE = ChatState(ModelRef("x", "m"), "be brief")
REPLY = Message(Role.ASSISTANT, (Text("b"),), Origin("x", ApiProtocol.ANTHROPIC, "m"), Outcome.COMPLETE)


async def test_watch_reads_what_is_new_in_chat_and_fork(stores: StoreFixture) -> None:
    store, other = stores.open(), stores.open()
    recorder = store.new_recorder(STATE, Location())
    recorder.add(Node("1", None, user_message("a", Image("image/png", b"bytes", name="p.png"))))
    recorder.add(Node("2", "1", REPLY))
    recorder.label("2", "good")
    await recorder.close()
    whole = await other.watch.chat(recorder.chat_id)
    assert whole
    assert (list(whole.nodes), whole.head, whole.labels, whole.state.system) == (
        ["1", "2"],
        "2",
        {"2": "good"},
        "be brief",
    )
    image = whole.nodes["1"].message.parts[0]
    assert isinstance(image, Image)
    assert await other.watch.blob(image.data.decode()) == b"bytes"
    assert whole.sizes == {image.data.decode(): 5}
    forked = await store.fork(recorder.chat_id, "1", Location())
    assert isinstance(forked, Resumed)
    copy = forked.recorder
    copy.add(Node("3", "1", REPLY))
    await copy.close()
    begun = await other.watch.chat(copy.chat_id)
    assert begun
    assert ([node.parent for node in begun.nodes.values()], begun.head) == ([None, "1"], "3")
    version = await other.watch.version()
    copy.move("1")
    await store.rename(copy.chat_id, "renamed")
    assert await other.watch.version() != version
    later = await other.watch.chat(copy.chat_id, begun.last)
    assert later
    assert (later.nodes, later.head, later.info.title) == ({}, "1", "renamed")
    assert await other.watch.chat("none") is None
    assert await other.watch.blob("none") is None


async def test_watch_mark_makes_other_processes_save_more_often(stores: StoreFixture) -> None:
    store, other = stores.open(every=SAVE_INTERVAL), stores.open()
    assert store._context.pause() == SAVE_INTERVAL
    await other.watch.follow()
    assert store._context.pause() < SAVE_INTERVAL / 2
    mark = stores.file.with_name("termchat.db.followed")
    assert mark.stat().st_mode & 0o077 == 0
    os.utime(mark, (time.time() - 60, time.time() - 60))
    assert store._context.pause() == SAVE_INTERVAL
    other.watch.unfollow()
    assert not mark.exists()
