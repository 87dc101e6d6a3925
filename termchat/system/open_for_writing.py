"""Open a device or a named pipe for writing, without waiting for a reader for ever."""

from __future__ import annotations

import errno
import os
import stat
import time
from pathlib import Path

READER_SECONDS = 10.0  # to wait for the reader of a named pipe
_PAUSE = 0.02  # seconds between two tries


def open_for_writing(path: Path) -> int:
    """Return the file descriptor of an existing file.

    A named pipe must get a reader within READER_SECONDS. Raises OSError, with ETIMEDOUT for a pipe without a reader.
    """
    flags = os.O_WRONLY | getattr(os, "O_CLOEXEC", 0)
    if os.name != "posix" or not stat.S_ISFIFO(path.stat().st_mode):
        return os.open(path, flags)
    end = time.monotonic() + READER_SECONDS
    while True:
        try:
            fd = os.open(path, flags | os.O_NONBLOCK)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            if time.monotonic() >= end:
                raise TimeoutError(errno.ETIMEDOUT, f"nothing has read from it for {READER_SECONDS:g} s") from None
            time.sleep(_PAUSE)
        else:
            os.set_blocking(fd, True)
            return fd
