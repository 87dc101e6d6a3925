"""The schema: creation, migration and refusal of newer files."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from termchat.core.chat_store import Resumed
from termchat.store.sqlite import db
from termchat.store.sqlite.schema import MIGRATIONS, TABLES
from tests.store.conftest import StoreFixture
from tests.store.helpers import HERE, STATE, answer, ask, query

SAMPLES = Path(__file__).parent / "schemas"


VERSIONS = range(1, len(MIGRATIONS) + 1)
SHARED = [
    "What is 17*3?",
    "Let me calculate.",
    "",
    "17 × 3 = **51**.",
    "哪个水壶最好？ Which kettle?",
    "An enamel kettle.",
]
SHARED += ["What is on @dot.png ?", "A red dot.", "Go on and on", "Half of "]
CHATS = {  # of each sample, from the first message to the head
    "Kettles": SHARED,
    "French": [*SHARED, "Say it in French", "Rewritten in French: une bouilloire."],
    "a one-shot question": ["a one-shot question", "Kurz."],
    "Count to a hundred": ["Count to a hundred", "One two three "],  # killed during the reply
}


def _sample(file: Path, version: int) -> None:
    """Write the database that a termchat of this schema version wrote."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(file)) as old:
        old.executescript((SAMPLES / f"v{version}.sql").read_text())


@pytest.mark.parametrize("version", VERSIONS)
async def test_database_of_every_version_is_read_searched_and_continued(stores: StoreFixture, version: int) -> None:
    _sample(stores.file, version)
    requests = "SELECT turn, step, at, provider, model, outcome, input, output FROM ledger"
    before = set(query(stores.file, requests))
    store = stores.open()
    listed = (await store.chats()).chats
    assert {chat.title for chat in listed} == set(CHATS)
    for chat in listed:
        found = await store.resume(chat.id, HERE)
        assert isinstance(found, Resumed)
        assert [node.message.text for node in found.conversation.path()][: len(CHATS[chat.title])] == CHATS[chat.title]
        question = ask(found.recorder, f"and then, {chat.title}?", found.conversation.head)
        await answer(found.recorder, question, "Then tea.")
        assert await store.last_messages(chat.id, 1)
        await found.recorder.close()
    assert {hit.title for hit in await store.search("enamel ket")} == {"Kettles"}
    assert {hit.title for hit in await store.search("水壶")} == {"Kettles"}
    assert {hit.title for hit in await store.search("then tea")} == set(CHATS)
    assert {hit.title for hit in await store.search("banana")} == set()  # deleted, thirty days ago
    await stores.close()

    assert before < set(query(stores.file, requests))
    assert query(stores.file, "PRAGMA user_version") == [(len(MIGRATIONS),)]
    assert query(stores.file, "PRAGMA integrity_check") == [("ok",)]
    assert query(stores.file, "PRAGMA foreign_key_check") == []
    assert stores.warnings == []


_DIES = """
import os, sqlite3, sys
from pathlib import Path
from termchat.store.sqlite import db
from termchat.store.sqlite.schema import MIGRATIONS
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.create_function("dies", 0, lambda: os._exit(9))
db.migrate(connection, (*MIGRATIONS[: int(sys.argv[2])], "SELECT dies();"))
"""


async def test_migration_of_a_killed_process_is_repeated(stores: StoreFixture) -> None:
    _sample(stores.file, 1)
    for step in (2, len(MIGRATIONS)):
        done = subprocess.run([sys.executable, "-c", _DIES, str(stores.file), str(step)], timeout=60, check=False)
        assert done.returncode == 9
        assert query(stores.file, "PRAGMA user_version") == [(1,)]
    store = stores.open()
    assert {chat.title for chat in (await store.chats()).chats} == set(CHATS)
    await stores.close()
    assert query(stores.file, "PRAGMA user_version") == [(len(MIGRATIONS),)]
    assert stores.warnings == []


_OPENS = """
import sys
from pathlib import Path
from termchat.store.sqlite import db
print("ready", flush=True)
sys.stdin.readline()
connection = db.open_file(Path(sys.argv[1]), patience=30).connection
print(db.version(connection), connection.execute("SELECT count(*) FROM nodes").fetchone()[0])
"""


def test_migration_by_several_processes_at_once_runs_once(tmp_path: Path) -> None:
    file = tmp_path / "termchat.db"
    _sample(file, 1)
    command = [sys.executable, "-c", _OPENS, str(file)]
    with ExitStack() as stack:
        started = [
            stack.enter_context(subprocess.Popen(command, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE))
            for _ in range(3)
        ]
        for process in started:
            assert process.stdout
            assert process.stdout.readline() == "ready\n"
        for process in started:
            assert process.stdin
            process.stdin.write("\n")
            process.stdin.flush()
        assert [process.communicate(timeout=60)[0] for process in started] == [f"{len(MIGRATIONS)} 18\n"] * 3


def test_schema_newest_sample_has_all_tables() -> None:
    with closing(sqlite3.connect(":memory:")) as old, closing(db.open_memory().connection) as new:
        old.executescript((SAMPLES / f"v{len(MIGRATIONS)}.sql").read_text())
        for table in TABLES:
            columns = f"SELECT name, type, \"notnull\", dflt_value, pk FROM pragma_table_info('{table}')"
            assert old.execute(columns).fetchall() == new.execute(columns).fetchall()


def test_migration_failed_step_leaves_file_unchanged(tmp_path: Path) -> None:
    file = tmp_path / "termchat.db"
    connection = db.open_file(file).connection
    steps = (*MIGRATIONS, "CREATE TABLE more (a);\nINSERT INTO missing VALUES (1);\n")
    with pytest.raises(sqlite3.OperationalError):
        db.migrate(connection, steps)
    connection.close()

    assert query(file, "PRAGMA user_version") == [(len(MIGRATIONS),)]
    assert query(file, "SELECT name FROM sqlite_master WHERE name = 'more'") == []


def test_migration_later_steps_run_once(tmp_path: Path) -> None:
    file = tmp_path / "termchat.db"
    connection = db.open_file(file).connection
    steps = (*MIGRATIONS, "CREATE TABLE more (a);\n")
    db.migrate(connection, steps)
    db.migrate(connection, steps)
    connection.close()

    assert query(file, "PRAGMA user_version") == [(len(MIGRATIONS) + 1,)]


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (f"PRAGMA application_id={0x74636861};PRAGMA user_version=999;CREATE TABLE chats (n)", "newer termchat"),
        ("CREATE TABLE bookmarks (n); INSERT INTO bookmarks VALUES (1)", "another program"),
    ],
)
async def test_schema_foreign_or_newer_file_is_left_unchanged(stores: StoreFixture, script: str, words: str) -> None:
    stores.file.parent.mkdir(parents=True)
    with closing(sqlite3.connect(stores.file)) as other:
        other.executescript(script)
    before = query(stores.file, "SELECT sql FROM sqlite_master")
    store = stores.open()
    recorder = store.new_recorder(STATE, HERE)
    await answer(recorder, ask(recorder, "the chat continues"), "yes")

    assert len(await store.search("chat")) == 1
    assert store.is_ephemeral
    await stores.close()
    assert [words in failure.message for failure in stores.warnings] == [True]
    assert query(stores.file, "SELECT sql FROM sqlite_master") == before
