"""Replace a file only by a complete one: write beside it, then rename."""

import os
import stat
import tempfile
from pathlib import Path
from types import TracebackType
from typing import Self


class NewFile:
    """A context in which text for a file is written; without `keep`, the file is as before.

    A new file has mode 0600, like the database; an existing one keeps its mode. A device, a pipe or a socket is
    written directly. Every method raises OSError.
    """

    def __init__(self, path: Path) -> None:
        try:
            found = path.stat().st_mode
        except FileNotFoundError:
            found = stat.S_IFREG | 0o600
        self._path = path
        self._beside: Path | None = None
        if stat.S_ISREG(found):
            self._path = path.resolve()
            fd, name = tempfile.mkstemp(prefix=f".{self._path.name[:100]}.", dir=self._path.parent)
            self._beside = Path(name)
            if hasattr(os, "fchmod"):
                os.fchmod(fd, stat.S_IMODE(found))
        else:
            fd = os.open(path, os.O_WRONLY)
        self._file = os.fdopen(fd, "w", encoding="utf-8", errors="replace", newline="")

    def __enter__(self) -> Self:
        return self

    def write(self, text: str) -> None:
        """Write a piece of the text."""
        self._file.write(text)

    def keep(self) -> None:
        """Put the written text in the place of the file."""
        self._file.flush()
        if self._beside:
            os.fsync(self._file.fileno())
            self._file.close()
            self._beside.replace(self._path)
            self._beside = None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        try:
            self._file.close()
        finally:
            if self._beside:
                self._beside.unlink(missing_ok=True)
