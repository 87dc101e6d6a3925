"""Output formats of one-shot: each reads the one event stream and writes standard output."""

from __future__ import annotations

from typing import Protocol

from termchat.core.events import Event


class Format(Protocol):
    """How a turn's reply reaches standard output."""

    async def show(self, event: Event) -> None:
        """Take one event. Raises OSError when standard output takes no more."""
        ...

    async def close(self) -> None:
        """The turn is over: write what was held back."""
        ...
