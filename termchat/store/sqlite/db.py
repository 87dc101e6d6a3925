"""Open the chats file: private, in write-ahead mode, at the newest schema.

When the file cannot be used, `open_memory` replaces it by a database in memory with all that can be read of the file.
"""

from __future__ import annotations

import os
import sqlite3
import stat
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

from termchat.core.errors import Failure
from termchat.late_dataclass import dataclass
from termchat.store.sqlite import sqlite_errors
from termchat.store.sqlite.schema import APPLICATION, MIGRATIONS

PATIENCE = 2.0  # seconds to wait for another program's lock
_COPY_UP_TO = 200_000_000  # bytes of an unwritable file that is copied into memory


@dataclass(slots=True)
class Database:
    """An open database; `notes` are shown to the user, `memory` is True if nothing is saved to disk."""

    connection: sqlite3.Connection
    notes: list[Failure]
    memory: bool = False


def open_file(file: Path, vfs: str = "", patience: float = PATIENCE) -> Database:
    """Open the database in `file`, or create it.

    vfs        the SQLite VFS that opens it, "" for the usual one
    patience   seconds to wait for another program's lock

    Raises sqlite3.Error and OSError when the file cannot be used, ForeignDatabase when it belongs to another program.
    """
    private(file)
    options = f"?vfs={vfs}" if vfs else ""
    connection = _connect(f"{file.absolute().as_uri()}{options}", patience)
    try:
        notes = [] if _write_ahead(connection, patience) else [sqlite_errors.no_wal_notice()]
        _check(connection, file)
        migrate(connection)
        connection.execute("SELECT count(*) FROM chats WHERE n < 0").fetchone()
    except BaseException:
        connection.close()
        raise
    return Database(connection, notes)


def open_memory(file: Path | None = None) -> Database:
    """Open a database in memory, with a copy of all that can be read of `file`."""
    connection = _connect(":memory:")
    if file:
        try:
            _copy(file, connection)
        except (OSError, sqlite3.Error):
            connection.close()
            connection = _connect(":memory:")
    try:
        migrate(connection)
    except BaseException:
        connection.close()
        raise
    return Database(connection, [], memory=True)


def migrate(connection: sqlite3.Connection, steps: tuple[str, ...] = MIGRATIONS) -> None:
    """Migrate the tables to the newest schema in one transaction; safe when several processes try at once."""
    if version(connection) >= len(steps):
        return
    with transaction(connection):
        for step in steps[version(connection) :]:
            for statement in statements(step):
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version={max(len(steps), version(connection))}")
        connection.execute(f"PRAGMA application_id={APPLICATION}")


def version(connection: sqlite3.Connection) -> int:
    """Return the schema version: the number of migrations that were applied."""
    return connection.execute("PRAGMA user_version").fetchone()[0]


def statements(script: str) -> Iterator[str]:
    """Yield the statements of a script one at a time, so that they can be part of one transaction."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""


@contextmanager
def transaction(connection: sqlite3.Connection, *, durable: bool = False) -> Generator[None]:
    """Open a write transaction; a `durable` one is synced to disk when it is committed."""
    if durable:
        connection.execute("PRAGMA synchronous=FULL")
    try:
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
    finally:
        if durable:
            connection.execute("PRAGMA synchronous=NORMAL")


def private(file: Path) -> None:
    """Create the file (0600) and its directory (0700) under any umask. SQLite gives -wal and -shm the same mode."""
    if not file.parent.is_dir():
        file.parent.parent.mkdir(parents=True, exist_ok=True)
        file.parent.mkdir(mode=0o700, exist_ok=True)
        file.parent.chmod(0o700)
    handle = os.open(file, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode):
            raise OSError(0, "not a regular file")
        if stat.S_IMODE(found.st_mode) != 0o600 and hasattr(os, "fchmod"):
            os.fchmod(handle, 0o600)
    finally:
        os.close(handle)


def lenient(raw: bytes) -> str:
    """Decode the text of a row; on a damaged disk it may be invalid UTF-8."""
    return raw.decode("utf-8", "replace")


def _connect(name: str, patience: float = PATIENCE) -> sqlite3.Connection:
    connection = sqlite3.connect(
        name, timeout=patience, isolation_level=None, check_same_thread=False, cached_statements=200, uri=True
    )
    connection.text_factory = lenient
    try:
        for pragma in ("foreign_keys=ON", "synchronous=NORMAL", "temp_store=MEMORY", "cache_size=-16000"):
            connection.execute(f"PRAGMA {pragma}")
    except sqlite3.OperationalError as error:
        connection.close()
        raise sqlite_errors.as_damage(error) from error
    except BaseException:
        connection.close()
        raise
    return connection


def _write_ahead(connection: sqlite3.Connection, patience: float) -> bool:
    """Switch to write-ahead logging, waiting for other processes that do. Return False if the disk has no support."""
    until = time.monotonic() + patience
    while True:
        try:
            if connection.execute("PRAGMA journal_mode=WAL").fetchone()[0] == "wal":
                return True
            break
        except sqlite3.OperationalError as error:
            if not sqlite_errors.is_locked(error):
                break
            if time.monotonic() > until:
                raise
            time.sleep(0.01)
    connection.execute("PRAGMA journal_mode=TRUNCATE")
    return False


def _check(connection: sqlite3.Connection, file: Path) -> None:
    mark = connection.execute("PRAGMA application_id").fetchone()[0]
    if mark == APPLICATION:
        if version(connection) > len(MIGRATIONS):
            raise sqlite_errors.newer(file)
        return
    names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if names and not names >= {"chats", "nodes", "partials", "ledger"}:
        raise sqlite_errors.foreign(file)


def _copy(file: Path, memory: sqlite3.Connection) -> None:
    """Copy a read-only file, even if its -shm file cannot be created in its directory."""
    if not file.is_file() or not 0 < file.stat().st_size < _COPY_UP_TO:
        return
    for options in ("mode=ro", "immutable=1"):
        try:
            source = sqlite3.connect(f"{file.absolute().as_uri()}?{options}", uri=True)
            try:
                if version(source) > len(MIGRATIONS):
                    return
                source.backup(memory)
                return
            finally:
                source.close()
        except sqlite3.Error:
            continue
