"""Short message in the status line, shown for some seconds or until the next key or turn."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from termchat.core.sanitize import EMPTY, Safe


class Toast:
    """The message `words`, empty after its time is over."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self.words = EMPTY
        self._changed = changed
        self._timer: asyncio.TimerHandle | None = None

    def say(self, words: Safe, seconds: float = 3.0) -> None:
        self.clear()
        self.words = words
        self._timer = asyncio.get_running_loop().call_later(seconds, self._over)
        self._changed()

    def clear(self) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer, self.words = None, EMPTY

    def _over(self) -> None:
        self.clear()
        self._changed()
