"""Write a whole file: the new content is complete on the disk before it takes the name of the old one."""

from __future__ import annotations

import os
import secrets
import stat
from contextlib import suppress

from termchat.tools.files.folder import CREATE, Folder


class FileChangedError(Exception):
    """Another program has changed the file since it was read."""


def replace_file(folder: Folder, name: str, raw: bytes, old: os.stat_result | None) -> None:
    """Write a file of an open directory. Its permissions are kept.

    old   the status of the file that is replaced, None for a new one

    Raises OSError, and FileChangedError if the name has another file by now. Then nothing has changed.
    """
    draft = f".termchat-{secrets.token_hex(8)}.tmp"
    file = folder.open(draft, CREATE, 0o666 if old is None else 0o600)  # the umask holds for a new file
    try:
        with os.fdopen(file, "wb") as opened:
            opened.write(raw)
            opened.flush()
            if old is not None and hasattr(os, "fchmod"):
                os.fchmod(file, stat.S_IMODE(old.st_mode))
            os.fsync(file)
        if old is None:
            _take_new_name(folder, draft, name)
        else:
            _check_unchanged(folder, name, old)
            folder.replace(draft, name)
    except BaseException:
        with suppress(OSError):
            folder.remove(draft)
        raise
    folder.sync()


def _take_new_name(folder: Folder, draft: str, name: str) -> None:
    try:
        folder.link_new(draft, name)  # fails if the name is taken, unlike a rename
    except FileExistsError as error:
        raise FileChangedError from error
    except OSError:  # a file system without hard links
        with suppress(FileNotFoundError):
            folder.stat(name)
            raise FileChangedError from None
        folder.replace(draft, name)
        return
    folder.remove(draft)


def _check_unchanged(folder: Folder, name: str, old: os.stat_result) -> None:
    try:
        now = folder.stat(name)
    except FileNotFoundError as error:
        raise FileChangedError from error
    if (now.st_ino, now.st_size, now.st_mtime_ns) != (old.st_ino, old.st_size, old.st_mtime_ns):
        raise FileChangedError
