"""Placeholders of absent protected paths, made before a sandboxed program runs and removed afterwards.

A mount needs something to lie on. A placeholder is known by its modification time, so one that a killed termchat left
behind is removed by the next run. Runs in the same directory share a lock: the last one removes, because Linux detaches
a mount when its file is removed from outside.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from termchat.tools.process.mounts import Mounts


class PlacedFiles:
    """The placeholders of one run; all methods block and belong on a thread."""

    def __init__(self, mounts: Mounts) -> None:
        self._mounts = mounts
        self._locks: dict[Path, int] = {}

    def place(self) -> Mounts:
        """Make the placeholders. Return the mounts without the places where no file can be made, by no program."""
        places = dict(self._mounts.places)
        for placeholder in self._mounts.placeholders:
            self._lock(placeholder.path.parent)
            try:
                placeholder.make()
            except FileExistsError:
                pass  # that of another run, or made since by the user
            except OSError:
                places.pop(placeholder.path, None)
        return replace(self._mounts, places=places)

    def remove(self) -> list[str]:
        """Remove the placeholders that no other run needs, and undo changed links. Return sentences about the links."""
        alone = {folder for folder, lock in self._locks.items() if _lock_alone(lock)}
        for placeholder in self._mounts.placeholders:
            if placeholder.path.parent in alone:
                placeholder.remove()
        for lock in self._locks.values():
            os.close(lock)
        self._locks.clear()
        return list(_restore(self._mounts.links))

    def _lock(self, folder: Path) -> None:
        if folder in self._locks:
            return
        with suppress(OSError):
            lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            self._locks[folder] = lock
            fcntl.flock(lock, fcntl.LOCK_SH)


def _lock_alone(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True


def _restore(links: Iterable[tuple[Path, str]]) -> Iterable[str]:
    for path, target in links:
        with suppress(OSError):
            if path.is_symlink() and os.readlink(path) == target:
                continue
            note = f"the protected link {path} was restored"
            if os.path.lexists(path):
                aside = path.with_name(f"{path.name}.replaced-{secrets.token_hex(3)}")
                path.rename(aside)
                note += f"; what replaced it is {aside.name}"
            path.symlink_to(target)
            yield note
