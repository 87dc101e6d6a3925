"""Lines from a terminal that edits them itself, one message at a time."""

from __future__ import annotations

import asyncio
import os
import select
from collections.abc import Callable

_CTRL_D = "\x04"


class LineReader:
    """Reads a file descriptor in the background. Lines that come at once, as of a paste, are one message.

    `intercept` gets each new message first, and returns True if it takes it.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._messages: asyncio.Queue[str | None] = asyncio.Queue()
        self._kept: list[str] = []
        self.intercept: Callable[[str], bool] | None = None

    def put(self, typed: str) -> None:
        """Add text typed before the reader started; Ctrl-D ends the input."""
        typed, end, _ = typed.partition(_CTRL_D)
        for text in typed.replace("\r", "\n").split("\n"):
            if text:
                self._messages.put_nowait(text)
        if end:
            self._messages.put_nowait(None)

    def open(self) -> None:
        asyncio.get_running_loop().add_reader(self._fd, self._read)

    def close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._fd)

    @property
    def waits(self) -> bool:
        """Return True if there is text typed ahead."""
        return not self._messages.empty()

    async def next(self) -> str | None:
        """Return the next message; None at the end of the input."""
        return await self._messages.get()

    def take_waiting(self) -> list[str]:
        """Remove and return the messages typed ahead."""
        taken: list[str] = []
        while not self._messages.empty():
            text = self._messages.get_nowait()
            if text is None:
                self._messages.put_nowait(None)
                return taken
            taken.append(text)
        return taken

    def _read(self) -> None:
        data, piece = b"", b"."
        while piece and select.select([self._fd], [], [], 0)[0]:
            try:
                piece = os.read(self._fd, 65536)
            except OSError:
                piece = b""
            data += piece
        text, end, _ = data.decode("utf-8", "replace").partition(_CTRL_D)  # typed before the terminal edited lines
        if text:
            self._take(text.replace("\r\n", "\n").removesuffix("\n"))
        if end or not piece:  # the end of the input, which may come right behind a line
            self.close()
            self._messages.put_nowait(None)

    def _take(self, text: str) -> None:
        """Join a line that ends with a backslash to the next one."""
        if text.endswith("\\") and not text.endswith("\\\\"):
            self._kept.append(text[:-1])
            return
        message = "\n".join((*self._kept, text))
        self._kept.clear()
        if not (self.intercept and self.intercept(message)):
            self._messages.put_nowait(message)
