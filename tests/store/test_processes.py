"""Real processes: killed during a reply, or sharing one chat file."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from random import Random

import pytest

from termchat.core.chat_store import Resumed
from termchat.core.messages import Role
from termchat.core.outcomes import Outcome
from termchat.core.wire.history import prepare_history
from termchat.store import processes
from tests.store.conftest import StoreFixture
from tests.store.helpers import HERE, ORIGIN, STATE, answer, ask, query

KILLS = int(os.environ.get("STORE_TEST_KILLS", "10"))
SAVED = 0.2 + 1.0  # the writer saves every 0.2 s; the rest allows for a busy machine


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
    """Read up to the next line that begins with `word`; return the field after it."""
    assert process.stdout
    async with asyncio.timeout(30):
        while True:
            raw = (await process.stdout.readline()).decode()
            assert raw, "the writer has ended"
            if raw.startswith(word + " "):
                return raw.split()[1]


async def run_and_kill(file: Path, seed: int) -> tuple[str, list[list[str]], float]:
    """Run a writer for a while and kill it; return its chat id, its output lines and the time of the kill."""
    async with writer(file, seed) as process:
        chat = await line(process, "chat")
        assert process.stdout
        reading = asyncio.create_task(process.stdout.read())
        await asyncio.sleep(Random(seed).uniform(0.05, 2.5))
        ended = time.time()
        process.kill()
        return chat, [words.split() for words in (await reading).decode().splitlines()], ended


@pytest.mark.timeout(60 + 10 * KILLS)
async def test_killed_process_loses_less_than_save_interval(tmp_path: Path) -> None:
    places = asyncio.Semaphore(4)

    async def once(seed: int) -> None:
        async with places:
            file = tmp_path / str(seed) / "termchat.db"
            chat, output, ended = await run_and_kill(file, seed)
            await assert_saved(file, chat, output, ended)

    async with asyncio.TaskGroup() as group:
        for seed in range(KILLS):
            group.create_task(once(seed))


async def assert_saved(file: Path, chat: str, output: list[list[str]], ended: float) -> None:
    """Check that the file is intact, holds the reported steps, and accepts new turns."""
    stores = StoreFixture(file)
    store = stores.open()
    found = await store.resume(chat, HERE)
    if not output:
        await stores.close()
        return
    assert isinstance(found, Resumed)
    assert not found.forked
    tree = found.conversation
    everything = "\n".join(f"{n.message.text} {' '.join(r.text for r in n.message.results)}" for n in tree.path())
    for kind, *rest in (words for words in output if len(words) > 1):
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
    await assert_chat_continues(found, stores, chat)


async def assert_chat_continues(found: Resumed, stores: StoreFixture, chat: str) -> None:
    replies = [n.message for n in found.conversation.nodes.values() if n.message.role is Role.ASSISTANT]
    assert all(message.outcome in (Outcome.COMPLETE, Outcome.CUT) for message in replies)
    assert prepare_history(found.conversation.history(), ORIGIN, lambda _: True)
    question = ask(found.recorder, "and then?", found.conversation.head)
    node = await answer(found.recorder, question, "this")
    await stores.close()
    assert stores.warnings == []
    assert query(stores.file, "PRAGMA integrity_check") == [("ok",)]
    assert query(stores.file, "PRAGMA foreign_key_check") == []
    assert query(stores.file, "SELECT count(*) FROM partials") == [(0,)]
    assert query(stores.file, "SELECT nodes.id FROM chats JOIN nodes ON nodes.n = head") == [(node,)]


async def test_resume_chat_open_in_other_process_forks(stores: StoreFixture) -> None:
    async with writer(stores.file, 1) as process:
        chat = await line(process, "chat")
        await line(process, "done")
        store = stores.open()
        here = await store.chats()
        assert [info.open_elsewhere for info in here.chats] == [True]
        assert await store.last(HERE) is not None  # the same terminal: the user's own chat
        assert await store.last(type(HERE)("", HERE.directory)) is None
        found = await store.resume(chat, HERE)
        assert isinstance(found, Resumed)
        assert found.forked
        before = found.conversation.path()
        own_node = await answer(found.recorder, ask(found.recorder, "mine", found.conversation.head), "all mine")
        await line(process, "done")
        await line(process, "done")

    original = await store.resume(chat, HERE)
    assert isinstance(original, Resumed)
    assert not original.forked
    assert own_node not in original.conversation.nodes
    assert original.conversation.path()[: len(before)] == before
    again = await store.resume(found.recorder.chat_id, HERE)
    assert isinstance(again, Resumed)
    assert [n.message.text for n in again.conversation.path()[len(before) :]] == ["mine", "all mine"]
    assert stores.warnings == []


async def test_concurrent_processes_write_without_lock_warning(stores: StoreFixture) -> None:
    async with writer(stores.file, 1) as one, writer(stores.file, 2) as two, writer(stores.file, 3) as three:
        for process in (one, two, three):
            await line(process, "asked")
        store = stores.open()
        recorder = store.new_recorder(STATE, HERE)
        for n in range(5):
            await answer(recorder, ask(recorder, str(n)), "x")
        for process in (one, two, three):
            assert process.stdout
            process.kill()
            assert b"warned" not in await process.stdout.read()

    assert len((await store.chats()).chats) == 4
    assert stores.warnings == []


async def test_killed_process_releases_its_chat(stores: StoreFixture) -> None:
    """The kernel releases the lock of a killed process; its lock file is deleted by the next process."""
    async with writer(stores.file, 1) as process:
        chat = await line(process, "chat")
        await line(process, "asked")
        [(owner,)] = query(stores.file, "SELECT owner FROM holders")
        with closing(sqlite3.connect(stores.file)) as connection:
            assert processes.is_running(connection, owner, time.time())
            process.kill()
            await process.wait()
            assert not processes.is_running(connection, owner, time.time())
    assert len(lock_files(stores)) == 1

    found = await stores.open().resume(chat, HERE)

    assert isinstance(found, Resumed)
    assert not found.forked
    assert [file.name for file in lock_files(stores)] == [f"termchat.db.{processes.this_process().split('|')[1]}.lock"]


async def test_killed_process_that_still_has_a_child_releases_its_chat(stores: StoreFixture) -> None:
    """A program started by termchat, such as an editor, does not inherit the lock."""
    code = (
        "import subprocess, sys, asyncio, pathlib\n"
        "from termchat.store.chat_store import SqliteChatStore\n"
        "from tests.store.helpers import *\n"
        "async def main():\n"
        "    store = SqliteChatStore(pathlib.Path(sys.argv[1]), print)\n"
        "    ask(recorder := store.new_recorder(STATE, HERE), 'hello')\n"
        "    await store.chats()\n"
        "    child = subprocess.Popen(['sleep', '60'], stdout=subprocess.DEVNULL)\n"
        "    print('child', child.pid, flush=True)\n"
        "    await asyncio.Event().wait()\n"
        "asyncio.run(main())\n"
    )
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", code, str(stores.file), stdout=asyncio.subprocess.PIPE
    )
    child = int(await line(process, "child"))
    try:
        store = stores.open()
        assert [info.open_elsewhere for info in (await store.chats()).chats] == [True]
        process.kill()
        await process.wait()
        assert [info.open_elsewhere for info in (await store.chats()).chats] == [False]
    finally:
        os.kill(child, signal.SIGKILL)


async def test_chat_of_another_store_of_this_process_stays_held_after_one_closes(stores: StoreFixture) -> None:
    one, two = stores.open(), stores.open()
    ask(one.new_recorder(STATE, HERE), "hello")
    await one.chats()
    await two.chats()
    await two.close()

    assert len(lock_files(stores)) == 1
    await one.close()
    assert lock_files(stores) == []


async def test_owner_of_version_0_1_0_runs_as_long_as_its_process(stores: StoreFixture) -> None:
    await stores.open().chats()
    host, now = os.uname().nodename, time.time()
    with closing(sqlite3.connect(stores.file)) as connection:
        async with writer(stores.file, 1) as process:
            await line(process, "chat")
            old_name = f"{host}|boot|{process.pid}|12345"
            assert processes.is_running(connection, old_name, now)
            assert not processes.is_running(connection, old_name, now - 30 * 86_400)
        assert not processes.is_running(connection, old_name, now)
        assert not processes.is_running(connection, f"{host}|boot|{os.getpid()}|12345", now)
        assert not processes.is_running(connection, f"{host}|boot|99999999999999999999|1", now)
        assert not processes.is_running(connection, "nonsense", now - 86_400)


async def test_owner_on_another_machine_runs_for_twelve_hours(stores: StoreFixture) -> None:
    await stores.open().chats()
    now = time.time()
    with closing(sqlite3.connect(stores.file)) as connection:
        for name in ("lock:elsewhere|0123456789abcdef", "elsewhere|boot|1|1", f"lock:{os.uname().nodename}|../../x"):
            assert processes.is_running(connection, name, now - 60)
            assert not processes.is_running(connection, name, now - 86_400)


def lock_files(stores: StoreFixture) -> list[Path]:
    return [path for path in stores.file.parent.iterdir() if path.suffix == ".lock"]


async def test_chat_resumed_twice_is_held_until_both_recorders_close(stores: StoreFixture) -> None:
    store = stores.open()
    first = store.new_recorder(STATE, HERE)
    ask(first, "hello")
    second = await store.resume(first.chat_id, HERE)
    assert isinstance(second, Resumed)
    await first.close()
    assert query(stores.file, "SELECT count(*) FROM holders") == [(1,)]
    await first.close()
    assert query(stores.file, "SELECT count(*) FROM holders") == [(1,)]
    await second.recorder.close()
    assert query(stores.file, "SELECT count(*) FROM holders") == [(0,)]
