"""Find out if another termchat process runs, by a lock that the kernel releases when the process ends.

As long as a process uses the database it holds a `flock` on a file beside it, `FILE.TOKEN.lock`; the rows of its
chats name the process by host and token.

Version 0.1.0 had no lock; its rows say `host|boot|pid|start`. To 0.1.0 the new names look like those of another
machine: it leaves their chats alone for twelve hours.
"""

from __future__ import annotations

import os
import sqlite3
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from threading import Lock
from uuid import uuid4

from termchat.core.numbers import whole_number

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

_PREFIX = "lock:"  # of names; a host name contains no colon
_SUFFIX = ".lock"
_UNKNOWN = 12 * 3600.0  # seconds that a process whose lock cannot be read counts as running
_OLD_VERSION = 7 * 86_400.0  # seconds that a process of 0.1.0 counts as running while its pid exists: pids are reused

_held: dict[Path, tuple[int, int]] = {}  # the locks of this process: file descriptor, number of `ProcessLock`s
_guard = Lock()


@cache
def this_process() -> str:
    """Return the name of this process, for `is_running` in any other process."""
    return f"{_PREFIX}{_host()}|{_token()}"


def is_running(connection: sqlite3.Connection, name: str, since: float) -> bool:
    """Return True if the process that used the database as `name` at the Unix time `since` still runs.

    A process whose lock cannot be read, such as one of another machine, counts as running for twelve hours.
    """
    age = time.time() - since
    if not name.startswith(_PREFIX):
        return _old_version_runs(name, age)
    host, _, token = name.removeprefix(_PREFIX).partition("|")
    file = _database_file(connection)
    locked = _is_locked(_lock_file(file, token)) if file and token.isalnum() else None
    if locked is None or (host != _host() and not locked):
        return age < _UNKNOWN
    return locked


class ProcessLock:
    """Marks this process as running for all others that use the same database. Without a file nothing is locked."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        file = _database_file(connection)
        self._file = _lock_file(file, _token()) if file else None
        self._owned = False

    def acquire(self) -> None:
        """Take the lock and delete the lock files of crashed processes. Raises OSError if no file can be written."""
        if self._file is None or self._owned:
            return
        with _guard:
            handle, users = _held.get(self._file) or (_create(self._file), 0)
            _held[self._file] = handle, users + 1
        self._owned = True
        _sweep(self._file)

    def release(self) -> None:
        """Release the lock, unless another store of this process uses the same database."""
        if self._file is None or not self._owned:
            return
        self._owned = False
        with _guard:
            handle, users = _held.pop(self._file)
            if users > 1:
                _held[self._file] = handle, users - 1
                return
            if fcntl is None:
                os.close(handle)  # Windows deletes no open file
            with suppress(OSError):
                self._file.unlink()
            if fcntl is not None:
                os.close(handle)


def controlling_terminal() -> str:
    """Return the name of the controlling terminal and its session, "" without a terminal.

    The terminal's name alone is not enough: a new window gets the name of a closed one. On Linux the start time of the
    session is added, because session ids are pids, which are reused (proc(5), /proc/PID/stat: field 6 is the session,
    7 the terminal, 22 the start in clock ticks since boot).
    """
    if fields := _stat(os.getpid()):
        session = _stat(int(fields[3]))
        start = "" if not session or session[0] in "ZX" else session[19]
        return f"{fields[4]}:{fields[3]}:{start}" if fields[4] != "0" else ""
    for stream in (2, 0, 1):
        try:
            return f"{os.ttyname(stream)}:{os.getsid(0)}"
        except (OSError, AttributeError):
            continue
    return ""


def _stat(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat from the third on, after the program's name, which may contain anything."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return []


@cache
def _token() -> str:
    return uuid4().hex[:16]


def _host() -> str:
    return os.uname().nodename.replace("|", "") if hasattr(os, "uname") else "windows"


def _database_file(connection: sqlite3.Connection) -> Path | None:
    """Return the file of the main database, None for one in memory."""
    query = "SELECT CAST(file AS BLOB) FROM pragma_database_list WHERE name = 'main'"  # a path may be any bytes
    name: bytes = connection.execute(query).fetchone()[0]
    return Path(os.fsdecode(name)) if name else None


def _lock_file(database: Path, token: str) -> Path:
    return database.with_name(f"{database.name}.{token}{_SUFFIX}")


def _create(file: Path) -> int:
    """Create a locked file; it gets its name when it is locked, so that no other process takes it for a free one."""
    if fcntl is None:  # Windows renames no open file, and an open file is lock enough there
        return os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    fresh = file.with_suffix(".new")
    handle = os.open(fresh, os.O_RDWR | os.O_CREAT, 0o600)
    with suppress(OSError):  # a file system without locks: `_is_locked` fails there, too
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    fresh.replace(file)
    return handle


def _is_locked(file: Path) -> bool | None:
    """Return True if a process holds the lock, None if the lock cannot be read."""
    if fcntl is None:
        return _is_open(file) if os.name == "nt" else None
    try:
        handle = os.open(file, os.O_RDWR)
    except FileNotFoundError:
        return False
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return None
    finally:
        os.close(handle)
    return False


def _is_open(file: Path) -> bool | None:
    """Return True if a process of Windows has the file open, and so keeps it from being deleted."""
    try:
        file.unlink(missing_ok=True)
    except PermissionError:
        return True
    except OSError:
        return None
    return False


def _sweep(own: Path) -> None:
    """Delete the lock files of the database whose processes have ended without deleting them."""
    database = own.name.removesuffix(_SUFFIX).rpartition(".")[0]
    with suppress(OSError):
        for file in own.parent.iterdir():
            ours = file.name.startswith(f"{database}.") and file.suffix == _SUFFIX and file != own
            if ours and _is_locked(file) is False:
                file.unlink(missing_ok=True)


def _old_version_runs(name: str, age: float) -> bool:
    """Return True if the process of version 0.1.0 with this name may still run."""
    host, _, rest = name.partition("|")
    if host != _host():
        return age < _UNKNOWN
    pid = whole_number(rest.partition("|")[2].partition("|")[0])
    return pid is not None and age < _OLD_VERSION and _pid_exists(pid)


def _pid_exists(pid: int) -> bool:
    """Return True if another process of this user has the process id."""
    if os.name != "posix" or pid in (0, os.getpid()):
        return False
    try:
        os.kill(pid, 0)  # sends nothing
    except (OSError, OverflowError):
        return False
    return True
