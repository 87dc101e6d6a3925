"""A question about a draft, which the same draft answers when it is submitted again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

_SECONDS = 0.4  # without Enter, until Enter counts: a double press or a held key confirms nothing


class DraftQuestion:
    """Asks before a draft is sent. The same draft, submitted a moment after the question, is confirmed.

    current   returns the draft in the input
    """

    def __init__(self, current: Callable[[], str]) -> None:
        self._current = current
        self._draft: str | None = None
        self._counts = False
        self._timer: asyncio.TimerHandle | None = None
        self._then: Callable[[], None] | None = None

    def is_given(self, draft: str) -> bool:
        """Return True if a draft was asked about, and submitting it now confirms it."""
        return self._counts and draft == self._draft

    def is_too_early(self, draft: str) -> bool:
        """Return True if a draft was asked about a moment ago, and begin that moment again."""
        if self._counts or draft != self._draft or self._then is None:
            return False
        self.ask(draft, self._then)
        return True

    def ask(self, draft: str, then: Callable[[], None]) -> None:
        """Ask about a draft; `then` is called once submitting it confirms it, to say how, if it is still the draft."""
        if self._timer:
            self._timer.cancel()
        self._draft, self._counts, self._then = draft, False, then
        self._timer = asyncio.get_running_loop().call_later(_SECONDS, self._begin)

    def forget(self) -> None:
        """Ask about every draft again."""
        self._draft = self._then = None

    def _begin(self) -> None:
        self._counts = True
        if self._then and self._current() == self._draft:
            self._then()
