"""Output to a file descriptor without blocking the event loop."""

from __future__ import annotations

import asyncio
import os
import select

_PIECE = 4096  # POSIX: a pipe that is ready takes this much at once


async def write(fd: int, data: bytes) -> None:
    """Write all data, waiting for a slow reader. Raises OSError."""
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
