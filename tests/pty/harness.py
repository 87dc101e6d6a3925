"""A real program in a real pty, with a terminal emulator on the other side.

`Terminal` starts a program, feeds keys, and waits until a condition on the screen holds, with a deadline; it never
sleeps and hopes. The emulator keeps the scrollback, so that a test can read everything that was ever committed.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import pyte

ROOT = Path(__file__).parent.parent.parent
PROGRAM = (sys.executable, "-m", "tests.pty.program")
_FRAME_END = re.compile(rb"(?<=\x1b\[\?2026l)(?=.)", re.DOTALL)
_UNKNOWN = re.compile(rb"\x1b[<>=][\d;]*[a-zA-Z]|\x1b\[[<>=][\d;]*[a-zA-Z]|\x1b\[\d+;\d+\$y|\x1b\[\?\d+\$p|\x1b\[\d* q")


class Terminal:
    """A program under test. Use it as a context manager; what it leaves running is killed."""

    def __init__(
        self,
        command: Sequence[str] = PROGRAM,
        *,
        columns: int = 80,
        rows: int = 24,
        env: Mapping[str, str] | None = None,
        before: str = "",
        answer: Callable[[bytes], bytes] | None = None,
    ) -> None:
        self.screen = pyte.HistoryScreen(columns, rows, history=100_000, ratio=0.001)
        self._stream = pyte.ByteStream(self.screen)
        self.output = b""
        self.seen = False
        self._watched = ""
        self._answer = answer
        self._before = before
        self._command = command
        self._env = env or {}
        self.code: int | None = None
        self._size = (rows, columns)

    def __enter__(self) -> Self:
        master, slave = pty.openpty()
        self._resize_fd(master)
        self.initial = termios.tcgetattr(slave)
        if self._before:
            os.write(master, self._before.encode())
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", "/"),
            "TERM": "xterm-256color",
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",
            **self._env,
        }
        self.pid = os.fork()
        if self.pid == 0:
            os.setsid()
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
            for fd in (0, 1, 2):
                os.dup2(slave, fd)
            os.closerange(3, 100)
            os.chdir(ROOT)
            os.execvpe(self._command[0], list(self._command), environment)
        self._master, self._slave = master, slave
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.code is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self._master)
        os.close(self._slave)

    def _resize_fd(self, fd: int) -> None:
        fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", *self._size, 0, 0))

    def resize(self, rows: int, columns: int) -> None:
        self._size = (rows, columns)
        self.screen.resize(rows, columns)
        self._resize_fd(self._master)
        os.kill(self.pid, signal.SIGWINCH)

    def send(self, keys: str | bytes) -> None:
        """Type in one write; the output is read while a long text is written."""
        data = keys.encode() if isinstance(keys, str) else keys
        while data:
            _, writable, _ = select.select([], [self._master], [], 0.1)
            if writable:
                data = data[os.write(self._master, data[:2048]) :]
            self.pump(0)

    def pump(self, seconds: float) -> bool:
        """Read the output of the next `seconds`; return True if there was any."""
        readable, _, _ = select.select([self._master], [], [], seconds)
        if not readable:
            return False
        try:
            data = os.read(self._master, 65536)
        except OSError:
            return False
        self._take(data)
        return True

    def watch(self, text: str) -> None:
        """Set `seen` once the screen has shown a text, for however short a time."""
        self._watched, self.seen = text, False

    def _take(self, data: bytes) -> None:
        self.output += data
        if self._answer and (reply := self._answer(data)):
            os.write(self._master, reply)
        data = _UNKNOWN.sub(b"", data)
        for frame in _FRAME_END.split(data) if self._watched and not self.seen else [data]:
            self._stream.feed(frame)
            self.seen = self.seen or (bool(self._watched) and self._watched in self.text)

    def until(self, condition: Callable[[], bool], seconds: float = 10.0) -> None:
        """Wait for a condition; fail with the screen if it does not hold in time."""
        end = time.monotonic() + seconds
        while not condition():
            left = end - time.monotonic()
            assert left > 0, f"not in time; the screen is:\n{self.text}"
            if not self.pump(min(left, 0.05)):
                assert not self._gone() or condition(), f"it has ended; the screen is:\n{self.text}"

    def _gone(self) -> bool:
        """Return True if the program has ended and its output is read."""
        over = self.code is None and os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        return bool(over) and not self.pump(0)

    def shows(self, text: str, seconds: float = 10.0) -> None:
        """Wait until the screen shows a text."""
        self.until(lambda: text in self.text, seconds)

    def settled(self, quiet: float = 0.15) -> None:
        """Wait until nothing is written for `quiet` seconds."""
        while self.pump(quiet):
            pass

    def leaves(self, seconds: float = 10.0) -> int:
        """Wait for the program to end; return its exit code."""
        end = time.monotonic() + seconds
        while True:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.code = os.waitstatus_to_exitcode(status)
                while self.pump(0):
                    pass
                return self.code
            assert time.monotonic() < end, f"still running; the screen is:\n{self.text}"
            self.pump(0.02)

    def frames_until(self, shown: Callable[[], bool], seconds: float = 10.0) -> int:
        """Return the number of frames until one satisfies `shown`, that one included."""
        while self.pump(0):
            pass
        end, frames = time.monotonic() + seconds, 0
        while not shown():
            assert time.monotonic() < end, f"not in time; the screen is:\n{self.text}"
            if select.select([self._master], [], [], 0.05)[0]:
                for piece in _FRAME_END.split(os.read(self._master, 65536)):
                    frames += not shown()
                    self._take(piece)
        return frames

    @property
    def lines(self) -> list[str]:
        """The rows of the screen, without trailing blanks."""
        return [row.rstrip() for row in self.screen.display]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    @property
    def transcript(self) -> list[str]:
        """The scrollback and the screen."""
        past = ["".join(row[x].data for x in range(self.screen.columns)).rstrip() for row in self.screen.history.top]
        return [*past, *self.lines]

    def tty(self) -> list[object]:
        """Return the current settings of the terminal."""
        return termios.tcgetattr(self._slave)
