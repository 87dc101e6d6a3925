"""What the house has to tell the user while a front end runs, and before it does."""

from __future__ import annotations

from collections.abc import Callable

from termchat.core.errors import Failure


class NoticeQueue:
    """Holds what is told until somebody listens, then hands it on."""

    def __init__(self) -> None:
        self._held: list[Failure] = []
        self._listener: Callable[[Failure], None] | None = None

    def post(self, failure: Failure) -> None:
        """Something the user should know."""
        if self._listener:
            self._listener(failure)
        else:
            self._held.append(failure)

    def subscribe(self, listener: Callable[[Failure], None]) -> None:
        """From now on `listener` is told, beginning with what was held."""
        self._listener = listener
        held, self._held = self._held, []
        for failure in held:
            listener(failure)
