"""Real processes: killed in the middle of a sentence, and two at the same chat."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import pytest

from termchat.core.chat_store import Resumed
from termchat.core.history import prepare_history
from termchat.core.messages import Role
from termchat.core.outcomes import Outcome
from termchat.store import processes
from tests.store.conftest import Shelf
from tests.store.helpers import HERE, ORIGIN, STATE, answer, ask, look

KILLS = int(os.environ.get("STORE_TEST_KILLS", "20"))
SAVED = 0.2 + 1.0  # the writer saves every 0.2 s; the rest is for a machine that has other things to do


@asynccontextmanager
async def writer(file: Path, seed: int, chat: str = "") -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.store.writer", str(file), str(seed), chat, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def line(process: asyncio.subprocess.Process, word: str) -> str:
    """What stands behind the next line that begins with a word."""
    assert process.stdout
    async with asyncio.timeout(30):
        while True:
            raw = (await process.stdout.readline()).decode()
            assert raw, "the writer has ended"
            if raw.startswith(word + " "):
                return raw.split()[1]


async def killed(file: Path, seed: int) -> tuple[str, list[list[str]], float]:
    """Let a writer talk for a while and kill it: its chat, what it said, and when it ended."""
    async with writer(file, seed) as process:
        chat = await line(process, "chat")
        assert process.stdout
        reading = asyncio.create_task(process.stdout.read())
        await asyncio.sleep(Random(seed).uniform(0.05, 2.5))
        ended = time.time()
        process.kill()
        return chat, [words.split() for words in (await reading).decode().splitlines()], ended


@pytest.mark.timeout(60 + 10 * KILLS)
async def test_nothing_older_than_a_moment_is_lost_when_the_process_is_killed(tmp_path: Path) -> None:
    places = asyncio.Semaphore(4)

    async def once(seed: int) -> None:
        async with places:
            file = tmp_path / str(seed) / "termchat.db"
            chat, said, ended = await killed(file, seed)
            await whole(file, chat, said, ended)

    async with asyncio.TaskGroup() as group:
        for seed in range(KILLS):
            group.create_task(once(seed))


async def whole(file: Path, chat: str, said: list[list[str]], ended: float) -> None:
    """The file is sound, holds what was said, and the chat goes on."""
    shelf = Shelf(file)
    library = shelf.open()
    found = await library.resume(chat, HERE)
    if not said:
        await shelf.close()
        return
    assert isinstance(found, Resumed) and not found.forked
    tree = found.conversation
    everything = "\n".join(f"{n.message.text} {' '.join(r.text for r in n.message.results)}" for n in tree.path())
    for kind, *rest in (words for words in said if len(words) > 1):
        match kind, rest:
            case "asked", [node]:
                assert node in tree.nodes
            case "done", [node, at] if float(at) < ended - SAVED:
                assert node in tree.nodes
            case "said", [turn, n, at] if float(at) < ended - SAVED:
                assert f"{turn[:8]}w{n} " in everything + " "
            case "ran", [turn, n, at] if float(at) < ended - SAVED:
                assert f"{turn[:8]}r{n}" in everything
            case _:
                pass
    await goes_on(found, shelf, chat)


async def goes_on(found: Resumed, shelf: Shelf, chat: str) -> None:
    replies = [n.message for n in found.conversation.nodes.values() if n.message.role is Role.ASSISTANT]
    assert all(message.outcome in (Outcome.COMPLETE, Outcome.CUT) for message in replies)
    assert prepare_history(found.conversation.history(), ORIGIN, lambda _: True)
    question = ask(found.recorder, "and then?", found.conversation.head)
    node = await answer(found.recorder, question, "this")
    await shelf.close()
    assert shelf.told == []
    assert look(shelf.file, "PRAGMA integrity_check") == [("ok",)]
    assert look(shelf.file, "PRAGMA foreign_key_check") == []
    assert look(shelf.file, "SELECT count(*) FROM partials") == [(0,)]
    assert look(shelf.file, "SELECT nodes.id FROM chats JOIN nodes ON nodes.n = head") == [(node,)]


async def test_a_chat_that_another_process_has_open_is_forked(shelf: Shelf) -> None:
    async with writer(shelf.file, 1) as process:
        chat = await line(process, "chat")
        await line(process, "done")
        library = shelf.open()
        here = await library.chats()
        assert [info.open_elsewhere for info in here.chats] == [True]
        assert await library.last(HERE) is not None  # the same terminal: it is the user's own
        assert await library.last(type(HERE)("", HERE.directory)) is None
        found = await library.resume(chat, HERE)
        assert isinstance(found, Resumed) and found.forked
        before = found.conversation.path()
        mine = await answer(found.recorder, ask(found.recorder, "mine", found.conversation.head), "all mine")
        await line(process, "done")
        await line(process, "done")

    theirs = await library.resume(chat, HERE)
    assert isinstance(theirs, Resumed) and not theirs.forked
    assert mine not in theirs.conversation.nodes
    assert theirs.conversation.path()[: len(before)] == before
    again = await library.resume(found.recorder.chat_id, HERE)
    assert isinstance(again, Resumed)
    assert [n.message.text for n in again.conversation.path()[len(before) :]] == ["mine", "all mine"]
    assert shelf.told == []


async def test_several_processes_write_at_once_and_nobody_sees_a_lock(shelf: Shelf) -> None:
    async with writer(shelf.file, 1) as one, writer(shelf.file, 2) as two, writer(shelf.file, 3) as three:
        for process in (one, two, three):
            await line(process, "asked")
        library = shelf.open()
        recorder = library.new_recorder(STATE, HERE)
        for n in range(5):
            await answer(recorder, ask(recorder, str(n)), "x")
        for process in (one, two, three):
            assert process.stdout
            process.kill()
            assert b"told" not in await process.stdout.read()

    assert len((await library.chats()).chats) == 4
    assert shelf.told == []


def test_a_process_knows_itself_and_not_one_that_is_gone() -> None:
    me, now = processes.this_process(), time.time()
    host, boot, pid, start = me.split("|")

    assert processes.is_running(me, now, now)
    assert not processes.is_running(f"{host}|{boot}|{pid}|{start}0", now, now)
    assert not processes.is_running(f"{host}|{boot}|999999999|1", now, now)
    assert processes.is_running(f"else{host}|{boot}|1|1", now - 60, now)
    assert not processes.is_running(f"else{host}|{boot}|1|1", now - 86_400, now)
    assert not processes.is_running("nonsense", now - 86_400, now)
