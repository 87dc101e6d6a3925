"""Output formats of one-shot runs: each reads the event stream and writes to standard output."""

from __future__ import annotations

from typing import Protocol

from termchat.core.events import Event
from termchat.core.messages import Citation
from termchat.core.sanitize import Safe


class Format(Protocol):
    """A format for the reply of a turn on standard output."""

    async def show(self, event: Event) -> None:
        """Handle one event. Raises OSError when standard output takes no more."""
        ...

    async def inline_note(self, words: Safe) -> bool:
        """Write a note in the middle of the reply; return False if the format has no place for it. Raises OSError."""
        ...

    async def withdraw(self) -> bool:
        """Take back the text of the reply so far; return False if some of it stays. Raises OSError."""
        ...

    async def cite(self, sources: tuple[Citation, ...]) -> bool:
        """Write the sources below the reply; return False if the format has no place for them. Raises OSError."""
        ...

    async def close(self) -> None:
        """Write the held-back text at the end of the turn."""
        ...
