"""The text of a reply kept for the program that asked; nothing is written."""

from __future__ import annotations

from termchat.core.errors import Failure
from termchat.core.events import Event
from termchat.core.messages import Citation
from termchat.core.sanitize import Safe
from termchat.ui.oneshot.formats import RunEnd
from termchat.ui.oneshot.formats.collected_reply import CollectedReply


class CapturedFormat:
    """Keeps the text of the reply, as `text`."""

    def __init__(self) -> None:
        self._reply = CollectedReply()

    @property
    def text(self) -> str:
        return self._reply.text

    async def show(self, event: Event) -> None:
        self._reply.add(event)

    async def inline_note(self, words: Safe) -> bool:
        return False

    async def withdraw(self) -> bool:
        return True

    async def cite(self, sources: tuple[Citation, ...]) -> bool:
        return False

    async def close(self) -> None:
        pass

    async def finish(self, end: RunEnd) -> Failure | None:
        return None
