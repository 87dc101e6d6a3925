"""Recover a damaged file: rename it with the date, and copy every readable row to a new file.

A table is read in the order of its row numbers; at a broken page the reader skips ahead in growing steps to the next
readable row. An unreadable first page is replaced by that of a new file: it holds only the start of the schema, which
is the same in all files of a version (https://www.sqlite.org/fileformat2.html#the_database_header).
"""

from __future__ import annotations

import math
import os
import shutil
import sqlite3
import time
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeAlias

from termchat.core.errors import Failure
from termchat.store.messages import reindex
from termchat.store.sqlite import db, sqlite_errors
from termchat.store.sqlite.schema import GUARD, TABLES
from termchat.system.file_lock import exclusive_lock

Row: TypeAlias = tuple[Any, ...]
_SKIP = 1 << 40  # rows; a larger step ends the reading
_LARGEST = 1 << 53  # a higher row number is damage
_TYPES: dict[str, tuple[tuple[type, ...], object]] = {
    "INTEGER": ((int,), 0),
    "REAL": ((int, float), 0.0),
    "TEXT": ((str,), ""),
    "BLOB": ((bytes,), b""),
}
_SIDE_FILES = ("-wal", "-shm", "-journal")


def recover(file: Path) -> Failure | None:
    """Replace a damaged file by a new one with all readable rows. Return the notice for the user.

    Returns None when another process has recovered the file meanwhile. Raises OSError and sqlite3.Error on failure.
    """
    with _exclusively(file):
        if _healthy(file):
            return None
        fresh = file.with_name(f"{file.name}.new")
        _remove(fresh)
        try:
            chats, messages = _fill(fresh, file)
            aside = _set_aside(file)
            fresh.replace(file)
        finally:
            _remove(fresh)
    return sqlite_errors.rescued(aside, chats, messages)


def _fill(fresh: Path, file: Path) -> tuple[int, int]:
    """Copy the readable rows to a new file. Return the numbers of chats and messages."""
    opened = db.open_file(fresh)
    with closing(opened.connection):
        _copy_readable_rows(file, opened.connection)
        counts = "SELECT (SELECT count(*) FROM chats), (SELECT count(*) FROM nodes)"
        return opened.connection.execute(counts).fetchone()


def _healthy(file: Path) -> bool:
    """Return True if every page of the file is intact."""
    if not file.exists():
        return False
    try:
        with closing(db.open_file(file).connection) as connection:
            if connection.execute("PRAGMA integrity_check(1)").fetchone()[0] != "ok":
                return False
            connection.execute("INSERT INTO words(words) VALUES ('integrity-check')")
            return True
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
        if sqlite_errors.is_corrupt(error):
            return False
        raise


def _set_aside(file: Path) -> Path:
    """Rename the file with its -wal and -shm; return the new name."""
    stamp = time.strftime("%Y-%m-%dT%H-%M-%S")
    names = (f"{file.name}.damaged-{stamp}{n}" for n in ("", *(f"-{n}" for n in range(2, 1000))))
    aside = next(path for name in names if not (path := file.with_name(name)).exists())
    file.replace(aside)
    for suffix in _SIDE_FILES:
        beside = file.with_name(file.name + suffix)
        if beside.exists():
            beside.replace(aside.with_name(aside.name + suffix))
    return aside


def _copy_readable_rows(file: Path, new: sqlite3.Connection) -> None:
    """Copy the readable rows, then repair dangling references. The damaged file stays unchanged."""
    copy = file.with_name(f"{file.name}.reading")
    _remove(copy)
    try:
        for suffix in ("", "-wal"):
            if file.with_name(file.name + suffix).exists():
                shutil.copyfile(file.with_name(file.name + suffix), copy.with_name(copy.name + suffix))
                copy.with_name(copy.name + suffix).chmod(0o600)
        _with_first_page(copy)
        new.execute("PRAGMA foreign_keys=OFF")
        with closing(sqlite3.connect(copy)) as old, db.transaction(new):
            old.text_factory = db.lenient
            for table in TABLES:
                _copy(table, old, new)
            _repair_references(new)
            reindex(new)
        new.execute("PRAGMA foreign_keys=ON")
    finally:
        _remove(copy)


def _copy(table: str, old: sqlite3.Connection, new: sqlite3.Connection) -> None:
    """Copy the rows of a table; a value of a wrong type becomes empty, so that the row survives."""
    types = {row[1]: row[2] for row in new.execute(f"PRAGMA table_info({table})")}
    try:
        had = {row[1] for row in old.execute(f"PRAGMA table_info({table})")}
    except (sqlite3.DatabaseError, UnicodeDecodeError):
        return
    columns = [column for column in types if column in had]
    if not columns:
        return
    names, marks = ", ".join(columns), ", ".join("?" * len(columns))
    insert = f"INSERT OR IGNORE INTO {table} ({names}) VALUES ({marks})"  # noqa: S608 - names of our own schema
    for row in _rows(table, names, old):
        for values in (row, tuple(_typed(types[c], value) for c, value in zip(columns, row, strict=True))):
            try:
                new.execute(insert, values)
                break
            except sqlite3.IntegrityError:
                continue


def _rows(table: str, names: str, old: sqlite3.Connection) -> Iterator[Row]:
    """Yield the readable rows; skip the others."""
    at, leap = -1, 1
    query = f"SELECT rowid, {names} FROM {table} WHERE rowid > ? ORDER BY rowid"  # noqa: S608 - as above
    while leap < _SKIP:
        try:
            for row in old.execute(query, (at,)):
                at, leap = max(at, row[0]), 1
                if at > _LARGEST:
                    return
                yield row[1:]
            return
        except (sqlite3.DatabaseError, UnicodeDecodeError):
            at += leap
            leap *= 2


def _typed(declared: str, value: object) -> object:
    kind, otherwise = _TYPES[declared]
    return value if value is None or isinstance(value, kind) else otherwise


def _repair_references(new: sqlite3.Connection) -> None:
    """Give every message a chat, a parent that exists or none, and every chat a head that exists."""
    new.execute("DROP TRIGGER messages_never_change")
    new.execute("UPDATE nodes SET chat = 0 WHERE chat NOT BETWEEN 0 AND ?", (_LARGEST,))
    new.execute("UPDATE nodes SET parent = NULL WHERE parent IS NOT NULL AND parent NOT IN (SELECT n FROM nodes)")
    new.execute(GUARD)
    new.execute(
        "INSERT INTO chats (n, id, title, created, updated) "
        "SELECT chat, 'recovered-' || chat, 'recovered', min(created), max(created) FROM nodes "
        "WHERE chat NOT IN (SELECT n FROM chats) GROUP BY chat"
    )
    new.execute(
        "UPDATE chats SET head = (SELECT max(n) FROM nodes WHERE chat = chats.n) "
        "WHERE head NOT IN (SELECT n FROM nodes) OR (head IS NULL AND id LIKE 'recovered-%')"
    )
    new.execute("UPDATE chats SET stem = NULL WHERE stem NOT IN (SELECT n FROM nodes)")
    new.execute("DELETE FROM attachments WHERE node NOT IN (SELECT n FROM nodes)")
    new.execute("DELETE FROM attachments WHERE hash NOT IN (SELECT hash FROM blobs)")
    new.execute("DELETE FROM partials WHERE chat NOT IN (SELECT n FROM chats)")
    new.execute("UPDATE ledger SET chat = NULL WHERE chat NOT IN (SELECT n FROM chats)")


def _with_first_page(copy: Path) -> None:
    """Replace an unreadable first page of `copy` by that of a new file."""
    if _readable(copy):
        return
    fresh = copy.with_name(f"{copy.name}-fresh")
    try:
        db.open_file(fresh).connection.close()
        page = bytearray(fresh.read_bytes()[:4096])
        with copy.open("r+b") as handle:
            pages = os.fstat(handle.fileno()).st_size // len(page)
            page[28:32] = pages.to_bytes(4, "big")  # the size of the file in pages
            handle.write(page)
    finally:
        _remove(fresh)


def _readable(copy: Path) -> bool:
    with closing(sqlite3.connect(copy)) as old:
        try:
            return bool(old.execute("SELECT count(*) FROM sqlite_master WHERE name = 'nodes'").fetchone()[0])
        except (sqlite3.DatabaseError, UnicodeDecodeError):
            return False


@contextmanager
def _exclusively(file: Path) -> Generator[None]:
    """Hold a lock, so that only one process at a time recovers a file. Raises OSError."""
    lock = file.with_name(f"{file.name}.rescue")
    with exclusive_lock(lock, math.inf, required=True):  # a large file takes minutes
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)


def _remove(file: Path) -> None:
    for suffix in ("", *_SIDE_FILES):
        file.with_name(file.name + suffix).unlink(missing_ok=True)
