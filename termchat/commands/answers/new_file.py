"""Replace a file only by a complete one: write beside it, then rename."""

import errno
import os
import stat
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self

from termchat.config.paths import user_path
from termchat.system.open_for_writing import open_for_writing


class NewFile:
    """A context in which text for a file is written; without `keep`, the file is as before.

    A new file has mode 0600, like the database, or `mode` less the umask; an existing one keeps its mode. A device, a
    pipe or a socket is written directly. Every method raises OSError.
    """

    def __init__(self, path: Path, mode: int | None = None) -> None:
        try:
            found = path.stat().st_mode
        except FileNotFoundError:
            found = stat.S_IFREG | (0o600 if mode is None else mode & ~_umask())
        self._path = path
        self._beside: Path | None = None
        if stat.S_ISREG(found):
            self._path = path.resolve()
            fd, name = tempfile.mkstemp(prefix=".termchat-", dir=self._path.parent)
            self._beside = Path(name)
            if hasattr(os, "fchmod"):
                os.fchmod(fd, stat.S_IMODE(found))
        else:
            fd = open_for_writing(path)
        self._file = os.fdopen(fd, "w", encoding="utf-8", errors="replace", newline="")

    def __enter__(self) -> Self:
        return self

    def write(self, text: str) -> None:
        """Write a piece of the text."""
        self._file.write(text)

    def keep(self, *, overwrite: bool = True) -> None:
        """Put the written text in the place of the file; unless `overwrite`, raise FileExistsError if there is one."""
        self._file.flush()
        if self._beside:
            os.fsync(self._file.fileno())
            self._file.close()
            if overwrite or not _linked(self._beside, self._path):
                self._beside.replace(self._path)
                self._beside = None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            self._file.close()
        finally:
            if self._beside:
                self._beside.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _linked(file: Path, path: Path) -> bool:
    """Give a file another name, which no file may have; return False where files have one name only."""
    try:
        os.link(file, path)
    except FileExistsError:
        raise
    except OSError:
        if path.exists():
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST)) from None
        return False
    return True


def save_text(name: str, text: str, *, overwrite: bool) -> None:
    """Write a text to a file, whole or not at all; `~` is the home directory.

    Raises FileExistsError unless it may be overwritten, OSError, RuntimeError for links in a circle, and ValueError
    for a name with a NUL.
    """
    file = user_path(name)
    if file.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not overwrite and file.exists():
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
    with NewFile(file) as new:
        new.write(text)
        new.keep(overwrite=overwrite)
