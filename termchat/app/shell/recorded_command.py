"""The last command of a shell and its exit code, as the shell integration of termchat has written them.

The integration keeps one file for each shell, in the user's runtime directory and readable by the user alone: a line
with the exit code, then the command. `TERMCHAT_SHELL` names it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping

from termchat.core.numbers import whole_number
from termchat.core.sanitize import Safe, safe
from termchat.late_dataclass import dataclass

VARIABLE = "TERMCHAT_SHELL"
_LARGEST = 64_000  # bytes


@dataclass(frozen=True, slots=True)
class RecordedCommand:
    """A command and its exit code."""

    command: Safe
    status: int


def recorded_command(env: Mapping[str, str]) -> RecordedCommand | None:
    """Return what the integration of this shell wrote last; None without one, or for a command it left out."""
    file = env.get(VARIABLE, "")
    if not file:
        return None
    try:
        text = _read_private(file).decode("utf-8", "replace")
    except OSError:
        return None
    status, _, command = text.partition("\n")
    code = whole_number(status)
    if code is None or not command.strip():
        return None
    return RecordedCommand(safe(command.strip()), code)


def _read_private(file: str) -> bytes:
    """Read a regular file that only this user can write. Raises OSError."""
    handle = os.open(file, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))
    try:
        found = os.fstat(handle)
        if not stat.S_ISREG(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o022:
            raise OSError(0, "not a private file")
        return os.read(handle, _LARGEST)
    finally:
        os.close(handle)
