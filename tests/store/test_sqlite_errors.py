"""Failing disks and foreign locks: the chat continues, and the user is warned once."""

from __future__ import annotations

import asyncio
import os
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from termchat.core.chat_store import Resumed
from termchat.core.errors import FailureKind
from termchat.store.chat_store import SqliteChatStore
from termchat.store.processes import this_process
from termchat.store.recorder import ReplyRecording
from tests.store.conftest import StoreFixture
from tests.store.helpers import HERE, STATE, answer, ask, query, started, stream, until


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077, 0o177])
async def test_files_are_private_under_any_umask(stores: StoreFixture, umask: int) -> None:
    before = os.umask(0o022)
    stores.file.parent.parent.mkdir(parents=True)
    os.umask(umask)
    try:
        store = stores.open()
        await answer(recorder := store.new_recorder(STATE, HERE), ask(recorder, "hello"), "x")
        await store.chats()
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in stores.file.parent.iterdir()}
        directory = stat.S_IMODE(stores.file.parent.stat().st_mode)
    finally:
        os.umask(before)

    token = this_process().split("|")[1]
    names = ("termchat.db", "termchat.db-wal", "termchat.db-shm", f"termchat.db.{token}.lock")
    assert modes == dict.fromkeys(names, 0o600)
    assert directory == 0o700


async def test_store_opening_makes_file_private(stores: StoreFixture) -> None:
    await stores.open().chats()
    await stores.close()
    stores.file.chmod(0o644)
    await stores.open().chats()

    assert stat.S_IMODE(stores.file.stat().st_mode) == 0o600


async def test_foreign_lock_blocks_no_turn_and_loses_nothing(stores: StoreFixture) -> None:
    store = stores.open()
    recorder = store.new_recorder(STATE, HERE)
    first = ask(recorder, "before")
    await store.chats()
    with closing(sqlite3.connect(stores.file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        second = ask(recorder, "during", first)
        turn = asyncio.create_task(recorder.begin("turn", second))
        polls = 0

        def turn_done() -> bool:
            nonlocal polls
            polls += 1
            return turn.done()

        await until(turn_done)
        recording = turn.result()
        assert polls > 20, "the event loop was blocked"
        stream(recording, "turn", ["a", "b"])
        recording.close()
        third = ask(recorder, "still during", second)
        assert [failure.kind for failure in stores.warnings] == [FailureKind.STORAGE]
        other.execute("ROLLBACK")
    await answer(recorder, ask(recorder, "after", third), "done")
    await stores.close()

    assert store.trouble is None
    assert len(stores.warnings) == 1
    texts = query(stores.file, "SELECT message ->> '$.parts[0].text' FROM nodes ORDER BY n")
    assert [text for (text,) in texts] == ["before", "during", "a b ", "still during", "after", "done"]


async def test_store_opened_under_lock_saves_after_release(stores: StoreFixture) -> None:
    await stores.open().chats()
    await stores.close()
    with closing(sqlite3.connect(stores.file, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode=EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        store = stores.open()
        recorder = store.new_recorder(STATE, HERE)
        ask(recorder, "patience")
        assert (await store.chats()).chats == ()
        assert len(stores.warnings) == 1
    await until(lambda: True)
    assert [chat.title for chat in (await store.chats()).chats] == ["patience"]
    assert not store.is_ephemeral


async def test_close_under_lock_returns_storage_failure(stores: StoreFixture) -> None:
    store = stores.open()
    await store.chats()
    with closing(sqlite3.connect(stores.file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        ask(store.new_recorder(STATE, HERE), "too late")
        failure = await store.close()

    assert failure is not None
    assert failure.kind is FailureKind.STORAGE


async def test_store_without_write_ahead_log_warns_and_saves(stores: StoreFixture) -> None:
    store = stores.open(vfs="unix-dotfile")
    recorder = store.new_recorder(STATE, HERE)
    await answer(recorder, ask(recorder, "hello"), "world")
    await stores.close()

    assert ["write-ahead" in failure.message for failure in stores.warnings] == [True]
    assert query(stores.file, "SELECT count(*) FROM nodes") == [(2,)]


async def test_device_instead_of_file_keeps_chats_in_memory(stores: StoreFixture) -> None:
    stores.file.parent.mkdir(parents=True)
    stores.file.symlink_to("/dev/full")
    before = Path("/dev/full").stat().st_mode
    store = stores.open()
    recorder = store.new_recorder(STATE, HERE)
    await answer(recorder, ask(recorder, "hello"), "world")

    assert len(await store.search("world")) == 1
    assert store.is_ephemeral
    assert [failure.kind for failure in stores.warnings] == [FailureKind.STORAGE]
    assert stores.file.is_symlink()
    assert Path("/dev/full").stat().st_mode == before


async def test_uncreatable_directory_keeps_chats_in_memory(stores: StoreFixture, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where the directory should be")
    store = stores.open()
    recorder = store.new_recorder(STATE, HERE)
    await answer(recorder, ask(recorder, "hello"), "world")

    assert len((await store.chats()).chats) == 1
    assert await store.close() is not None
    assert len(stores.warnings) == 1


CHILD = """
import asyncio, os, resource, sys
from pathlib import Path
from tests.store.helpers import HERE, STATE, answer, ask
from termchat.core.chat_store import Resumed
from termchat.store.chat_store import SqliteChatStore

async def main():
    warnings = []
    store = SqliteChatStore(Path(sys.argv[1]), lambda failure: warnings.append(failure.message))
    {body}
    failure = await store.close()
    print(len(warnings), failure.message if failure else "", sep="|")

{before}
asyncio.run(main())
"""


def run_child(file: Path, body: str, before: str = "") -> list[str]:
    """Run `body` in a new process on the store in `file`; return its output lines."""
    program = CHILD.format(body=body.replace("\n", "\n    "), before=before)
    done = subprocess.run([sys.executable, "-c", program, str(file)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def as_nobody() -> str:
    """Python statement that drops root, so that permissions apply; empty for other users."""
    return "os.setegid(65534); os.seteuid(65534)" if os.geteuid() == 0 else ""


@pytest.fixture
def open_parents(tmp_path: Path) -> Callable[[], None]:
    """Make the parent directories of the test accessible to other users."""

    def open_up() -> None:
        for path in (tmp_path, *tmp_path.parents):
            if path.stat().st_uid == os.getuid() and path != Path("/") and not path.stat().st_mode & 0o001:
                path.chmod(path.stat().st_mode | 0o011)

    return open_up


def test_read_only_home_reads_old_chats_and_warns_once(stores: StoreFixture, open_parents: Callable[[], None]) -> None:
    run_child(stores.file, 'r = store.new_recorder(STATE, HERE)\nawait answer(r, ask(r, "old"), "said before")')
    for path in (*stores.file.parent.iterdir(), stores.file.parent):
        path.chmod(0o755 if path.is_dir() else 0o444)
    stores.file.parent.parent.chmod(0o755)
    open_parents()
    body = """
r = store.new_recorder(STATE, HERE)
await answer(r, ask(r, "new"), "said now")
print(sorted(hit.snippet for hit in await store.search("said")))
"""
    lines = run_child(stores.file, body.strip(), as_nobody())

    assert lines[0] == "['said before', 'said now']"
    count, failure = lines[1].split("|")
    assert count == "1"
    assert "cannot be" in failure


def test_full_disk_keeps_chat_running_and_warns_once(stores: StoreFixture) -> None:
    body = """
r = store.new_recorder(STATE, HERE)
node = await answer(r, ask(r, "fits"), "yes")
resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, resource.RLIM_INFINITY))
for n in range(6):
    node = await answer(r, ask(r, f"question {n}", node), "x" * 40_000 + str(n))
print(len(warnings))
print(store.trouble is not None)
if sys.argv[1].endswith("freed.db"):
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
"""
    freed = stores.file.with_name("freed.db")
    assert run_child(stores.file, body.strip())[:2] == ["1", "True"]
    lines = run_child(freed, body.strip())
    assert lines == ["1", "True", "1|"]

    assert query(stores.file, "PRAGMA integrity_check") == [("ok",)]
    assert query(freed, "SELECT count(*) FROM nodes") == [(14,)]


def test_recovery_on_full_disk_leaves_damaged_file(stores: StoreFixture) -> None:
    run_child(stores.file, 'r = store.new_recorder(STATE, HERE)\nawait answer(r, ask(r, "old"), "x" * 200_000)')
    raw = bytearray(stores.file.read_bytes())
    raw[:100] = bytes(100)
    stores.file.write_bytes(raw)
    body = """
r = store.new_recorder(STATE, HERE)
await answer(r, ask(r, "new"), "said now")
print(len(await store.search("said")))
"""
    lines = run_child(
        stores.file, body.strip(), "resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, resource.RLIM_INFINITY))"
    )

    assert lines[0] == "1"
    assert lines[1].startswith("1|Chats cannot be saved")
    assert stores.file.read_bytes() == bytes(raw)
    assert [path.name for path in stores.file.parent.iterdir()] == ["termchat.db"]


async def test_writes_waiting_for_foreign_lock_are_merged(stores: StoreFixture) -> None:
    store = stores.open(every=0.01)
    recorder = store.new_recorder(STATE, HERE)
    recording = await started(recorder, ask(recorder, "go"))
    assert isinstance(recording, ReplyRecording)
    with closing(sqlite3.connect(stores.file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for n in range(10):
            stream(recording, "turn", [str(n)])
            recorder.draft(f"draft {n}")
            await until(lambda: not (recorder._timer or recording._timer))  # each piece is a separate write
        await until(lambda: stores.warnings)
        await until(lambda: len(store._database._waiting) <= 2)
        other.execute("ROLLBACK")
    recording.close()
    found = await store.resume(recorder.chat_id, HERE)

    assert isinstance(found, Resumed)
    assert found.draft == "draft 9"
    assert found.conversation.path()[-1].message.text == "0 1 2 3 4 5 6 7 8 9 "


def test_store_opening_does_not_wait_for_lock(tmp_path: Path) -> None:
    file = tmp_path / "termchat.db"
    warnings: list[object] = []

    async def main() -> None:
        with closing(sqlite3.connect(file, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            store = SqliteChatStore(file, warnings.append)
            store.new_recorder(STATE, HERE)
            assert not warnings  # a waiting open would hit the lock, which the next line releases
            other.execute("ROLLBACK")
        await store.close()

    asyncio.run(main())
    assert not warnings
