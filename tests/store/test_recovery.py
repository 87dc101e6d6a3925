"""Files that were damaged: set aside, never overwritten, and what is readable comes back."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from termchat.core.chat_store import Resumed
from termchat.core.conversation import Node
from termchat.core.errors import FailureKind
from termchat.core.messages import File, user_message
from termchat.store import chats, messages
from termchat.store.chats import NewChat
from termchat.store.sqlite import db, recovery
from tests.store.conftest import Shelf
from tests.store.helpers import HERE, STATE, ask, look

PAGE = 4096
CHATS, MESSAGES = 20, 30


class Raw(bytes):
    """The bytes of a file, without printing them all when a test fails."""

    def __repr__(self) -> str:
        return f"<{len(self)} bytes>"


def filled(file: Path) -> None:
    """A file with twenty chats of thirty messages, everything in the main file."""
    connection = db.open_file(file).connection
    with closing(connection), db.transaction(connection):
        for chat in range(CHATS):
            n = chats.create(connection, NewChat(f"chat{chat}", HERE), STATE, None, 1e9 + chat)
            parent = None
            for m in range(MESSAGES):
                name = f"{chat}-{m}"
                attached = (File("f", "text/plain", b"%d" % chat * 500),) if m == 0 else ()
                node = Node(name, parent, user_message(f"message {name} " + "word " * 40, *attached))
                chats.add(connection, n, messages.encode_node(node, 1e9 + m), follow=True)
                parent = name
        connection.execute("DELETE FROM holders")


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    file = tmp_path_factory.mktemp("sound") / "termchat.db"
    filled(file)
    return Raw(file.read_bytes())


def pages_of(raw: bytes, table: str, tmp_path: Path) -> list[int]:
    """The pages of a table, first to last."""
    file = tmp_path / "pages.db"
    file.write_bytes(raw)
    with closing(sqlite3.connect(file)) as connection:
        rows = connection.execute("SELECT pageno FROM dbstat WHERE name = ? AND pagetype = 'leaf'", (table,))
        return [row[0] for row in rows]


async def chat_texts(shelf: Shelf) -> list[str]:
    library = shelf.open()
    found = [await library.resume(chat.id, HERE) for chat in (await library.chats(limit=1000)).chats]
    return [n.message.text for chat in found if isinstance(chat, Resumed) for n in chat.conversation.nodes.values()]


def asides(shelf: Shelf) -> list[Path]:
    found = [path for path in shelf.file.parent.iterdir() if ".damaged-" in path.name]
    return [path for path in found if not path.name.endswith(("-wal", "-shm"))]


async def test_a_broken_page_costs_what_was_on_it(shelf: Shelf, sound: bytes, tmp_path: Path) -> None:
    shelf.file.parent.mkdir(parents=True)
    leaves = pages_of(sound, "nodes", tmp_path)
    broken = bytearray(sound)
    for page in leaves[3:5]:
        broken[(page - 1) * PAGE : page * PAGE] = os.urandom(PAGE)
    shelf.file.write_bytes(broken)

    texts = await chat_texts(shelf)
    assert len(texts) > CHATS * MESSAGES * 0.9
    (failure,) = shelf.told
    assert failure.kind is FailureKind.STORAGE and "damaged" in failure.message
    (aside,) = asides(shelf)
    assert aside.name in failure.hint
    for page in leaves[3:5]:
        where = slice((page - 1) * PAGE, page * PAGE)
        assert aside.read_bytes()[where] == broken[where]
    assert look(shelf.file, "PRAGMA integrity_check") == [("ok",)]
    assert look(shelf.file, "PRAGMA foreign_key_check") == []


async def test_without_its_first_page_a_file_is_still_read(shelf: Shelf, sound: bytes) -> None:
    shelf.file.parent.mkdir(parents=True)
    shelf.file.write_bytes(b"\x00" * PAGE + sound[PAGE:])

    assert len(await chat_texts(shelf)) == CHATS * MESSAGES
    assert len(shelf.told) == 1


async def test_half_a_file_gives_what_is_in_it(shelf: Shelf, sound: bytes) -> None:
    shelf.file.parent.mkdir(parents=True)
    shelf.file.write_bytes(sound[: len(sound) // 2 // PAGE * PAGE])

    texts = await chat_texts(shelf)
    assert len(texts) > 100
    assert len(asides(shelf)) == 1 and len(shelf.told) == 1


async def test_a_file_of_something_else_is_set_aside_whole(shelf: Shelf) -> None:
    shelf.file.parent.mkdir(parents=True)
    shelf.file.write_bytes(b"not a database " * 1000)

    library = shelf.open()
    ask(library.new_recorder(STATE, HERE), "life goes on")
    assert [chat.title for chat in (await library.chats()).chats] == ["life goes on"]
    (aside,) = asides(shelf)
    assert aside.read_bytes() == b"not a database " * 1000


async def test_damage_found_in_the_middle_of_work_stops_nothing(shelf: Shelf, sound: bytes, tmp_path: Path) -> None:
    shelf.file.parent.mkdir(parents=True)
    page = pages_of(sound, "nodes", tmp_path)[-1]
    shelf.file.write_bytes(sound[: (page - 1) * PAGE] + os.urandom(PAGE) + sound[page * PAGE :])
    library = shelf.open()
    assert len((await library.chats()).chats) == CHATS
    for chat in range(CHATS):
        assert isinstance(await library.resume(f"chat{chat}", HERE), Resumed)
    recorder = library.new_recorder(STATE, HERE)
    ask(recorder, "and on")

    assert await library.search("and on")
    assert ["damaged" in failure.message for failure in shelf.told] == [True]
    await shelf.close()
    assert look(shelf.file, "PRAGMA integrity_check") == [("ok",)]


async def test_a_message_that_is_damaged_within_says_so(shelf: Shelf, sound: bytes) -> None:
    shelf.file.parent.mkdir(parents=True)
    shelf.file.write_bytes(sound)
    with closing(sqlite3.connect(shelf.file)) as connection:
        connection.execute("DROP TRIGGER messages_never_change")
        connection.execute("UPDATE nodes SET message = substr(message, 1, 30) WHERE id = '0-3'")
        connection.commit()
    found = await shelf.open().resume("chat0", HERE)

    assert isinstance(found, Resumed)
    texts = [n.message.text for n in found.conversation.path()]
    assert len(texts) == MESSAGES and texts[3] == messages.DAMAGED


async def test_only_the_first_of_two_rescues(shelf: Shelf, sound: bytes) -> None:
    shelf.file.parent.mkdir(parents=True)
    shelf.file.write_bytes(b"\x00" * PAGE + sound[PAGE:])

    assert recovery.recover(shelf.file) is not None
    assert recovery.recover(shelf.file) is None
    assert len(asides(shelf)) == 1
    assert sorted(path.name for path in shelf.file.parent.iterdir()) == ["termchat.db", asides(shelf)[0].name]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_recovery_any_damage_leaves_sound_file(
    tmp_path_factory: pytest.TempPathFactory, sound: bytes, seed: int
) -> None:
    chance = Random(seed)
    file = tmp_path_factory.mktemp("hurt") / "termchat.db"
    raw = bytearray(sound)
    for _ in range(chance.randrange(1, 30)):
        at = chance.randrange(len(raw))
        raw[at : at + 8] = chance.randbytes(min(8, len(raw) - at))
    file.write_bytes(raw)
    recovery.recover(file)

    with closing(db.open_file(file).connection) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
