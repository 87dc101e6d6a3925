"""A format that keeps a reply back until it is known to be valid."""

from __future__ import annotations

from termchat.core.errors import Failure
from termchat.core.events import (
    Event,
    MessageDone,
    Notice,
    ReasoningDelta,
    Streamed,
    TextBecameReasoning,
    TextDelta,
    TurnEnded,
)
from termchat.core.messages import Citation
from termchat.core.sanitize import Safe
from termchat.ui.oneshot.formats import Format, RunEnd

_REPLY = (TextDelta, ReasoningDelta, TextBecameReasoning)


class HeldFormat:
    """Passes events on to another format when the reply is released; the text of a dropped one is not written."""

    def __init__(self, inner: Format) -> None:
        self._inner = inner
        self._events: list[Event] = []
        self._sources: tuple[Citation, ...] = ()

    async def show(self, event: Event) -> None:
        self._events.append(event)

    async def inline_note(self, words: Safe) -> bool:
        return False

    async def withdraw(self) -> bool:
        return True  # the event of it is kept back, too

    async def cite(self, sources: tuple[Citation, ...]) -> bool:
        self._sources = sources
        return True

    async def close(self) -> None:
        pass

    def drop(self, words: Safe) -> None:
        """Forget the reply so far, for the reason in `words`; what it cost is still reported."""
        self._events = [event for event in self._events if not _is_reply(event)]
        self._events.append(Notice("", words))

    async def finish(self, end: RunEnd) -> Failure | None:
        for event in self._events:
            await self._inner.show(event)
            if isinstance(event, Streamed) and isinstance(event.delta, TextBecameReasoning):
                await self._inner.withdraw()
        if self._sources:
            await self._inner.cite(self._sources)
        await self._inner.close()
        return await self._inner.finish(end)


def _is_reply(event: Event) -> bool:
    return isinstance(event, MessageDone | TurnEnded) or (
        isinstance(event, Streamed) and isinstance(event.delta, _REPLY)
    )
