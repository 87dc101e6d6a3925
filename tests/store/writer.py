"""Write turns to a chat until killed, and report each step on standard output.

    python -m tests.store.writer FILE SEED [CHAT]

Lines: `chat ID`, `asked NODE` when a question may leave, `said TURN NUMBER TIME` for each word, `ran TURN NUMBER TIME`
for each result of a tool, `done NODE TIME` for each complete message.
"""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from random import Random
from uuid import uuid4

from termchat.core.chat_store import Recorder, Recording, Resumed
from termchat.core.events import MessageDone
from termchat.core.messages import Message, Role, Text, ToolResult
from termchat.store.chat_store import SqliteChatStore
from tests.store.helpers import HERE, STATE, ask, calls, end, reply, result, started, stream


def report(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


async def write_turns(store: SqliteChatStore, rng: Random, recorder: Recorder, parent: str | None) -> None:
    while True:
        question = ask(recorder, f"question {uuid4().hex}", parent)
        turn = uuid4().hex
        recording = await started(recorder, question, turn)
        report("asked", question)
        at = question
        if rng.random() < 0.5:
            at = await tools(recording, rng, turn, question)
        words = [f"{turn[:8]}w{n}" for n in range(rng.randrange(1, 400))]
        for n, word in enumerate(words):
            stream(recording, turn, [word])
            report("said", turn, n, time.time())
            if n % 5 == 0:
                await asyncio.sleep(0.002)
        parent = uuid4().hex
        recording.record(MessageDone(turn, parent, at, reply(" ".join(words))))
        end(recording, turn)
        recording.close()
        report("done", parent, time.time())


async def tools(recording: Recording, rng: Random, turn: str, question: str) -> str:
    names = [f"tool{n}" for n in range(rng.randrange(1, 4))]
    asked = calls(recording, turn, question, names)
    report("done", asked, time.time())
    for n, name in enumerate(names):
        await asyncio.sleep(rng.random() * 0.05)
        result(recording, turn, n, name, f"{turn[:8]}r{n}")
        report("ran", turn, n, time.time())
    node = uuid4().hex
    parts = tuple(ToolResult(f"call_{n}", name, (Text(f"{turn[:8]}r{n}"),)) for n, name in enumerate(names))
    recording.record(MessageDone(turn, node, asked, Message(Role.TOOL, parts)))
    report("done", node, time.time())
    return node


async def main(file: Path, seed: int, chat: str) -> None:
    store = SqliteChatStore(file, lambda failure: report("warned", failure.message), every=0.2)
    if not chat:
        recorder, parent = store.new_recorder(STATE, HERE), None
    else:
        found = await store.resume(chat, HERE)
        assert isinstance(found, Resumed)
        recorder, parent = found.recorder, found.conversation.head
    report("chat", recorder.chat_id)
    await write_turns(store, Random(seed), recorder, parent)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3] if len(sys.argv) > 3 else ""))
