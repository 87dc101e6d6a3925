"""Files of results that are too long for a model: it gets the beginning and the end, and reads the rest in parts."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path
from threading import Thread

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

OUTPUT_BYTES = 64_000  # of one result
_TAIL_BYTES = 8_000  # of them from its end
_PREFIX = "termchat-results-"
_PATIENCE = 1.0  # seconds to wait for the removal of others at the end
_STALE = 86_400.0  # seconds; a younger folder may belong to a process that has not locked it yet


class OutputFiles:
    """A private folder for long results, made when it is first needed.

    The process holds a lock on its folder, so that the folders of killed processes can be told, and removed.
    """

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._number = 0
        self._lock: int | None = None
        self._sweep: Thread | None = None

    def folder(self) -> Path | None:
        """Return the folder, which only this user can read; None if it cannot be made, for example on a full disk."""
        if self._folder is None:
            import tempfile  # slow to import, and most chats have no long result

            try:
                self._folder = Path(tempfile.mkdtemp(prefix=_PREFIX)).resolve()
            except OSError:
                return None
            self._lock = _locked(self._folder)
            self._sweep = Thread(target=_remove_stale, args=(self._folder,), daemon=True)
            self._sweep.start()
        return self._folder

    def holds(self, path: Path) -> bool:
        """Return True for a resolved path in the folder."""
        return self._folder is not None and path.is_relative_to(self._folder)

    def shorten(self, name: str, text: str) -> str:
        """Cut a text to OUTPUT_BYTES of UTF-8; the whole text is in a file that the cut names."""
        raw = text.encode("utf-8", "replace")
        if len(raw) <= OUTPUT_BYTES:
            return text
        head, tail = raw[: OUTPUT_BYTES - _TAIL_BYTES], raw[-_TAIL_BYTES:]
        whole = self._written(raw)
        cut = f"\n[cut: {len(raw) - OUTPUT_BYTES} of {len(raw)} bytes of {name}; {whole}]\n"
        return head.decode("utf-8", "ignore") + cut + tail.decode("utf-8", "ignore")

    def _written(self, raw: bytes) -> str:
        """Write the whole result to a file; return where it is, for the model."""
        folder = self.folder()
        if folder is None:
            return "the rest is lost: no temporary file can be made"
        self._number += 1
        file = folder / f"{self._number}.txt"
        try:
            file.write_bytes(raw)
        except OSError as error:
            return f"the rest is lost: {error.strerror}"
        return f"read_file reads the whole from {file}"

    def close(self) -> None:
        """Remove the folder."""
        if self._sweep:
            self._sweep.join(_PATIENCE)
        if self._folder:
            import shutil

            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _locked(folder: Path) -> int | None:
    """Lock a folder until its process ends; return its file descriptor, None if another process holds the lock."""
    if fcntl is None:
        return None
    handle = None
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        if handle is not None:
            os.close(handle)
        return None
    return handle


def _remove_stale(own: Path) -> None:
    """Remove the folders of this user beside `own` that no process has locked and nobody has written to for a day."""
    if fcntl is None:
        return
    import shutil

    for folder in own.parent.glob(f"{_PREFIX}*"):
        with suppress(OSError):
            found = folder.lstat()
            if folder == own or found.st_uid != os.getuid() or time.time() - found.st_mtime < _STALE:
                continue
            if (handle := _locked(folder)) is not None:
                shutil.rmtree(folder, ignore_errors=True)
                os.close(handle)
