"""The pump: reads one reply in a task of its own, keeps the clocks, and can be stopped with one call.

The reader appends to a list and the consumer takes whole batches, so a burst costs next to nothing a delta and a
slow screen never slows the socket (within `_AHEAD`). The clocks count time awake: a tick that comes late means
that the machine slept or the program was suspended, and that time counts for nothing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import aclosing

from termchat.core.errors import Failure, Kind, ProviderError
from termchat.core.events import CONTENT, Delta, Finished, Retrying
from termchat.core.models import Timeouts
from termchat.core.ports import Provider, Request, Wire
from termchat.core.sanitize import safe, say

_AHEAD = 20_000  # deltas the reader may be ahead of the consumer: bounds the memory, never felt
_TICK = 1.0  # seconds between two looks at the clocks


class Pump:
    """One reply being read. After `deltas` ended, `cancelled`, `failure` and `finished` tell how."""

    def __init__(self, provider: Provider, request: Request, timeouts: Timeouts) -> None:
        self._provider = provider
        self._request = request
        self._timeouts = timeouts
        self._wire = Wire()
        self._buffer: list[Delta] = []
        self._news = asyncio.Event()
        self._room = asyncio.Event()
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
        if not self._reader.cancelled():
            self._reader.result()

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

    def _note(self, delta: Delta) -> None:
        self._events += 1
        match delta:
            case Finished():
                self.finished = delta
            case Retrying():
                self._restart = delta.delay
            case _:
                self._began = self._began or isinstance(delta, CONTENT)

    async def _watch(self, reader: asyncio.Task[None]) -> None:
        limits = self._timeouts
        tick = min(_TICK, limits.first / 8, limits.idle / 8, limits.silent / 8)
        awake = heard = parsed = 0.0  # seconds of time awake: now, at the last byte, at the last event
        bytes_seen = events_seen = 0
        last = time.monotonic()
        while not self.finished:
            await asyncio.sleep(tick)
            now = time.monotonic()
            awake += min(now - last, 2 * tick)
            last = now
            restart, self._restart = self._restart, None
            if restart is not None:
                awake, heard, parsed = -restart, 0.0, 0.0
            if self._wire.received != bytes_seen:
                bytes_seen, heard = self._wire.received, awake
            if self._events != events_seen:
                events_seen, heard, parsed = self._events, awake, awake
            if self._late(awake, heard, parsed):
                reader.cancel()
                return

    def _late(self, awake: float, heard: float, parsed: float) -> bool:
        limits = self._timeouts
        if not self._began:
            return self._stalled(limits.first) if awake >= limits.first else False
        if awake - heard >= limits.idle:
            return self._stalled(limits.idle)
        return self._stalled(limits.silent) if awake - parsed >= limits.silent else False

    def _stalled(self, seconds: float) -> bool:
        self.failure = Failure(
            Kind.TIMEOUT,
            say("No data for {n} s; the connection was closed.", n=safe(f"{seconds:g}")),
            say("Send it again with /retry, or wait longer with --idle-timeout."),
        )
        return True
