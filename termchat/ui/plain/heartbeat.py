"""Progress reports while nothing is shown, for users without a spinner."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic

from termchat.core.events import CONTENT_DELTAS, Event, Streamed, ToolFinished
from termchat.core.sanitize import Safe, safe, safe_format
from termchat.ui.frontend import Timings


class Heartbeat:
    """Reports progress from the question to the end of its turn. `spoken`: for a screen reader, at a fixed interval."""

    def __init__(self, report: Callable[[Safe], None], timings: Timings, *, spoken: bool) -> None:
        self._report = report
        self._interval = timings.heartbeat
        self._began = monotonic()
        self._loop = asyncio.get_running_loop()
        if spoken:
            self._timer = self._loop.call_later(self._interval, self._beat)
        else:
            self._timer = self._loop.call_later(timings.first_wait, self._wait)
        self._spoken = spoken

    def saw(self, event: Event) -> None:
        """Stop the report after the first content, unless it is for a screen reader."""
        content = isinstance(event, ToolFinished) or (
            isinstance(event, Streamed) and isinstance(event.delta, CONTENT_DELTAS)
        )
        if content and not self._spoken:
            self._timer.cancel()

    def stop(self) -> None:
        self._timer.cancel()

    def _wait(self) -> None:
        self._report(safe_format("waiting… Ctrl-C stops."))

    def _beat(self) -> None:
        seconds = round(monotonic() - self._began)
        self._report(safe_format("still working, {n} seconds", n=safe(str(seconds))))
        self._timer = self._loop.call_later(self._interval, self._beat)
