"""The reply's exact text, as it comes and unchanged: what a pipe, a file and a script get."""

from __future__ import annotations

import asyncio
import os
import select

from termchat.core.events import Event, StepStarted, Streamed, TextDelta

_PIECE = 4096  # POSIX: a pipe that is ready takes this much at once


class TextFormat:
    """Writes the text of the reply to a file descriptor; nothing else, not even a last line end.

    A turn of several steps is several texts: a line end is put between two of them where the first has none.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._held: str = ""  # half of a character: a high surrogate whose other half is in the next delta
        self._last: str = "\n"
        self._between = False

    async def show(self, event: Event) -> None:
        match event:
            case StepStarted():
                self._between = event.step > 1
            case Streamed(delta=TextDelta(text=text)) if text:
                if self._between and self._last != "\n":
                    text = "\n" + text
                self._between = False
                await self._write(text)
            case _:
                pass

    async def close(self) -> None:
        held, self._held = self._held, ""
        if held:
            await _write(self._fd, "\ufffd".encode())

    async def _write(self, text: str) -> None:
        text = self._held + text
        self._held = text[-1] if "\ud800" <= text[-1] <= "\udbff" else ""
        text = text[: len(text) - len(self._held)]
        if text:
            self._last = text[-1]
            await _write(self._fd, encoded(text))


def encoded(text: str) -> bytes:
    """UTF-8; a character that came in two halves is put together, half a character becomes U+FFFD."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


async def _write(fd: int, data: bytes) -> None:
    """Write all of it without ever blocking the loop: whoever reads a pipe may take their time."""
    view = memoryview(data)
    while view:
        if not select.select([], [fd], [], 0)[1]:
            await _writable(fd)
        view = view[os.write(fd, view[:_PIECE]) :]


async def _writable(fd: int) -> None:
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_writer(fd, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_writer(fd)
