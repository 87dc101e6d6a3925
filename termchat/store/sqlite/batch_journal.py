"""The journal of a batch in a SQLite file of its own (0600), one process at a time.

All work runs on one thread; requests that are marked while the thread is busy are committed together.
"""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from termchat.batch.journal import InputConflict, InputEntry, ItemState, JournalCounts, JournalError, JournalRow
from termchat.core.errors import Failure, FailureKind, error_reason
from termchat.core.sanitize import EMPTY, Safe, safe_format, safe_line
from termchat.store.sqlite import db, sqlite_errors
from termchat.store.sqlite.handed_batches import LINES, TABLES, HandedBatches, journal_row

if TYPE_CHECKING:
    from termchat.batch import handed_over

T = TypeVar("T")
APPLICATION = 0x7462_6A31  # "tbj1": the mark of a journal
_MOST_CONFLICTS = 20
_PATIENCE = 1.0  # seconds to wait for another process that ends
MIGRATIONS = (
    """
    CREATE TABLE items (
        id TEXT PRIMARY KEY,
        digest TEXT NOT NULL,
        state TEXT NOT NULL DEFAULT 'queued',
        outcome TEXT NOT NULL DEFAULT '',
        cost TEXT,  -- US dollars of all attempts, NULL if unknown
        result TEXT NOT NULL DEFAULT ''
    ) WITHOUT ROWID;
    CREATE INDEX items_by_state ON items (state);
    CREATE TABLE input (  -- of the last run
        line INTEGER PRIMARY KEY,
        offset INTEGER NOT NULL,
        id TEXT NOT NULL,
        repeated INTEGER NOT NULL
    );
    CREATE INDEX input_by_id ON input (id);
    """,
    TABLES,
)


class SqliteBatchJournal(HandedBatches):
    """Implements `batch.handed_over.VendorJournal`. Made by `open_journal`, in the running event loop."""

    def __init__(self, connection: sqlite3.Connection, thread: ThreadPoolExecutor) -> None:
        self._connection = connection
        self._thread = thread
        self._posted: deque[tuple[str, tuple[object, ...], Future[None]]] = deque()

    async def clear(self) -> None:
        await self._write("DELETE FROM items")

    async def load(self, entries: Iterable[InputEntry]) -> Sequence[InputConflict]:
        return await self._run(lambda: self._load(entries))

    async def counts(self) -> JournalCounts:
        return await self._run(self._counts)

    async def unsure(self, limit: int) -> Sequence[str]:
        query = "SELECT id FROM items WHERE state = 'sent' AND id IN (SELECT id FROM input) ORDER BY id LIMIT ?"
        return await self._run(lambda: [row[0] for row in self._connection.execute(query, (limit,))])

    async def settle_unsure(self) -> None:
        await self._write("UPDATE items SET state = 'queued' WHERE state = 'sent' AND id IN (SELECT id FROM input)")

    async def rows(self, after: int, limit: int) -> Sequence[JournalRow]:
        query = f"{LINES} WHERE input.line > ? ORDER BY input.line LIMIT ?"
        return await self._run(lambda: [journal_row(*row) for row in self._connection.execute(query, (after, limit))])

    async def row(self, line: int) -> JournalRow:
        query = f"{LINES} WHERE input.line = ?"
        return await self._run(lambda: journal_row(*self._connection.execute(query, (line,)).fetchone()))

    async def mark_sent(self, item: str) -> None:
        await self._write("UPDATE items SET state = 'sent' WHERE id = ?", item)

    def mark_unsent(self, item: str) -> None:
        self._post("UPDATE items SET state = 'queued' WHERE id = ? AND state = 'sent'", item)

    async def finish(self, item: str, state: ItemState, outcome: str, cost: Decimal | None, result: str) -> None:
        before = "coalesce((SELECT cost FROM items WHERE id = ?), '0')"
        known = await self._run(lambda: self._connection.execute(f"SELECT {before}", (item,)).fetchone()[0])
        total = Decimal(known) + (cost or Decimal(0))
        change = "UPDATE items SET state = ?, outcome = ?, cost = ?, result = ? WHERE id = ?"
        await self._write(change, state.value, outcome, f"{total:f}", result, item)

    async def close(self) -> None:
        await self._run(self._connection.close)
        self._thread.shutdown(wait=False)

    async def _run(self, work: Callable[[], T]) -> T:
        return await self._done(self._thread.submit(work))

    async def _done(self, work: Future[T]) -> T:
        try:
            return await asyncio.shield(asyncio.wrap_future(work))
        except sqlite3.Error as error:
            raise JournalError(_failed(error)) from error

    async def _write(self, statement: str, *values: object) -> None:
        await self._done(self._post(statement, *values))

    def _post(self, statement: str, *values: object) -> Future[None]:
        """Queue a statement; the future ends when it is on disk."""
        written: Future[None] = Future()
        self._posted.append((statement, values, written))
        self._thread.submit(self._write_posted)
        return written

    def _write_posted(self) -> None:
        """Commit all posted statements at once; those of a failed commit are dropped, and all their writers told."""
        batch = [self._posted.popleft() for _ in range(len(self._posted))]
        if not batch:
            return
        try:
            with db.transaction(self._connection):
                for statement, values, _ in batch:
                    self._connection.execute(statement, values)
        except BaseException as error:
            for *_, written in batch:
                written.set_exception(error)
        else:
            for *_, written in batch:
                written.set_result(None)

    def _load(self, entries: Iterable[InputEntry]) -> Sequence[InputConflict]:
        conflicts: list[InputConflict] = []
        connection = self._connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            connection.execute("DELETE FROM input")
            for entry in entries:
                if found := _add(connection, entry):
                    conflicts.append(found)
                    if len(conflicts) == _MOST_CONFLICTS:
                        break
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("ROLLBACK" if conflicts else "COMMIT")
        return conflicts

    def _counts(self) -> JournalCounts:
        query = "SELECT items.state, count(*) FROM input JOIN items ON items.id = input.id GROUP BY items.state"
        found: dict[str, int] = dict(self._connection.execute(query).fetchall())
        costs = self._connection.execute("SELECT cost FROM items WHERE cost IS NOT NULL")
        return JournalCounts(
            sum(found.values()),
            found.get(ItemState.DONE, 0),
            found.get(ItemState.FAILED, 0),
            found.get(ItemState.SENT, 0),
            sum((Decimal(row[0]) for row in costs), Decimal(0)),
            found.get(ItemState.BATCHED, 0),
        )


async def open_journal(file: Path) -> SqliteBatchJournal | Failure:
    """Open a journal, or create it; a failure tells that another process has it, or that the file cannot be used."""
    thread = ThreadPoolExecutor(1, "termchat-journal")
    try:
        connection = await asyncio.wrap_future(thread.submit(_open, file))
    except sqlite3.Error as error:
        thread.shutdown(wait=False)
        return _in_use(file) if sqlite_errors.is_locked(error) else _unusable(file, error)
    except OSError as error:
        thread.shutdown(wait=False)
        return _unusable(file, error)
    return SqliteBatchJournal(connection, thread)


def _open(file: Path) -> sqlite3.Connection:
    """Open the file and lock it until the process ends. Raises sqlite3.Error and OSError."""
    _create_private(file)
    connection = sqlite3.connect(file, timeout=_PATIENCE, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA locking_mode=EXCLUSIVE")
        mark = connection.execute("PRAGMA application_id").fetchone()[0]
        if mark != APPLICATION and connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            raise OSError(0, "it is another file")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        with db.transaction(connection):  # takes the lock, and keeps it
            _migrate(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _create_private(file: Path) -> None:
    os.close(os.open(file, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600))
    file.chmod(0o600)


def _migrate(connection: sqlite3.Connection) -> None:
    done = db.version(connection)
    if done > len(MIGRATIONS):
        raise OSError(0, "a newer termchat has made it")
    for step in MIGRATIONS[done:]:
        for statement in db.statements(step):
            connection.execute(statement)
    connection.execute(f"PRAGMA user_version={len(MIGRATIONS)}")
    connection.execute(f"PRAGMA application_id={APPLICATION}")


def _add(connection: sqlite3.Connection, entry: InputEntry) -> InputConflict | None:
    first = connection.execute("SELECT min(line) FROM input WHERE id = ?", (entry.id,)).fetchone()[0]
    known = connection.execute("SELECT digest FROM items WHERE id = ?", (entry.id,)).fetchone()
    if first and (entry.given or known[0] != entry.digest):
        return InputConflict(entry.line, entry.id, first)
    if known and known[0] != entry.digest:
        return InputConflict(entry.line, entry.id)
    if not known:
        connection.execute("INSERT INTO items (id, digest) VALUES (?, ?)", (entry.id, entry.digest))
    place = (entry.line, entry.offset, entry.id, bool(first))
    connection.execute("INSERT INTO input (line, offset, id, repeated) VALUES (?, ?, ?, ?)", place)
    return None


def _failed(error: sqlite3.Error) -> Failure:
    words = safe_format("The journal of the batch cannot be written: {why}.", why=safe_line(str(error)))
    hint = safe_format("Free disk space, then run the same command again: what is done is not sent again.")
    return Failure(FailureKind.STORAGE, words, hint)


def _in_use(file: Path) -> Failure:
    words = safe_format("Another termchat runs this batch: it uses {file}.", file=_name(file))
    return Failure(FailureKind.STORAGE, words, safe_format("Wait for its end, or choose another --journal."))


def _unusable(file: Path, error: Exception) -> Failure:
    words = safe_format("Cannot use the journal {file}: {why}.", file=_name(file), why=error_reason(error))
    return Failure(FailureKind.STORAGE, words, safe_format("Choose another file with --journal."))


def _name(file: Path) -> Safe:
    return safe_line(str(file)) or EMPTY


if TYPE_CHECKING:
    _proof: type[handed_over.VendorJournal] = SqliteBatchJournal
