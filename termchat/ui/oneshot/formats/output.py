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
        if not await _writable(fd):
            await asyncio.to_thread(_write_all, fd, view)
            return
        view = view[os.write(fd, view[:_PIECE]) :]


async def _writable(fd: int) -> bool:
    """Wait until the descriptor takes data; return False at once if that cannot be known, as on Windows."""
    try:
        if select.select([], [fd], [], 0)[1]:
            return True
    except OSError:  # Windows: not a socket
        return False
    loop = asyncio.get_running_loop()
    ready = asyncio.Event()
    loop.add_writer(fd, ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_writer(fd)
    return True


def _write_all(fd: int, view: memoryview) -> None:
    while view:
        view = view[os.write(fd, view[:_PIECE]) :]
