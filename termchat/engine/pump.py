"""Read one reply in a separate task, detect stalls, and stop on request.

The reader appends to a list and the consumer takes whole batches, so a burst costs little per delta and a slow screen
does not slow down the socket (up to `_AHEAD` deltas).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from termchat.core.errors import Failure, FailureKind, ProviderError, internal_error
from termchat.core.events import CONTENT_DELTAS, Delta, Finished, ProviderNotice, RequestAccepted, Retrying
from termchat.core.models import Timeouts
from termchat.core.provider import Provider, Request, RequestGate, StreamMonitor
from termchat.core.sanitize import safe, safe_format
from termchat.engine.timeouts import StallDetector

_AHEAD = 20_000  # deltas the reader may be ahead of the consumer, which bounds the memory


class Pump:
    """Reads one reply. After `deltas` ended, `cancelled`, `failure` and `finished` hold the result.

    `now` is the monotonic clock of the stall detector, in seconds; `gate` admits every attempt.
    """

    def __init__(
        self,
        provider: Provider,
        request: Request,
        timeouts: Timeouts,
        now: Callable[[], float] = time.monotonic,
        gate: RequestGate | None = None,
    ) -> None:
        self._provider = provider
        self._request = request
        self._timeouts = timeouts
        self._now = now
        self._monitor = StreamMonitor(gate=gate)
        self._buffer: list[Delta] = []
        self._wake = asyncio.Event()
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
        """Stop reading now, or do not start; `deltas` still yields what was read."""
        if self._reader is None:
            self.cancelled = True
        elif not self._reader.done():
            self.cancelled = True
            self._reader.cancel()

    def skip_wait(self) -> None:
        """Skip the wait before the next attempt."""
        self._monitor.skip_wait()

    async def deltas(self) -> AsyncGenerator[Delta, None]:
        """Yield all deltas in order. The connection is closed when the generator ends, however it ends."""
        if self.cancelled:
            return
        self._reader = asyncio.create_task(self._read())
        self._reader.add_done_callback(lambda _: self._wake.set())
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
                self._wake.clear()
                await self._wake.wait()
        finally:
            watch.cancel()
            self._reader.cancel()
            await asyncio.gather(self._reader, watch, return_exceptions=True)

    async def _read(self) -> None:
        try:
            async with aclosing(self._provider.stream(self._request, self._monitor)) as deltas:
                async for delta in deltas:
                    self._note(delta)
                    self._buffer.append(delta)
                    self._wake.set()
                    if len(self._buffer) >= _AHEAD:
                        self._room.clear()
                        await self._room.wait()
        except ProviderError as error:
            self.failure = error.failure
        except Exception as error:  # a bug in termchat: keep what arrived before it
            self.failure = internal_error(error)

    def _note(self, delta: Delta) -> None:
        if isinstance(delta, RequestAccepted):  # the headers: not yet an event of the reply
            return
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
        detector = StallDetector(self._timeouts, self._now())
        while not self.finished:
            await asyncio.sleep(detector.tick)
            restart, self._restart = self._restart, None
            if restart is not None or self._monitor.waiting:
                detector.restart(restart or 0.0)
            held = not self._room.is_set()
            late = detector.check(self._now(), self._monitor.bytes_received, self._events, began=self._began, held=held)
            if late is not None:
                self.failure = _stalled(late)
                reader.cancel()
                return


def _stalled(seconds: float) -> Failure:
    return Failure(
        FailureKind.TIMEOUT,
        safe_format("No data for {n} s; the connection was closed.", n=safe(f"{seconds:g}")),
        safe_format("Try again, or wait longer with --idle-timeout."),
    )
