"""The schema: creation, migration and refusal of newer files."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from termchat.core.chat_store import Resumed
from termchat.store.sqlite import db
from termchat.store.sqlite.schema import MIGRATIONS, TABLES
from tests.store.conftest import StoreFixture
from tests.store.helpers import HERE, STATE, answer, ask, query

SAMPLES = Path(__file__).parent / "schemas"


@pytest.mark.parametrize("version", range(len(MIGRATIONS) + 1))
async def test_schema_every_version_migrates_to_newest(stores: StoreFixture, version: int) -> None:
    stores.file.parent.mkdir(parents=True)
    with closing(sqlite3.connect(stores.file)) as old:
        if version:
            old.executescript((SAMPLES / f"v{version}.sql").read_text())
    store = stores.open()
    if version:
        found = await store.resume("7f3a000000000001", HERE)
        assert isinstance(found, Resumed)
        assert [n.message.text for n in found.conversation.path()] == ["天气怎么样？", "It rains."]
        assert [hit.node for hit in await store.search("天气")] == ["node1"]
    recorder = store.new_recorder(STATE, HERE)
    await answer(recorder, ask(recorder, "new"), "words")
    await stores.close()

    assert query(stores.file, "PRAGMA user_version") == [(len(MIGRATIONS),)]
    assert query(stores.file, "PRAGMA integrity_check") == [("ok",)]
    assert stores.warnings == []


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
