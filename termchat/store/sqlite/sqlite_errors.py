"""Turn errors of SQLite and the disk into failures for the user.

Result codes: https://www.sqlite.org/rescode.html
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from termchat.core.errors import Failure, FailureKind, error_reason
from termchat.core.sanitize import counted, safe, safe_format, safe_line

_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_LOCKED = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_REFUSED = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM)
_BROKEN = (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_NOLFS, sqlite3.SQLITE_PROTOCOL)
_MEMORY = safe_format("The chat is in memory only and is lost on exit; in a chat, /export saves it.")
_LATER = safe_format("You can continue; the chat is saved as soon as that is possible.")


class ForeignDatabase(Exception):  # noqa: N818 - names the file, not the error
    """A file of a newer termchat or of another program, which is not changed."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.message)
        self.failure = failure


def code(error: BaseException) -> int:
    """Return the primary result code, 0 if SQLite gave none."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def is_corrupt(error: BaseException) -> bool:
    """Return True if the file is damaged. A broken schema can make SQLite report invalid UTF-8: UnicodeDecodeError."""
    return isinstance(error, UnicodeDecodeError) or code(error) in _DAMAGED


def as_damage(error: sqlite3.OperationalError) -> sqlite3.Error:
    """Classify an error of the first query on a file: the query is valid, so the header of the file is damaged."""
    if code(error) != sqlite3.SQLITE_ERROR:
        return error
    damage = sqlite3.DatabaseError(str(error))
    damage.sqlite_errorcode = sqlite3.SQLITE_NOTADB
    return damage


def is_locked(error: BaseException) -> bool:
    return code(error) in _LOCKED


def transient_failure(error: sqlite3.Error) -> Failure | None:
    """Return the failure of a transient error, after which the write is retried; None for a bug in termchat."""
    match code(error):
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return _failure(safe_format("Another program has locked the chats file."), _LATER)
        case sqlite3.SQLITE_FULL:
            return _failure(safe_format("Chats cannot be saved: the disk is full."), _LATER)
        case found if found in _REFUSED:
            return _failure(safe_format("Chats cannot be saved: the file cannot be written."), _LATER)
        case found if found in _BROKEN or found in _DAMAGED:
            return _failure(safe_format("Chats cannot be saved: disk error."), _LATER)
        case _:
            return None


def unusable(file: Path, error: Exception) -> Failure:
    """Return the failure that chats cannot be saved in `file`."""
    name = safe_line(str(file))
    return _failure(safe_format("Chats cannot be saved in {file}: {why}.", file=name, why=error_reason(error)), _MEMORY)


def newer(file: Path) -> ForeignDatabase:
    words = safe_format("{file} was written by a newer termchat and is not changed.", file=safe_line(str(file)))
    return ForeignDatabase(_failure(words, safe_format("Update termchat. Until then chats are in memory only.")))


def foreign(file: Path) -> ForeignDatabase:
    words = safe_format("{file} belongs to another program and is not changed.", file=safe_line(str(file)))
    return ForeignDatabase(_failure(words, safe_format("Move it. Until then chats are in memory only.")))


def no_wal_notice() -> Failure:
    words = safe_format("This disk does not support a write-ahead log, so saving is slower.")
    return _failure(words, safe_format("Everything is saved; a second termchat may have to wait for the first."))


def rescued(aside: Path, chats: int, messages: int) -> Failure:
    words = safe_format(
        "The chats file was damaged. Recovered: {messages} of {chats}.",
        messages=counted(messages, "message"),
        chats=counted(chats, "chat"),
    )
    return _failure(words, safe_format("The damaged file is kept as {file}.", file=safe_line(str(aside))))


def _failure(words: str, hint: str) -> Failure:
    return Failure(FailureKind.STORAGE, safe(words), safe(hint))
