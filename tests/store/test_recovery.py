"""Damaged files: set aside, never overwritten, readable messages recovered."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from termchat.core.chat_store import Resumed
from termchat.core.conversation import Node
from termchat.core.errors import FailureKind
from termchat.core.messages import File, user_message
from termchat.store import chats, messages
from termchat.store.chats import PendingChat
from termchat.store.sqlite import db, recovery
from tests.store.conftest import StoreFixture
from tests.store.helpers import HERE, STATE, ask, query

PAGE = 4096
CHATS, MESSAGES = 20, 30


class Raw(bytes):
    """Bytes of a file with a short repr for failing tests."""

    def __repr__(self) -> str:
        return f"<{len(self)} bytes>"


def write_database(file: Path) -> None:
    """Create a database of twenty chats of thirty messages, with no open holder."""
    connection = db.open_file(file).connection
    with closing(connection), db.transaction(connection):
        for chat in range(CHATS):
            n = chats.create(connection, PendingChat(f"chat{chat}", HERE), STATE, None, 1e9 + chat)
            parent = None
            for m in range(MESSAGES):
                name = f"{chat}-{m}"
                attached = (File("f", "text/plain", b"%d" % chat * 500),) if m == 0 else ()
                node = Node(name, parent, user_message(f"message {name} " + "word " * 40, *attached))
                chats.add_message(connection, n, messages.encode_node(node, 1e9 + m), follow=True)
                parent = name
        connection.execute("DELETE FROM holders")


@pytest.fixture(scope="module")
def intact(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    file = tmp_path_factory.mktemp("sound") / "termchat.db"
    write_database(file)
    return Raw(file.read_bytes())


def pages_of(raw: bytes, table: str, tmp_path: Path) -> list[int]:
    """Leaf page numbers of a table, in order."""
    file = tmp_path / "pages.db"
    file.write_bytes(raw)
    with closing(sqlite3.connect(file)) as connection:
        rows = connection.execute("SELECT pageno FROM dbstat WHERE name = ? AND pagetype = 'leaf'", (table,))
        return [row[0] for row in rows]


async def chat_texts(stores: StoreFixture) -> list[str]:
    store = stores.open()
    found = [await store.resume(chat.id, HERE) for chat in (await store.chats(limit=1000)).chats]
    return [n.message.text for chat in found if isinstance(chat, Resumed) for n in chat.conversation.nodes.values()]


def set_aside_files(stores: StoreFixture) -> list[Path]:
    found = [path for path in stores.file.parent.iterdir() if ".damaged-" in path.name]
    return [path for path in found if not path.name.endswith(("-wal", "-shm"))]


async def test_recovery_broken_pages_lose_only_their_messages(
    stores: StoreFixture, intact: bytes, tmp_path: Path
) -> None:
    stores.file.parent.mkdir(parents=True)
    leaves = pages_of(intact, "nodes", tmp_path)
    broken = bytearray(intact)
    for page in leaves[3:5]:
        broken[(page - 1) * PAGE : page * PAGE] = os.urandom(PAGE)
    stores.file.write_bytes(broken)

    texts = await chat_texts(stores)
    assert len(texts) > CHATS * MESSAGES * 0.9
    (failure,) = stores.warnings
    assert failure.kind is FailureKind.STORAGE
    assert "damaged" in failure.message
    (set_aside,) = set_aside_files(stores)
    assert set_aside.name in failure.hint
    for page in leaves[3:5]:
        where = slice((page - 1) * PAGE, page * PAGE)
        assert set_aside.read_bytes()[where] == broken[where]
    assert query(stores.file, "PRAGMA integrity_check") == [("ok",)]
    assert query(stores.file, "PRAGMA foreign_key_check") == []


async def test_recovery_without_first_page_keeps_all_messages(stores: StoreFixture, intact: bytes) -> None:
    stores.file.parent.mkdir(parents=True)
    stores.file.write_bytes(b"\x00" * PAGE + intact[PAGE:])

    assert len(await chat_texts(stores)) == CHATS * MESSAGES
    assert len(stores.warnings) == 1


async def test_recovery_of_truncated_file_keeps_its_messages(stores: StoreFixture, intact: bytes) -> None:
    stores.file.parent.mkdir(parents=True)
    stores.file.write_bytes(intact[: len(intact) // 2 // PAGE * PAGE])

    texts = await chat_texts(stores)
    assert len(texts) > 100
    assert len(set_aside_files(stores)) == 1
    assert len(stores.warnings) == 1


async def test_recovery_of_non_database_sets_it_aside(stores: StoreFixture) -> None:
    stores.file.parent.mkdir(parents=True)
    stores.file.write_bytes(b"not a database " * 1000)

    store = stores.open()
    ask(store.new_recorder(STATE, HERE), "the chat goes on")
    assert [chat.title for chat in (await store.chats()).chats] == ["the chat goes on"]
    (set_aside,) = set_aside_files(stores)
    assert set_aside.read_bytes() == b"not a database " * 1000


async def test_recovery_of_damage_found_while_open_keeps_writing(
    stores: StoreFixture, intact: bytes, tmp_path: Path
) -> None:
    stores.file.parent.mkdir(parents=True)
    page = pages_of(intact, "nodes", tmp_path)[-1]
    stores.file.write_bytes(intact[: (page - 1) * PAGE] + os.urandom(PAGE) + intact[page * PAGE :])
    store = stores.open()
    assert len((await store.chats()).chats) == CHATS
    for chat in range(CHATS):
        assert isinstance(await store.resume(f"chat{chat}", HERE), Resumed)
    recorder = store.new_recorder(STATE, HERE)
    ask(recorder, "and on")

    assert await store.search("and on")
    assert ["damaged" in failure.message for failure in stores.warnings] == [True]
    await stores.close()
    assert query(stores.file, "PRAGMA integrity_check") == [("ok",)]


async def test_damaged_message_reads_as_placeholder(stores: StoreFixture, intact: bytes) -> None:
    stores.file.parent.mkdir(parents=True)
    stores.file.write_bytes(intact)
    with closing(sqlite3.connect(stores.file)) as connection:
        connection.execute("DROP TRIGGER messages_never_change")
        connection.execute("UPDATE nodes SET message = substr(message, 1, 30) WHERE id = '0-3'")
        connection.commit()
    found = await stores.open().resume("chat0", HERE)

    assert isinstance(found, Resumed)
    texts = [n.message.text for n in found.conversation.path()]
    assert len(texts) == MESSAGES
    assert texts[3] == messages.DAMAGED


async def test_message_with_invalid_utf8_reads_with_replacement_character(stores: StoreFixture, intact: bytes) -> None:
    stores.file.parent.mkdir(parents=True)
    stores.file.write_bytes(intact)
    with closing(sqlite3.connect(stores.file)) as connection:
        connection.execute("DROP TRIGGER messages_never_change")
        written = b'{"v":1,"author":"user","parts":[{"type":"text","text":"a\xffb"}]}'
        connection.execute("UPDATE nodes SET message = CAST(? AS TEXT) WHERE id = '0-3'", (written,))
        connection.commit()
    found = await stores.open().resume("chat0", HERE)

    assert isinstance(found, Resumed)
    texts = [n.message.text for n in found.conversation.path()]
    assert len(texts) == MESSAGES
    assert texts[3] == "a\ufffdb"
    assert messages.DAMAGED not in texts
    assert not stores.warnings


async def test_recovery_runs_once_per_damaged_file(stores: StoreFixture, intact: bytes) -> None:
    stores.file.parent.mkdir(parents=True)
    stores.file.write_bytes(b"\x00" * PAGE + intact[PAGE:])

    assert recovery.recover(stores.file) is not None
    assert recovery.recover(stores.file) is None
    assert len(set_aside_files(stores)) == 1
    assert sorted(path.name for path in stores.file.parent.iterdir()) == [
        "termchat.db",
        set_aside_files(stores)[0].name,
    ]


def test_recovery_lock_excludes_others_if_its_file_was_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fcntl: Any = pytest.importorskip("fcntl")
    lock = tmp_path / "termchat.db.rescue"
    take = fcntl.flock

    def take_after_removal(handle: int, operation: int) -> None:
        monkeypatch.undo()
        lock.unlink()  # by a process whose recovery has just ended
        take(handle, operation)

    monkeypatch.setattr(fcntl, "flock", take_after_removal)
    with recovery._exclusively(tmp_path / "termchat.db"):
        other = os.open(lock, os.O_RDWR | os.O_CREAT)
        try:
            with pytest.raises(BlockingIOError):
                fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        finally:
            os.close(other)
    assert not lock.exists()


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_recovery_any_damage_leaves_sound_file(
    tmp_path_factory: pytest.TempPathFactory, intact: bytes, seed: int
) -> None:
    chance = Random(seed)
    file = tmp_path_factory.mktemp("hurt") / "termchat.db"
    raw = bytearray(intact)
    for _ in range(chance.randrange(1, 30)):
        at = chance.randrange(len(raw))
        raw[at : at + 8] = chance.randbytes(min(8, len(raw) - at))
    file.write_bytes(raw)
    recovery.recover(file)

    with closing(db.open_file(file).connection) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
