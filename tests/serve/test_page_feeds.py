"""The state of a chat that a client of the page gets first, while its turns end."""

from __future__ import annotations

import asyncio
from pathlib import Path
from uuid import uuid4

from termchat.app.script.page.chat_feeds import ChatFeeds
from termchat.core.events import MessageDone, Timing, TurnEnded
from termchat.core.outcomes import Outcome
from termchat.serve.page_api.live_turn import LiveTurn
from termchat.store.chat_store import SqliteChatStore
from tests.store.helpers import HERE, MODEL, STATE, USAGE, ask, reply, started


async def test_first_state_has_reply_that_ends_while_it_is_read(tmp_path: Path) -> None:
    store = SqliteChatStore(tmp_path / "chats.db", print)
    feeds = ChatFeeds(store)
    recorder = store.new_recorder(STATE, HERE)
    question, turn, node = ask(recorder, "hi"), uuid4().hex, uuid4().hex
    recording = await started(recorder, question, turn)
    live = LiveTurn(turn, recorder.chat_id, "compare", question, MODEL)
    feeds.begin(live)
    client = feeds.join(recorder.chat_id)
    try:
        first = asyncio.create_task(client.next())
        await asyncio.sleep(0)  # the chat is being read, without the reply
        for event in (
            MessageDone(turn, node, question, reply("hello")),
            TurnEnded(turn, Outcome.COMPLETE, MODEL, USAGE, None, Timing(0.1, 1.0), 1, has_content=True),
        ):
            recording.record(event)
            feeds.show(live, event, question)
        recording.close()
        name, snapshot = (await first)[0]
        client.close()
    finally:
        await feeds.close()
        await store.close()
    assert name == "snapshot"
    assert [given["id"] for given in snapshot["nodes"]] == [question, node]
    assert snapshot["turns"] == []
