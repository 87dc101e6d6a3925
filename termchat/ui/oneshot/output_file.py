"""`-o FILE`: a file that is replaced by a complete reply only, or a device or pipe that gets the reply as it comes."""

from __future__ import annotations

import errno
import os
import stat
import sys
from pathlib import Path
from typing import BinaryIO

from termchat.config.paths import user_path
from termchat.core.errors import Failure, FailureKind, error_reason
from termchat.core.outcomes import ExitCode
from termchat.core.sanitize import EMPTY, Safe, safe_format, safe_line

STANDARD_OUTPUT = ("-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1")
_NEW = 0o666  # the mode of a new file, less the umask


class OutputFile:
    """The output of a run: `fd` takes its bytes, and `keep` puts them in their place at the end.

    The reply for a regular file waits in an unnamed temporary file: the file is as before until the run has ended
    well, also after a crash or on a full disk.
    """

    def __init__(self, path: Path | None) -> None:
        self._path: Path | None = None
        self._waiting: BinaryIO | None = None
        if path is None:
            self.fd = sys.stdout.fileno()
        elif _is_regular(path):
            import tempfile  # slow to import

            self._path = path
            self._waiting = tempfile.TemporaryFile()  # noqa: SIM115 - until the exit
            self.fd = self._waiting.fileno()
        else:
            from termchat.system.open_for_writing import open_for_writing

            self.fd = open_for_writing(path)

    def keep(self, code: ExitCode, *, whole: bool) -> Failure | Safe:
        """Write the file; return the failure, or a notice, EMPTY without one.

        An incomplete reply is written beside it, to FILE.partial. `whole`: the output is a document in itself, which
        tells how the run ended.
        """
        if self._path is None or self._waiting is None:
            return EMPTY
        from termchat.commands.answers.new_file import NewFile

        self._waiting.seek(0)
        data = self._waiting.read()
        complete = whole or code is ExitCode.COMPLETE
        if not data and not complete:
            return EMPTY
        path = self._path if complete else self._path.with_name(f"{self._path.name}.partial")
        try:
            with NewFile(path, _NEW) as new:
                new.write(data.decode("utf-8", "replace"))
                new.keep()
        except OSError as error:
            return unusable_output(str(path), error)
        if complete:
            return EMPTY
        old = safe_line(self._path.name)
        return safe_format("The reply so far is in {name}; {old} is as before.", name=safe_line(str(path)), old=old)


def open_output(name: str) -> OutputFile | Failure:
    """Open the output of a run before anything is sent; "" and `-` are standard output."""
    if name in ("", *STANDARD_OUTPUT):
        return OutputFile(None)
    try:
        path = user_path(name)
        _check(path)
        return OutputFile(path)
    except (OSError, RuntimeError, ValueError) as error:
        return unusable_output(name, error)


def unusable_output(name: str, error: Exception) -> Failure:
    """Return the failure of an output file."""
    words = safe_format("Cannot write {name}: {why}.", name=safe_line(name), why=error_reason(error))
    return Failure(FailureKind.BAD_CONFIG, words, safe_format("Choose another file for -o."))


def _check(path: Path) -> None:
    """Raise OSError for a file that cannot be written."""
    if path.is_dir():
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    folder = path.resolve().parent
    if not folder.is_dir():
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
    taken = path if path.exists() else folder
    if not os.access(taken, os.W_OK) or (_is_regular(path) and not os.access(folder, os.W_OK)):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def _is_regular(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except FileNotFoundError:
        return True
