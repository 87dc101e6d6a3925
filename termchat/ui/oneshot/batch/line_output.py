"""Lines of results: each is written whole, to standard output or to a file that is replaced at once."""

from __future__ import annotations

import asyncio
import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path

from termchat.core.sanitize import escape_json
from termchat.system.open_for_writing import open_for_writing
from termchat.ui.oneshot.formats.output import write


class LineOutput:
    """Writes lines to a file descriptor, one at a time; a slow reader makes the next one wait. Raises OSError."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._lock = asyncio.Lock()
        self._regular = stat.S_ISREG(os.fstat(fd).st_mode)
        self._terminal = os.isatty(fd)

    async def write(self, line: bytes) -> None:
        """Write one line with its line end."""
        if self._terminal:
            line = escape_json(line.decode().removesuffix("\n")).encode() + b"\n"
        async with self._lock:
            if self._regular:  # in one call: a program that is killed leaves whole lines
                _write_whole(self._fd, line)
            else:
                await write(self._fd, line)

    async def publish(self) -> None:
        """Make the results of earlier runs visible; those of this run follow."""

    async def finish(self) -> None:
        """Check after the last line that the lines are where they should be. Raises OSError."""

    def close(self) -> None:
        """Close what this output has opened."""


class FileLines(LineOutput):
    """Writes lines to a file. Until `publish`, the lines are in a new file beside it; then that takes its place."""

    def __init__(self, path: Path) -> None:
        """Create the new file. Raises OSError."""
        with suppress(FileNotFoundError):
            path.stat()  # raises for links that lead to each other; `resolve` does not from Python 3.13 on
        self._path = path.resolve()
        replaced = not path.exists() or path.is_file()
        self._new = self._path.parent / f".termchat-{secrets.token_hex(8)}" if replaced else None
        flags = os.O_WRONLY | getattr(os, "O_CLOEXEC", 0) | os.O_CREAT | os.O_EXCL
        super().__init__(os.open(self._new, flags, 0o666) if self._new else open_for_writing(path))

    async def publish(self) -> None:
        if self._new:
            os.replace(self._new, self._path)
            self._new = None

    async def finish(self) -> None:
        if self._regular and not os.path.samestat(os.fstat(self._fd), self._path.stat()):
            raise OSError(0, "another program has replaced the file")

    def close(self) -> None:
        os.close(self._fd)
        if self._new:
            self._new.unlink(missing_ok=True)


class LineOrder:
    """Puts lines in the order of the input. At most `window` lines begin before the first one has ended.

    A place of the input counts from 1; a line of None is left out.
    """

    def __init__(self, output: LineOutput, window: int) -> None:
        self._output = output
        self._window = window
        self._next = 1
        self._held: dict[int, bytes | None] = {}
        self._moved = asyncio.Event()

    async def room(self, place: int) -> None:
        """Wait until the line of a place may begin."""
        while place - self._next >= self._window:
            self._moved.clear()
            await self._moved.wait()

    async def put(self, place: int, line: bytes | None) -> None:
        """Write a line as soon as all before it are written. Raises OSError."""
        self._held[place] = line
        while self._next in self._held:
            ready = self._held.pop(self._next)
            self._next += 1
            self._moved.set()
            if ready is not None:
                await self._output.write(ready)

    async def close(self) -> None:
        """Write the lines that wait for others, which do not come. Raises OSError."""
        for place in sorted(self._held):
            line = self._held.pop(place)
            if line is not None:
                await self._output.write(line)


def _write_whole(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
