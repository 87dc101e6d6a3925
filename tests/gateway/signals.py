"""Flags that an event loop and a plain thread can both wait for."""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress

PATIENCE = 30.0  # seconds; a longer wait in a test fails


class Signal:
    """A flag that coroutines of any loop and threads can wait for; set once."""

    def __init__(self) -> None:
        self._event = threading.Event()
        self._lock = threading.Lock()
        self._waiting: list[tuple[asyncio.AbstractEventLoop, asyncio.Future[None]]] = []

    def __bool__(self) -> bool:
        return self._event.is_set()

    def set(self) -> None:
        with self._lock:
            self._event.set()
            waiting, self._waiting = self._waiting, []
        for loop, future in waiting:
            with suppress(RuntimeError):  # the loop of a waiter is closed
                loop.call_soon_threadsafe(_resolve, future)

    async def wait(self, deadline: float | None = PATIENCE) -> None:
        """Return once set; raise TimeoutError after `deadline` seconds, None waits forever."""
        loop = asyncio.get_running_loop()
        with self._lock:
            if self._event.is_set():
                return
            future: asyncio.Future[None] = loop.create_future()
            self._waiting.append((loop, future))
        async with asyncio.timeout(deadline):
            await future

    def wait_blocking(self, deadline: float = PATIENCE) -> None:
        """Wait like `wait`, on a thread."""
        if not self._event.wait(deadline):
            raise TimeoutError(f"not within {deadline} s")


def _resolve(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


class Gate:
    """A step at which the server waits until the test opens it.

    Between `await gate.reached.wait()` and `gate.open()` exactly the steps before the gate have been sent.
    """

    def __init__(self) -> None:
        self.reached = Signal()
        self.opened = Signal()

    def open(self) -> None:
        self.opened.set()

    async def pass_through(self) -> None:
        """Mark the gate as reached and wait until it opens."""
        self.reached.set()
        await self.opened.wait(deadline=None)
