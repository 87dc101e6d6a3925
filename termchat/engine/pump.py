"""The pump: reads one reply in a task of its own, keeps the clocks, and can be stopped with one call.

The reader appends to a list and the consumer takes whole batches, so a burst costs next to nothing a delta and a
slow screen never slows the socket (within `_AHEAD`).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from termchat.core.errors import Failure, FailureKind, ProviderError
from termchat.core.events import CONTENT_DELTAS, Delta, Finished, ProviderNotice, Retrying
from termchat.core.models import Timeouts
from termchat.core.provider import Provider, Request, StreamMonitor
from termchat.core.sanitize import safe, safe_format
from termchat.engine.timeouts import StallDetector

_log = logging.getLogger("termchat")
_AHEAD = 20_000  # deltas the reader may be ahead of the consumer: bounds the memory, never felt

INTERNAL_ERROR = Failure(
    FailureKind.BUG,
    safe_format("termchat made a mistake of its own."),
    safe_format("Nothing is lost; --debug tells more."),
)


class Pump:
    """One reply being read. After `deltas` ended, `cancelled`, `failure` and `finished` tell how.

    `now` is the clock that tells a stall, in seconds.
    """

    def __init__(
        self,
        provider: Provider,
        request: Request,
        timeouts: Timeouts,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._provider = provider
        self._request = request
        self._timeouts = timeouts
        self._now = now
        self._wire = StreamMonitor()
        self._buffer: list[Delta] = []
        self._news = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._reader: asyncio.Task[None] | None = None
        self._events = 0
        self._began = False
        self._restart: float | None = None
        self.cancelled = False
        self.failure: Failure | None = None
        self.finished: Finished | None = None

    def cancel(self) -> None:
        """Stop reading now; what was read is still handed out."""
        if self._reader and not self._reader.done():
            self.cancelled = True
            self._reader.cancel()

    def hurry(self) -> None:
        """What waits to be sent again goes out now."""
        self._wire.skip_wait()

    async def deltas(self) -> AsyncGenerator[Delta, None]:
        """All deltas in order. The connection is closed when this ends, however it ends."""
        self._reader = asyncio.create_task(self._read())
        self._reader.add_done_callback(lambda _: self._news.set())
        watch = asyncio.create_task(self._watch(self._reader))
        try:
            while True:
                batch, self._buffer = self._buffer, []
                self._room.set()
                for delta in batch:
                    yield delta
                if batch:
                    continue
                if self._reader.done():
                    break
                self._news.clear()
                await self._news.wait()
        finally:
            watch.cancel()
            self._reader.cancel()
            await asyncio.gather(self._reader, watch, return_exceptions=True)

    async def _read(self) -> None:
        try:
            async with aclosing(self._provider.stream(self._request, self._wire)) as deltas:
                async for delta in deltas:
                    self._note(delta)
                    self._buffer.append(delta)
                    self._news.set()
                    if len(self._buffer) >= _AHEAD:
                        self._room.clear()
                        await self._room.wait()
        except ProviderError as error:
            self.failure = error.failure
        except Exception:  # a bug of ours: what came before it is kept all the same
            _log.exception("a reply ended with a bug")
            self.failure = INTERNAL_ERROR

    def _note(self, delta: Delta) -> None:
        self._events += 1
        match delta:
            case Finished():
                self.finished = delta
            case Retrying():
                self._restart = delta.delay
            case ProviderNotice(restarted=True):
                self._restart = 0.0
            case _:
                self._began = self._began or isinstance(delta, CONTENT_DELTAS)

    async def _watch(self, reader: asyncio.Task[None]) -> None:
        clocks = StallDetector(self._timeouts, self._now())
        while not self.finished:
            await asyncio.sleep(clocks.tick)
            restart, self._restart = self._restart, None
            if restart is not None:
                clocks.restart(restart)
            held = not self._room.is_set()
            late = clocks.check(self._now(), self._wire.bytes_received, self._events, began=self._began, held=held)
            if late is not None:
                self.failure = _stalled(late)
                reader.cancel()
                return


def _stalled(seconds: float) -> Failure:
    return Failure(
        FailureKind.TIMEOUT,
        safe_format("No data for {n} s; the connection was closed.", n=safe(f"{seconds:g}")),
        safe_format("Send it again with /retry, or wait longer with --idle-timeout."),
    )
