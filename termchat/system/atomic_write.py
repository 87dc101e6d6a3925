"""Replace a file as a whole: a crash, a full disk or another process that writes it never leaves a part of a text."""

from __future__ import annotations

import os
from pathlib import Path


def replace_text(file: Path, text: str, *, mode: int = 0o600, durable: bool = False) -> None:
    """Write a text, as it is, to a file beside `file`, which takes its place. Raises OSError.

    file      its directory exists; a symbolic link is replaced, not followed
    mode      the permissions of the new file
    durable   have it on disk before it takes the place, so that not even a crash of the machine leaves an empty file
    """
    import tempfile  # slow to import, and no start writes

    handle, name = tempfile.mkstemp(dir=file.parent, prefix=".termchat-")  # with mode 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as new:
            new.write(text)
            if durable:
                new.flush()
                os.fsync(new.fileno())
        if mode != 0o600:
            Path(name).chmod(mode)
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
