"""Disks and neighbours that do not do as they should: the chat goes on, and the user is told once."""

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
from tests.store.conftest import Shelf
from tests.store.helpers import HERE, STATE, answer, ask, look, started, stream, until


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077, 0o177])
async def test_files_are_private_under_any_umask(shelf: Shelf, umask: int) -> None:
    before = os.umask(0o022)
    shelf.file.parent.parent.mkdir(parents=True)
    os.umask(umask)
    try:
        library = shelf.open()
        await answer(recorder := library.new_recorder(STATE, HERE), ask(recorder, "hello"), "x")
        await library.chats()
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in shelf.file.parent.iterdir()}
        directory = stat.S_IMODE(shelf.file.parent.stat().st_mode)
    finally:
        os.umask(before)

    assert modes == {"termchat.db": 0o600, "termchat.db-wal": 0o600, "termchat.db-shm": 0o600}
    assert directory == 0o700


async def test_a_file_that_others_could_read_is_closed_to_them(shelf: Shelf) -> None:
    await shelf.open().chats()
    await shelf.close()
    shelf.file.chmod(0o644)
    await shelf.open().chats()

    assert stat.S_IMODE(shelf.file.stat().st_mode) == 0o600


async def test_another_programs_lock_holds_up_nobody_and_loses_nothing(shelf: Shelf) -> None:
    library = shelf.open()
    recorder = library.new_recorder(STATE, HERE)
    first = ask(recorder, "before")
    await library.chats()
    with closing(sqlite3.connect(shelf.file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        second = ask(recorder, "during", first)
        turn = asyncio.create_task(recorder.begin("turn", second))
        looks = 0

        def over() -> bool:
            nonlocal looks
            looks += 1
            return turn.done()

        await until(over)
        recording = turn.result()
        assert looks > 20, "the loop went on meanwhile"
        stream(recording, "turn", ["a", "b"])
        recording.close()
        third = ask(recorder, "still during", second)
        assert [failure.kind for failure in shelf.told] == [FailureKind.STORAGE]
        other.execute("ROLLBACK")
    await answer(recorder, ask(recorder, "after", third), "done")
    await shelf.close()

    assert library.trouble is None
    assert len(shelf.told) == 1
    texts = look(shelf.file, "SELECT message ->> '$.parts[0].text' FROM nodes ORDER BY n")
    assert [text for (text,) in texts] == ["before", "during", "a b ", "still during", "after", "done"]


async def test_a_lock_that_is_there_from_the_start_is_waited_for(shelf: Shelf) -> None:
    await shelf.open().chats()
    await shelf.close()
    with closing(sqlite3.connect(shelf.file, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode=EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        library = shelf.open()
        recorder = library.new_recorder(STATE, HERE)
        ask(recorder, "patience")
        assert (await library.chats()).chats == ()
        assert len(shelf.told) == 1
    await until(lambda: True)
    assert [chat.title for chat in (await library.chats()).chats] == ["patience"]
    assert not library.is_ephemeral


async def test_at_the_end_the_failure_says_what_was_not_saved(shelf: Shelf) -> None:
    library = shelf.open()
    await library.chats()
    with closing(sqlite3.connect(shelf.file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        ask(library.new_recorder(STATE, HERE), "too late")
        failure = await library.close()

    assert failure is not None and failure.kind is FailureKind.STORAGE


async def test_without_a_write_ahead_log_chats_are_kept_all_the_same(shelf: Shelf) -> None:
    library = shelf.open(vfs="unix-dotfile")
    recorder = library.new_recorder(STATE, HERE)
    await answer(recorder, ask(recorder, "hello"), "world")
    await shelf.close()

    assert ["write-ahead" in failure.message for failure in shelf.told] == [True]
    assert look(shelf.file, "SELECT count(*) FROM nodes") == [(2,)]


async def test_a_device_in_the_place_of_the_file_is_left_alone(shelf: Shelf) -> None:
    shelf.file.parent.mkdir(parents=True)
    shelf.file.symlink_to("/dev/full")
    before = Path("/dev/full").stat().st_mode
    library = shelf.open()
    recorder = library.new_recorder(STATE, HERE)
    await answer(recorder, ask(recorder, "hello"), "world")

    assert len(await library.search("world")) == 1
    assert library.is_ephemeral and [failure.kind for failure in shelf.told] == [FailureKind.STORAGE]
    assert shelf.file.is_symlink() and Path("/dev/full").stat().st_mode == before


async def test_a_directory_that_cannot_be_made_leaves_a_chat_in_memory(shelf: Shelf, tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where the directory should be")
    library = shelf.open()
    recorder = library.new_recorder(STATE, HERE)
    await answer(recorder, ask(recorder, "hello"), "world")

    assert len((await library.chats()).chats) == 1
    assert await library.close() is not None
    assert len(shelf.told) == 1


CHILD = """
import asyncio, os, resource, sys
from pathlib import Path
from tests.store.helpers import HERE, STATE, answer, ask
from termchat.core.chat_store import Resumed
from termchat.store.chat_store import SqliteChatStore

async def main():
    told = []
    library = SqliteChatStore(Path(sys.argv[1]), lambda failure: told.append(failure.message))
    {body}
    failure = await library.close()
    print(len(told), failure.message if failure else "", sep="|")

{before}
asyncio.run(main())
"""


def child(file: Path, body: str, before: str = "") -> list[str]:
    """What a process of its own says, last line, after some work on a file."""
    program = CHILD.format(body=body.replace("\n", "\n    "), before=before)
    done = subprocess.run([sys.executable, "-c", program, str(file)], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def as_nobody() -> str:
    """The step that makes permissions count for a test that runs as root."""
    return "os.setegid(65534); os.seteuid(65534)" if os.geteuid() == 0 else ""


@pytest.fixture
def passable(tmp_path: Path) -> Callable[[], None]:
    """Lets others through the directories above the test's own."""

    def open_up() -> None:
        for path in (tmp_path, *tmp_path.parents):
            if path.stat().st_uid == os.getuid() and path != Path("/") and not path.stat().st_mode & 0o001:
                path.chmod(path.stat().st_mode | 0o011)

    return open_up


def test_in_a_home_that_cannot_be_written_old_chats_are_read_and_the_new_goes_on(
    shelf: Shelf, passable: Callable[[], None]
) -> None:
    child(shelf.file, 'r = library.new_recorder(STATE, HERE)\nawait answer(r, ask(r, "old"), "said before")')
    for path in (*shelf.file.parent.iterdir(), shelf.file.parent):
        path.chmod(0o755 if path.is_dir() else 0o444)
    shelf.file.parent.parent.chmod(0o755)
    passable()
    body = """
r = library.new_recorder(STATE, HERE)
await answer(r, ask(r, "new"), "said now")
print(sorted(hit.snippet for hit in await library.search("said")))
"""
    lines = child(shelf.file, body.strip(), as_nobody())

    assert lines[0] == "['said before', 'said now']"
    count, failure = lines[1].split("|")
    assert count == "1" and "cannot be" in failure


def test_when_the_disk_is_full_the_chat_goes_on_and_is_told_once(shelf: Shelf) -> None:
    body = """
r = library.new_recorder(STATE, HERE)
node = await answer(r, ask(r, "fits"), "yes")
resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, resource.RLIM_INFINITY))
for n in range(6):
    node = await answer(r, ask(r, f"question {n}", node), "x" * 40_000 + str(n))
print(len(told))
print(library.trouble is not None)
if sys.argv[1].endswith("freed.db"):
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
"""
    freed = shelf.file.with_name("freed.db")
    assert child(shelf.file, body.strip())[:2] == ["1", "True"]
    lines = child(freed, body.strip())
    assert lines == ["1", "True", "1|"]

    assert look(shelf.file, "PRAGMA integrity_check") == [("ok",)]
    assert look(freed, "SELECT count(*) FROM nodes") == [(14,)]


def test_recovery_on_full_disk_leaves_damaged_file(shelf: Shelf) -> None:
    child(shelf.file, 'r = library.new_recorder(STATE, HERE)\nawait answer(r, ask(r, "old"), "x" * 200_000)')
    raw = bytearray(shelf.file.read_bytes())
    raw[:100] = bytes(100)
    shelf.file.write_bytes(raw)
    body = """
r = library.new_recorder(STATE, HERE)
await answer(r, ask(r, "new"), "said now")
print(len(await library.search("said")))
"""
    lines = child(
        shelf.file, body.strip(), "resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, resource.RLIM_INFINITY))"
    )

    assert lines[0] == "1" and lines[1].startswith("1|Chats cannot be kept")
    assert shelf.file.read_bytes() == bytes(raw)
    assert [path.name for path in shelf.file.parent.iterdir()] == ["termchat.db"]


async def test_writes_queued_behind_lock_are_merged(shelf: Shelf) -> None:
    library = shelf.open(every=0.01)
    recorder = library.new_recorder(STATE, HERE)
    recording = await started(recorder, ask(recorder, "go"))
    with closing(sqlite3.connect(shelf.file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for n in range(10):
            stream(recording, "turn", [str(n)])
            recorder.draft(f"draft {n}")
            await asyncio.sleep(0.02)  # twice what is saved up: each piece is handed over by itself
        await until(lambda: shelf.told)
        await until(lambda: len(library._desk._waiting) <= 2)
        other.execute("ROLLBACK")
    recording.close()
    found = await library.resume(recorder.chat_id, HERE)

    assert isinstance(found, Resumed)
    assert found.draft == "draft 9"
    assert found.conversation.path()[-1].message.text == "0 1 2 3 4 5 6 7 8 9 "


def test_store_opening_does_not_wait_for_disk(tmp_path: Path) -> None:
    file = tmp_path / "termchat.db"
    warnings: list[object] = []

    async def main() -> None:
        with closing(sqlite3.connect(file, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            library = SqliteChatStore(file, warnings.append)
            library.new_recorder(STATE, HERE)
            assert not warnings  # an opening that waits runs into the lock, which only the next line releases
            other.execute("ROLLBACK")
        await library.close()

    asyncio.run(main())
    assert not warnings
