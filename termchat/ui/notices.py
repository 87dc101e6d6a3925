"""Notices for the user, from before the front end runs until its end."""

from __future__ import annotations

from collections.abc import Callable

from termchat.core.errors import Failure


class NoticeQueue:
    """Holds notices until a front end subscribes, then passes them on."""

    def __init__(self) -> None:
        self._held: list[Failure] = []
        self._listener: Callable[[Failure], None] | None = None

    def post(self, failure: Failure) -> None:
        """Add a notice."""
        if self._listener:
            self._listener(failure)
        else:
            self._held.append(failure)

    def subscribe(self, listener: Callable[[Failure], None]) -> None:
        """Send the held notices and all later ones to `listener`."""
        self._listener = listener
        held, self._held = self._held, []
        for failure in held:
            listener(failure)
