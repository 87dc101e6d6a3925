"""Output formats of one-shot runs: each reads the event stream and writes to standard output or a file."""

from __future__ import annotations

from decimal import Decimal
from typing import Protocol

from termchat.core.errors import Failure
from termchat.core.events import Event, TurnEnded
from termchat.core.messages import Citation, ToolCall
from termchat.core.outcomes import ExitCode
from termchat.core.sanitize import Safe
from termchat.core.usage import Usage
from termchat.late_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class RunEnd:
    """The end of a run.

    ended       the end of its last turn, None for a run that failed before its first turn
    failure     why the run failed, None if the reply ended by itself
    usage       tokens of all turns; `cost` in US dollars, None if it is unknown
    chat_id     the id of the saved chat, "" if it is not saved
    denied      the tool calls that were declined
    """

    code: ExitCode
    ended: TurnEnded | None = None
    failure: Failure | None = None
    usage: Usage = Usage()
    cost: Decimal | None = None
    chat_id: str = ""
    denied: tuple[ToolCall, ...] = ()


class Format(Protocol):
    """A format for the reply of a run."""

    async def show(self, event: Event) -> None:
        """Handle one event. Raises OSError when the output takes no more."""
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

    async def finish(self, end: RunEnd) -> Failure | None:
        """End the output, once, also of a run without a turn; return why a reply gives no output. Raises OSError."""
        ...
