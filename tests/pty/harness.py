"""Run a program in a pseudo-terminal and read its screen through a terminal emulator (pyte).

`Terminal` starts the program, sends keys and waits for a condition on the screen. Every wait has a deadline in seconds,
30 by default, and fails with the screen when it passes. Each frame is looked at, even if the next one had come before
the test got to read. The emulator keeps the scrollback, so a test can read every line the program has written.
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
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import pyte
from pyte.screens import Char

from tests.fork_server import ROOT, start_terminal_program

# A test passes in whatever pieces the output comes: TERMINAL_READ=48 shows those that look at half a frame.
READ_BYTES = int(os.environ.get("TERMINAL_READ", "65536"))
PROGRAM = (sys.executable, "-m", "tests.pty.program")
_END = b"\x1b[?2026l"
_FRAME_END = re.compile(rb"(?<=\x1b\[\?2026l)(?=.)", re.DOTALL)
_HALF = re.compile(rb"\x1b(?:\[[\d;:<=>?!$ ]*|\][^\x07\x1b]*\x1b?)?\Z")  # its end comes with the next bytes
_UNKNOWN = re.compile(rb"\x1b[<>=][\d;]*[a-zA-Z]|\x1b\[[<>=][\d;]*[a-zA-Z]|\x1b\[\d+;\d+\$y|\x1b\[\?\d+\$p|\x1b\[\d* q")


class Terminal:
    """A program under test, run as a context manager; on exit a program that still runs is killed.

    command        the program and its arguments; by default `tests.pty.program`, a front end over fake providers
    columns, rows  the size of the screen in cells
    env            variables beside PATH, HOME, TERM=xterm-256color and LANG=C.UTF-8; no others are inherited
    before         text in the terminal's input queue when the program starts
    answer         maps each piece of output to the bytes that the terminal sends back

    pid      the process id
    code     the exit code once `leaves` has returned, else None
    output   every byte the program has written
    initial  the terminal attributes (termios) before the start
    screen   the pyte screen
    """

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
        self._frames: deque[bytes] = deque()  # read, but not yet shown
        self._half = b""
        self.output = b""
        self.seen = False
        self._watched = ""
        self._answer = answer
        self._before = before
        self._command = command
        self._env = env or {}
        self.code: int | None = None
        self._size = (rows, columns)
        self._lines: list[str] = []  # of the screen, empty if it has changed since

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
            **self._env,
        }
        self.pid = start_terminal_program(self._command, slave, environment)
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
        """Change the size of the screen and send SIGWINCH."""
        while self.pump(0):  # what was written for the size before
            pass
        self._size = (rows, columns)
        self.screen.resize(rows, columns)
        self._lines = []
        self._resize_fd(self._master)
        os.kill(self.pid, signal.SIGWINCH)

    def send(self, keys: str | bytes) -> None:
        """Write keys to the terminal's input; read the output in between, so that a long text cannot block."""
        data = keys.encode() if isinstance(keys, str) else keys
        while data:
            _, writable, _ = select.select([], [self._master], [], 0.1)
            if writable:
                data = data[os.write(self._master, data[:2048]) :]
            self.pump(0)

    def pump(self, seconds: float) -> bool:
        """Wait up to `seconds` for output and show at most one frame of it; return True if there was any."""
        if not self._frames and not self._read(seconds):
            return False
        if self._frames:
            self._take(self._frames.popleft())
        return True

    def _read(self, seconds: float) -> bool:
        """Wait up to `seconds` for output and read at most READ_BYTES of it; return True if there was any."""
        readable, _, _ = select.select([self._master], [], [], seconds)
        if not readable:
            return False
        try:
            data = os.read(self._master, READ_BYTES)
        except OSError:
            return False
        data = self._half + data
        half = _HALF.search(data)
        self._half = half.group() if half else b""
        data = data[: len(data) - len(self._half)]
        self._frames.extend(_FRAME_END.split(data) if data else ())
        return True

    def watch(self, text: str) -> None:
        """Reset `seen`; set it to True as soon as a frame of the output shows the text."""
        self._watched, self.seen = text, False

    def _take(self, data: bytes) -> None:
        self.output += data
        if self._answer and (reply := self._answer(data)):
            os.write(self._master, reply)
        self._stream.feed(_UNKNOWN.sub(b"", data))
        self._lines = []
        self.seen = self.seen or (bool(self._watched) and self._watched in self.text)

    def until(self, condition: Callable[[], bool], seconds: float = 30.0) -> None:
        """Wait up to `seconds` for a condition. Fail with the screen if time runs out or the program ends first."""
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

    def shows(self, text: str, seconds: float = 30.0) -> None:
        """Wait up to `seconds` until the screen shows a text; rows are joined by a newline, without trailing blanks."""
        self.until(lambda: text in self.text, seconds)

    def prints(self, text: str, seconds: float = 30.0) -> None:
        """Wait up to `seconds` until a text stands on the screen or above it: more rows may have come at once."""
        self.until(lambda: text in "\n".join(self.transcript), seconds)

    def settled(self, quiet: float = 0.15) -> None:
        """Wait until the program has written nothing for `quiet` seconds and none of its threads has work to do.

        On a busy machine a program is silent, too, while it waits for a processor. There is no deadline.
        """
        while self.pump(quiet) or self._working():
            pass

    def _working(self) -> bool:
        """Return True if a thread of the program runs, or waits for a processor or a disk (on Linux)."""
        stats = Path(f"/proc/{self.pid}/task").glob("*/stat")
        try:
            return any(stat.read_text().rpartition(")")[2].split()[0] in "RD" for stat in stats)
        except (FileNotFoundError, ProcessLookupError):  # a thread has just ended
            return True

    def leaves(self, seconds: float = 30.0) -> int:
        """Wait up to `seconds` for the program to end; return its exit code (-N after signal N)."""
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

    def quits(self, seconds: float = 30.0) -> int:
        """Wait until the chat is idle with an empty input, press Ctrl-D and return the exit code as `leaves` does."""
        self.shows("Ask anything", seconds)  # while a reply runs the hint is another, and Ctrl-D does nothing
        self.send("\x04")
        return self.leaves(seconds)

    def frames_until(self, shown: Callable[[], bool], seconds: float = 30.0) -> int:
        """Read frames until `shown` is true, at most `seconds`; return their number, the last one included."""
        while self.pump(0):
            pass
        end, frames = time.monotonic() + seconds, 0
        while not shown():
            assert time.monotonic() < end, f"not in time; the screen is:\n{self.text}"
            before = len(self.output)
            self.pump(0.05)
            frames += self.output.endswith(_END, before)
        return frames + (not self.output.endswith(_END))  # half a frame may show it

    @property
    def lines(self) -> list[str]:
        """The rows of the screen, without trailing blanks."""
        if not self._lines:
            self._lines = [self._row(self.screen.buffer[y]) for y in range(self.screen.lines)]
        return self._lines.copy()

    @property
    def text(self) -> str:
        """The rows of the screen, joined by newlines."""
        return "\n".join(self.lines)

    @property
    def transcript(self) -> list[str]:
        """The rows of the scrollback and of the screen, without trailing blanks."""
        return [*map(self._row, self.screen.history.top), *self.lines]

    def _row(self, cells: Mapping[int, Char]) -> str:
        return "".join([cells[x].data for x in range(self.screen.columns)]).rstrip()

    def tty(self) -> list[object]:
        """Return the current terminal attributes (termios), to compare with `initial`."""
        return termios.tcgetattr(self._slave)
