"""Signs of life while nothing is shown, for who cannot see a spinner."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic

from termchat.core.events import CONTENT, Event, Streamed, ToolFinished
from termchat.core.sanitize import Safe, safe, say

HEARTBEAT = 30.0
_FIRST = 2.0


class Patience:
    """From a question to the end of its turn. `spoken`: for a screen reader, which is told every half minute."""

    def __init__(self, tell: Callable[[Safe], None], *, spoken: bool) -> None:
        self._tell = tell
        self._began = monotonic()
        self._loop = asyncio.get_running_loop()
        if spoken:
            self._timer = self._loop.call_later(HEARTBEAT, self._beat)
        else:
            self._timer = self._loop.call_later(_FIRST, self._wait)
        self._spoken = spoken

    def heard(self, event: Event) -> None:
        """Something has come; who sees it needs no other sign."""
        content = isinstance(event, ToolFinished) or (isinstance(event, Streamed) and isinstance(event.delta, CONTENT))
        if content and not self._spoken:
            self._timer.cancel()

    def over(self) -> None:
        self._timer.cancel()

    def _wait(self) -> None:
        self._tell(say("waiting… Ctrl-C stops."))

    def _beat(self) -> None:
        seconds = round(monotonic() - self._began)
        self._tell(say("still working, {n} seconds", n=safe(str(seconds))))
        self._timer = self._loop.call_later(HEARTBEAT, self._beat)
