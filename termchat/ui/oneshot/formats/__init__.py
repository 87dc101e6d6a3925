"""Output formats of one-shot: each reads the one event stream and writes standard output."""

from __future__ import annotations

from typing import Protocol

from termchat.core.events import Event
from termchat.core.messages import Citation
from termchat.core.sanitize import Safe


class Format(Protocol):
    """How a turn's reply reaches standard output."""

    async def show(self, event: Event) -> None:
        """Take one event. Raises OSError when standard output takes no more."""
        ...

    async def inline_note(self, words: Safe) -> bool:
        """Say something in the middle of the reply; False where it has no place there. Raises OSError."""
        ...

    async def cite(self, sources: tuple[Citation, ...]) -> bool:
        """Show the sources of the reply below it; False where they have no place. Raises OSError."""
        ...

    async def close(self) -> None:
        """The turn is over: write what was held back."""
        ...
