"""Run all SQLite work on one thread, so that the event loop never blocks.

Writes are queued and stay in order. A write that fails for a transient reason (full disk, locked file) is kept and
retried with the next write and on close; the user is warned once. A damaged file is set aside and recovered.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from termchat.core.errors import Failure
from termchat.late_dataclass import dataclass
from termchat.store.processes import ProcessLock
from termchat.store.sqlite import db, sqlite_errors
from termchat.store.sqlite.db import Database

T = TypeVar("T")
OnFailure = Callable[[Failure], None]
_log = logging.getLogger("termchat")
_SHORT_BUSY_TIMEOUT = 0.1  # seconds to wait for a lock after a first wait failed


@dataclass(frozen=True, slots=True)
class Write:
    """A queued write; a newer write with the same `key` replaces one that is still queued."""

    do: Callable[[sqlite3.Connection], object]
    key: str = ""
    durable: bool = False


class DatabaseThread:
    """The store thread. With `file` None the database is in memory; `on_failure` is called on the event loop."""

    def __init__(self, file: Path | None, on_failure: OnFailure, *, vfs: str = "") -> None:
        self._file = file
        self._vfs = vfs
        self._on_failure = on_failure
        self._loop = asyncio.get_running_loop()
        self._thread = ThreadPoolExecutor(1, "termchat-store")
        self._db: Database | None = None
        self._lock: ProcessLock | None = None
        self._posted: deque[Write] = deque()  # not seen by the store thread yet
        self._waiting: list[Write] = []
        self._closed = False
        self.trouble: Failure | None = None
        self._thread.submit(self._quietly, self._database)

    @property
    def in_memory(self) -> bool:
        """True if the chats are in memory only."""
        return self._file is None or bool(self._db and self._db.memory)

    def submit(self, write: Write) -> Future[bool]:
        """Queue a write behind all earlier ones; the future reports the write done or still queued.

        Writes that come while the thread is busy are written in one transaction.
        """
        if self._closed:
            return _unwritten()
        self._posted.append(write)
        return self._thread.submit(self._write)

    async def wait(self, posted: Future[bool]) -> bool:
        """Wait for a queued write; cancelling the wait does not cancel the write."""
        return await asyncio.shield(asyncio.wrap_future(posted))

    async def query(self, read: Callable[[sqlite3.Connection], T], otherwise: T) -> T:
        """Return the result of `read`, or `otherwise` after reporting that the file cannot be read now."""
        if self._closed:
            return otherwise
        return await asyncio.shield(asyncio.wrap_future(self._thread.submit(self._read, read, otherwise)))

    async def close(self) -> Failure | None:
        """Write the queue and close the file. Return the failure if some writes are lost."""
        if not self._closed:
            self._closed = True
            await asyncio.shield(asyncio.wrap_future(self._thread.submit(self._close)))
            self._thread.shutdown(wait=False)
        return self.trouble

    def _quietly(self, step: Callable[[], object]) -> None:
        try:
            step()
        except sqlite3.Error as error:
            self._handle_error(error)

    def _database(self) -> Database:
        if self._db is None:
            self._db = _open(self._file, self._vfs, _SHORT_BUSY_TIMEOUT if self.trouble else db.PATIENCE)
            self._lock = self._lock or _lock_process(self._db.connection)
            for note in self._db.notes:
                self._warn(note)
            if self._db.memory and self._file:
                self.trouble = self._db.notes[0] if self._db.notes else None
        return self._db

    def _write(self) -> bool:
        while self._posted:
            write = self._posted.popleft()
            if write.key:
                self._waiting = [other for other in self._waiting if other.key != write.key]
            self._waiting.append(write)
        try:
            return self._flush()
        except Exception:
            _log.exception("the store cannot be used")
            return False

    def _flush(self) -> bool:
        """Write the queue in one transaction; a bad write is dropped, the others are kept."""
        try:
            self._with_recovery(self._write_all)
        except sqlite3.Error as error:
            if self._handle_error(error):
                return False
            self._one_by_one()
        except Exception:
            _log.exception("a write to the store failed")
            self._one_by_one()
        else:
            self._clear_failure()
        return True

    def _write_all(self, connection: sqlite3.Connection) -> None:
        if not self._waiting:
            return
        with db.transaction(connection, durable=any(write.durable for write in self._waiting)):
            for write in self._waiting:
                write.do(connection)
        self._waiting.clear()

    def _one_by_one(self) -> None:
        waiting, self._waiting = self._waiting, []
        connection = self._database().connection
        for n, write in enumerate(waiting):
            try:
                with db.transaction(connection, durable=write.durable):
                    write.do(connection)
            except Exception as error:
                if isinstance(error, sqlite3.Error) and self._handle_error(error):
                    self._waiting = waiting[n:]
                    return
                _log.exception("a write to the store was dropped")

    def _read(self, read: Callable[[sqlite3.Connection], T], otherwise: T) -> T:
        if self._waiting:
            self._flush()
        try:
            return self._with_recovery(read)
        except sqlite3.Error as error:
            if not self._handle_error(error):
                _log.exception("a query of the store failed")
            return otherwise

    def _with_recovery(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Run the work; if the file is damaged, recover it and run the work on the new file."""
        connection = self._database().connection
        try:
            return work(connection)
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            if self._file is None or self.in_memory or not sqlite_errors.is_corrupt(error):
                raise
            connection.close()
            self._db = None
            note = _rescue(self._file)
            if note:
                self._warn(note)
            return work(self._database().connection)

    def _handle_error(self, error: sqlite3.Error) -> bool:
        """Return True if the error is transient; warn the user when it begins."""
        failure = sqlite_errors.transient_failure(error)
        if failure is None:
            return False
        _log.info("the store: %s", error)
        if self.trouble is None or self.trouble.message != failure.message:
            self._warn(failure)
        self.trouble = failure
        self._set_busy_timeout(_SHORT_BUSY_TIMEOUT)
        return True

    def _clear_failure(self) -> None:
        if self.trouble and not self.in_memory:
            self.trouble = None
            self._set_busy_timeout(db.PATIENCE)

    def _set_busy_timeout(self, seconds: float) -> None:
        if self._db:
            self._db.connection.execute(f"PRAGMA busy_timeout={int(seconds * 1000)}")

    def _warn(self, failure: Failure) -> None:
        try:
            self._loop.call_soon_threadsafe(self._on_failure, failure)
        except RuntimeError:
            _log.info("the store, after it was closed: %s", failure.message)

    def _close(self) -> None:
        self._set_busy_timeout(db.PATIENCE)
        if self._waiting:
            self._quietly(self._flush)
        if self._db:
            self._quietly(self._db.connection.close)
        if self._lock:
            self._lock.release()


def _lock_process(connection: sqlite3.Connection) -> ProcessLock:
    """Mark this process as running; without the mark other processes take over its chats."""
    lock = ProcessLock(connection)
    try:
        lock.acquire()
    except OSError as error:
        _log.info("the store: no lock: %s", error)
    return lock


def _unwritten() -> Future[bool]:
    """Return a future of False, the result of a write after close."""
    future: Future[bool] = Future()
    future.set_result(False)
    return future


def _open(file: Path | None, vfs: str, patience: float) -> Database:
    """Open the file if possible, else memory. Raises sqlite3.Error while another program locks the file."""
    if file is None:
        return db.open_memory()
    try:
        return db.open_file(file, vfs, patience)
    except sqlite_errors.ForeignDatabase as error:
        opened = db.open_memory()
        opened.notes.append(error.failure)
        return opened
    except OSError as error:
        return _fall_back_to_memory(file, error)
    except (sqlite3.Error, UnicodeDecodeError) as error:
        if sqlite_errors.is_locked(error):
            raise
        return _rescued(file, vfs) if sqlite_errors.is_corrupt(error) else _fall_back_to_memory(file, error)


def _rescued(file: Path, vfs: str) -> Database:
    try:
        note = _rescue(file)
        opened = db.open_file(file, vfs)
    except (OSError, sqlite3.Error, sqlite_errors.ForeignDatabase) as error:
        return _fall_back_to_memory(file, error)
    if note:
        opened.notes.insert(0, note)
    return opened


def _rescue(file: Path) -> Failure | None:
    from termchat.store.sqlite.recovery import recover  # rarely needed

    return recover(file)


def _fall_back_to_memory(file: Path, error: Exception) -> Database:
    opened = db.open_memory(file)
    opened.notes.append(sqlite_errors.unusable(file, error))
    return opened
