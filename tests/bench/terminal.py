"""A program in a pseudo-terminal of 80 x 24 cells, read without a terminal emulator, which would be slow."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import termios
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from resource import struct_rusage
from types import TracebackType
from typing import Self

PATIENCE = 60.0  # seconds; a program that shows nothing for so long is given up

_LOOK = 0.05  # seconds between two looks at the memory


class NotShownError(Exception):
    """The program has not written what was waited for."""


class Pty:
    """A running program, as a context manager; at the end it is killed.

    began   start of the process, on the monotonic clock
    read    (time, bytes) of each piece of output, if `keep` is true
    memory  peak in MB, as of the last look: `ru_maxrss` would count what the bench itself held when it forked
    """

    def __init__(self, command: Sequence[str], env: Mapping[str, str], *, keep: bool = False) -> None:
        self._command, self._env, self._keep = list(command), dict(env), keep
        self.read: list[tuple[float, bytes]] = []
        self.written = 0
        self.memory = 0.0
        self._looked = 0.0

    def __enter__(self) -> Self:
        self.began = time.monotonic()
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            try:
                fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
                os.execvpe(self._command[0], self._command, self._env)
            finally:
                os._exit(127)
        self._ended = False
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._ended:
            os.kill(self.pid, 9)
            os.waitpid(self.pid, 0)
        os.close(self.fd)

    def write(self, keys: bytes) -> None:
        os.write(self.fd, keys)

    def pump(self, seconds: float) -> bytes | None:
        """Wait up to `seconds` for output; return it, b"" if there was none, None once the program has closed."""
        if not select.select([self.fd], [], [], seconds)[0]:
            return b""
        try:
            data = os.read(self.fd, 65536)
        except OSError:
            return None
        self.written += len(data)
        if time.monotonic() > self._looked + _LOOK:
            self.look()
        if self._keep:
            self.read.append((time.monotonic(), data))
        return data or None

    def wait(self, wanted: bytes, seconds: float = PATIENCE) -> None:
        """Read until the program has written `wanted`; raise NotShownError if it does not."""
        seen, end = b"", time.monotonic() + seconds
        while wanted not in seen:
            data = self.pump(1)
            if data is None or time.monotonic() > end:
                raise NotShownError(f"{self._command[:3]} never wrote {wanted!r}; the last was {seen[-500:]!r}")
            seen = seen[-20_000:] + data

    def look(self) -> None:
        """Update `memory`."""
        self._looked = time.monotonic()
        with suppress(OSError):
            peak = Path(f"/proc/{self.pid}/status").read_text().partition("VmHWM:")[2].split()
            self.memory = int(peak[0]) / 1024 if peak else self.memory

    def rest(self, seconds: float) -> None:
        """Read output for some seconds."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if self.pump(left) is None:
                return

    def finish(self, seconds: float = PATIENCE) -> struct_rusage:
        """Read until the program ends by itself; return its use of resources. Raises NotShownError if it fails."""
        end = time.monotonic() + seconds
        while self.pump(1) is not None:
            if time.monotonic() > end:
                raise NotShownError(f"{self._command[:3]} does not end")
        _, status, used = os.wait4(self.pid, 0)
        self._ended = True
        if status:
            raise NotShownError(f"{self._command[:3]} failed with {os.waitstatus_to_exitcode(status)}")
        return used

    @property
    def raw(self) -> bool:
        """True once the program reads single keys: the terminal does not echo."""
        return not termios.tcgetattr(self.fd)[3] & termios.ECHO
