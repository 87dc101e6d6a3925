"""Read files that may be endless, devices or pipes: bounded in size, and without waiting for a writer for ever."""

from __future__ import annotations

import errno
import os
import select
import stat
from pathlib import Path

WRITER_SECONDS = 10.0  # to wait for the writer of a named pipe
_PIECE = 1 << 16  # bytes
_OPEN_PIPES = ("/dev/fd/", "/proc/self/fd/", "/dev/stdin")  # their writer, if any, is there already


def read_bounded(
    path: Path, limit: int, *, patient: bool = False, silence: float | None = None, regular: bool = False
) -> bytes:
    """Read a whole file of at most `limit` bytes; only a regular one with `regular`, so that it never waits.

    A terminal that is no standard stream is refused: its reader would take the keys that are typed for the program.

    A named pipe must get a writer, and the writer its first byte ready, within WRITER_SECONDS; with `patient`, the
    writer may take any time. `silence` is the longest silence of a pipe in seconds instead of both. Raises OSError, for
    a larger file with EFBIG, for a silent pipe with ETIMEDOUT.
    """
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    fd = os.open(path, flags)
    try:
        mode = os.fstat(fd).st_mode
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if regular and not stat.S_ISREG(mode):
            raise OSError(errno.EINVAL, "it is not a regular file")
        opened = str(path).startswith(_OPEN_PIPES)
        if os.isatty(fd) and not opened:
            raise OSError(errno.EINVAL, "it is a terminal")
        read_on = stat.S_ISREG(mode) or os.name != "posix" or opened
        first = None if read_on or not stat.S_ISFIFO(mode) else silence or WRITER_SECONDS
        return _read(fd, limit, first, silence or (None if patient else WRITER_SECONDS))
    finally:
        os.close(fd)


def _read(fd: int, limit: int, first: float | None, later: float | None) -> bytes:
    """Read to the end. A pipe may be silent for `first` seconds (None: do not wait for a writer), then for `later`."""
    data = bytearray()
    if first is not None:
        _wait(fd, first)
    while len(data) <= limit:
        try:
            piece = os.read(fd, min(_PIECE, limit + 1 - len(data)))
        except BlockingIOError:
            _wait(fd, later)
            continue
        if not piece:
            return bytes(data)
        data += piece
    size = f"{limit >> 20} MB" if limit >= 1 << 20 else f"{limit >> 10} KB"
    raise OSError(errno.EFBIG, f"it is larger than {size}")


def _wait(fd: int, seconds: float | None) -> None:
    if not select.select([fd], [], [], seconds)[0]:
        raise TimeoutError(errno.ETIMEDOUT, f"nothing was written to it for {seconds:g} s")


def is_open_to_others(file: Path) -> bool:
    """Return True if others may read the file, or the one that a link leads to."""
    try:
        return os.name == "posix" and bool(file.stat().st_mode & 0o077)
    except OSError:
        return False
