"""Open directories: names in them are opened without following symlinks.

A path is opened component by component, so that a symlink created after the check leads nowhere.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Self

_BY_FD = os.open in os.supports_dir_fd  # not on Windows
_CLOSED = getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
# O_NONBLOCK: opening a pipe must not wait for a writer.
READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | _CLOSED
CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _CLOSED
# O_PATH opens a directory that one may pass through but not list.
_PASS = getattr(os, "O_PATH", os.O_RDONLY) | getattr(os, "O_DIRECTORY", 0) | _CLOSED


class EntryKind(Enum):
    """The kind of a directory entry; OTHER is a pipe, socket or device."""

    FILE = "file"
    FOLDER = "folder"
    LINK = "link"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class FolderEntry:
    """A directory entry, not followed; `size` in bytes."""

    name: str
    kind: EntryKind
    size: int


class Folder:
    """An open directory."""

    def __init__(self, path: Path, fd: int | None) -> None:
        self.path = path
        self._fd = fd

    @classmethod
    def open_root(cls, path: Path) -> Folder:
        """Open a resolved directory, the start of all paths below it. Raises OSError."""
        flags = _PASS & ~getattr(os, "O_NOFOLLOW", 0)
        return cls(path, os.open(path, flags) if _BY_FD else None)

    def close(self) -> None:
        """Close the directory."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _name(self, name: str) -> str:
        return name if self._fd is not None else str(self.path / name)

    def open(self, name: str, flags: int = READ, mode: int = 0o666) -> int:
        """Open a file of the directory, "." for itself. Raises OSError, also for a symlink."""
        return os.open(self._name(name), flags, mode, dir_fd=self._fd)

    def enter(self, name: str, *, create: bool = False) -> Folder:
        """Open a directory in this one; `create` makes it if it is missing. Raises OSError, also for a symlink."""
        if create:
            with suppress(FileExistsError):
                os.mkdir(self._name(name), dir_fd=self._fd)
        inner = self.path / name
        return Folder(inner, os.open(name, _PASS, dir_fd=self._fd) if self._fd is not None else None)

    def stat(self, name: str) -> os.stat_result:
        """Return the status of an entry, not followed. Raises OSError."""
        return os.stat(self._name(name), dir_fd=self._fd, follow_symlinks=False)

    def read_link(self, name: str) -> str:
        """Return the target of a symlink. Raises OSError."""
        return os.readlink(self._name(name), dir_fd=self._fd)

    def link_new(self, old: str, new: str) -> None:
        """Give a file the name `new` as well. Raises FileExistsError if the name is taken, and OSError."""
        os.link(self._name(old), self._name(new), src_dir_fd=self._fd, dst_dir_fd=self._fd)

    def replace(self, old: str, new: str) -> None:
        """Rename a file, over an existing one. Raises OSError."""
        os.replace(self._name(old), self._name(new), src_dir_fd=self._fd, dst_dir_fd=self._fd)

    def remove(self, name: str) -> None:
        """Remove a file. Raises OSError."""
        os.unlink(self._name(name), dir_fd=self._fd)

    def sync(self) -> None:
        """Write the directory's own changes to the disk, where the system can."""
        if self._fd is None:
            return
        with suppress(OSError):  # some file systems sync no directories
            listed = os.open(".", READ, dir_fd=self._fd)
            try:
                os.fsync(listed)
            finally:
                os.close(listed)

    def entries(self, most: int) -> list[FolderEntry]:
        """Return up to `most` entries, sorted by name. Raises OSError."""
        listed = os.open(".", READ, dir_fd=self._fd) if self._fd is not None else None
        try:
            found: list[FolderEntry] = []
            with os.scandir(self.path if listed is None else listed) as scan:
                for each in scan:
                    found.append(_entry(each))
                    if len(found) >= most:
                        break
        finally:
            if listed is not None:
                os.close(listed)
        return sorted(found, key=lambda entry: entry.name)


def _entry(found: os.DirEntry[str]) -> FolderEntry:
    try:
        about = found.stat(follow_symlinks=False)
    except OSError:  # removed meanwhile
        return FolderEntry(found.name, EntryKind.OTHER, 0)
    return FolderEntry(found.name, _kind(about.st_mode), about.st_size)


def _kind(mode: int) -> EntryKind:
    if stat.S_ISREG(mode):
        return EntryKind.FILE
    if stat.S_ISDIR(mode):
        return EntryKind.FOLDER
    return EntryKind.LINK if stat.S_ISLNK(mode) else EntryKind.OTHER


@contextmanager
def open_folder(root: Path, inside: Path, *, create: bool = False) -> Generator[Folder]:
    """Open the directory `inside` of a resolved root component by component. Raises OSError, also for a symlink.

    create   make the missing directories
    """
    folder = Folder.open_root(root)
    try:
        for part in inside.parts:
            inner = folder.enter(part, create=create)
            folder.close()
            folder = inner
        yield folder
    finally:
        folder.close()


def open_inside(root: Path, inside: Path, flags: int = READ) -> int:
    """Open the file `inside` of a resolved root component by component. Raises OSError, also for a symlink."""
    with open_folder(root, inside.parent) as folder:
        return folder.open(inside.name or ".", flags)
