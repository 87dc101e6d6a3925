"""Locks among the threads of all processes, by `flock`: the kernel releases them when their process ends.

The holder of a lock may remove its file. A process that has opened the file before then locks one without a name, which
keeps nobody out; so a lock counts only if the locked file is still the one that the path names.
"""

from __future__ import annotations

import os
import time
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

_POLL_SECONDS = 0.005
_ASYNC_POLL_SECONDS = 0.05  # the event loop has more to do, and the holder waits for a server


@contextmanager
def exclusive_lock(path: Path, seconds: float, *, required: bool = False) -> Generator[bool]:
    """Hold a lock during the block; yield False if the block runs without it.

    path       a directory, or a file, which is made if it is absent
    seconds    to wait for another holder; then the block runs without the lock
    required   raise OSError if the path cannot be opened or its file system has no locks; else the block runs without
               the lock. Windows has none.
    """
    lock, end = _Lock(path, required=required), time.monotonic() + seconds
    try:
        while lock.is_taken() and time.monotonic() < end:
            time.sleep(_POLL_SECONDS)
        yield lock.held
    finally:
        lock.release()


@asynccontextmanager
async def exclusive_lock_async(path: Path, seconds: float) -> AsyncGenerator[bool]:
    """Hold a lock as `exclusive_lock` does, without blocking the event loop while it waits."""
    import asyncio  # slow to import, and most users of this module do not need it

    lock, end = _Lock(path), time.monotonic() + seconds
    try:
        while lock.is_taken() and time.monotonic() < end:  # noqa: ASYNC110 - no event tells it
            await asyncio.sleep(_ASYNC_POLL_SECONDS)
        yield lock.held
    finally:
        lock.release()


class _Lock:
    """The lock of a path.

    required   raise OSError where nothing can be locked, instead of going on without the lock
    """

    def __init__(self, path: Path, *, required: bool = False) -> None:
        self._path = path
        self._required = required
        self._handle: int | None = None

    @property
    def held(self) -> bool:
        """True from the moment the lock is taken until `release`."""
        return self._handle is not None

    def is_taken(self) -> bool:
        """Try to take the lock; return True if another holds it. Raises OSError if a lock is required."""
        if fcntl is None:
            return False
        try:
            flags = os.O_RDONLY if self._path.is_dir() else os.O_RDWR | os.O_CREAT  # NFS locks what it may write
            self._handle = os.open(self._path, flags, 0o600)
            fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.release()
            return True
        except OSError:
            self.release()
            if self._required:
                raise
            return False
        if not _is_at(self._path, self._handle):
            self.release()
            return True
        return False

    def release(self) -> None:
        """Release the lock if it is held."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def _is_at(path: Path, handle: int) -> bool:
    """Return True if a path still names the file that was opened there."""
    try:
        return os.path.samestat(os.fstat(handle), path.stat())
    except OSError:
        return False
