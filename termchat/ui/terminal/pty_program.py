"""Run a program in a pseudo-terminal of its own and connect that to the real one, so that its output can be kept.

The program has a real terminal: it may be interactive, Ctrl-C stops only it, and it sees every change of the size.
"""

from __future__ import annotations

import asyncio
import errno
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import threading
import tty
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from time import monotonic

_POLL = 0.2  # seconds between two looks at the size of the terminal and at a program without output
_GRACE = 1.0  # seconds that a program has to end after its terminal is gone
_PIECE = 1 << 16
_RESET = (  # the scroll region between saving and restoring the cursor, which it moves
    b"\x1b[0m\x1b(B\x1b[?25h\x1b[?1l\x1b>\x1b7\x1b[r\x1b8"
    b"\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1004l\x1b[?1005l\x1b[?1006l\x1b[?1015l\x1b[?2004l"
)
_SCREENS = re.compile(rb"\x1b\[\?(1049|1047|47)([hl])")  # the alternate screen, on or off
_LONGEST = 8  # bytes of such a sequence


class PtyProgram:
    """A program between the file descriptors of a terminal. `output` gets every piece that it writes.

    Raises OSError if the program cannot be started.
    """

    def __init__(
        self, command: Sequence[str], env: Mapping[str, str], fds: tuple[int, int], output: Callable[[bytes], None]
    ) -> None:
        self._in, self._out = fds
        self._output = output
        self._master, slave = pty.openpty()
        self._wake = os.pipe()
        self._size = b""
        self._at_line_begin = True
        self._tail = b""  # the end of the output, which may begin a sequence
        self._alternate = b""  # the mode of the alternate screen that the program is on, b"" for the normal one
        self._hung_up = False
        try:
            with suppress(termios.error):
                termios.tcsetattr(slave, termios.TCSANOW, termios.tcgetattr(self._in))
            self._resize()
            self._process = subprocess.Popen(  # noqa: S603 - the user typed the command
                command,
                env=dict(env),
                stdin=slave,
                stdout=slave,
                stderr=slave,
                start_new_session=True,
                preexec_fn=_take_terminal,  # noqa: PLW1509 - one system call, before the program is loaded
            )
        except BaseException:
            self._close()
            os.close(self._wake[1])
            raise
        finally:
            os.close(slave)

    async def run(self) -> int:
        """Relay until the program ends; return its exit code, -N after signal N. A cancel hangs up on the program.

        Raises what `output` raises, and OSError if the terminal takes no more output; the program has ended then.
        """
        loop = asyncio.get_running_loop()
        done: asyncio.Future[int] = loop.create_future()

        def finish(end: int | Exception) -> None:
            if done.done():  # cancelled
                return
            if isinstance(end, Exception):
                done.set_exception(end)
            else:
                done.set_result(end)

        def work() -> None:
            try:
                end = self._relay()
            except Exception as error:  # `run` raises it
                end = error
            with suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(finish, end)

        threading.Thread(target=work, daemon=True, name="shell").start()
        try:
            return await done
        finally:
            os.close(self._wake[1])  # wakes the relay if it still runs

    def _relay(self) -> int:
        """Copy between both terminals until the program has ended and its output is read; return its exit code."""
        before = None
        try:
            with suppress(termios.error):
                before = termios.tcgetattr(self._in)
                tty.setraw(self._in, termios.TCSANOW)
            self._copy()
        finally:
            code = self._ended()
            with suppress(OSError, termios.error):
                leave = b"\x1b[?%bl" % self._alternate if self._alternate else b""
                _write(self._out, leave + (_RESET if self._at_line_begin else _RESET + b"\r\n"))
                if before:
                    termios.tcsetattr(self._in, termios.TCSADRAIN, before)
            self._close()
        return code

    def _copy(self) -> None:
        """Copy until the program is done; typed text waits while the program does not read."""
        typed, typing = b"", True
        os.set_blocking(self._master, False)
        while True:
            reads = [self._master, self._wake[0], *([self._in] if typing and not typed else [])]
            gone = self._process.poll() is not None  # asked before the output is: nothing follows what is read then
            writes = [self._master] if typed and not gone else []
            ready, writable, _ = select.select(reads, writes, [], 0 if gone else _POLL)
            self._resize()
            if self._wake[0] in ready:
                return
            if self._in in ready:
                typed = _read(self._in)
                typing = bool(typed)
            if writable:
                with suppress(OSError):
                    typed = typed[os.write(self._master, typed) :]
            if self._master in ready:
                data = _read(self._master)
                if not data:
                    self._hung_up = True
                    return
                self._at_line_begin = data.endswith((b"\n", b"\r"))
                self._watch(data)
                self._output(data)
                _write(self._out, data)
            elif gone:
                return  # a program in the background keeps the terminal open

    def _watch(self, data: bytes) -> None:
        """Note if the program is on the alternate screen."""
        for mode, switch in _SCREENS.findall(self._tail + data):
            self._alternate = mode if switch == b"h" else b""
        self._tail = (self._tail + data)[-_LONGEST + 1 :]

    def _resize(self) -> None:
        """Give the pseudo-terminal the size of the real one."""
        with suppress(OSError, ValueError):
            size = os.get_terminal_size(self._out)
            packed = struct.pack("HHHH", size.lines, size.columns, 0, 0)
            if packed != self._size:
                self._size = packed
                fcntl.ioctl(self._master, termios.TIOCSWINSZ, packed)

    def _ended(self) -> int:
        """Return the exit code; a program that still runs is hung up on, then killed."""
        if self._hung_up:  # it closed its terminal, as a rule because it ends
            with suppress(subprocess.TimeoutExpired):
                return self._process.wait(_GRACE)
        if self._process.poll() is None:
            for number in (signal.SIGHUP, signal.SIGKILL):
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(self._process.pid, number)
                with suppress(subprocess.TimeoutExpired):
                    return self._process.wait(_GRACE)
        return self._process.wait()

    def _close(self) -> None:
        for fd in (self._master, self._wake[0]):
            with suppress(OSError):
                os.close(fd)


def _take_terminal() -> None:
    """Make standard input the controlling terminal of the new session."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _read(fd: int) -> bytes:
    """Read what is there; b"" at the end, also of a pseudo-terminal that nobody has open any more."""
    try:
        return os.read(fd, _PIECE)
    except OSError as error:
        if error.errno == errno.EIO:
            return b""
        raise


def _write(fd: int, data: bytes) -> None:
    """Write all of the data, also to a terminal that does not block."""
    end = monotonic() + 60
    while data and monotonic() < end:
        try:
            data = data[os.write(fd, data) :]
        except BlockingIOError:
            select.select([], [fd], [], 1)
        except OSError as error:
            if error.errno == errno.EIO:
                return  # the other end is gone
            raise
