"""Attachments in the plain front end: mentions of a line, and files that wait for the next message."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from termchat.core.effects import Attach
from termchat.core.messages import Message, Part, attachment_name, user_message
from termchat.core.sanitize import Safe, join, safe, safe_format, safe_line
from termchat.ui.frontend import FrontendContext
from termchat.ui.phrases import attachment_label
from termchat.ui.plain.writer import PlainWriter
from termchat.ui.text.line import styled_line

if TYPE_CHECKING:
    from termchat.attachments.fit_to_model import Taker
    from termchat.attachments.resolve import Resolver


class PlainAttachments:
    """Attachments of the next message.

    asked   the text that questions were asked about, "" if none were
    """

    def __init__(self, context: FrontendContext, writer: PlainWriter) -> None:
        self._context = context
        self._writer = writer
        self._resolver: Resolver | None = None
        self._waiting: list[Part] = []
        self._asked_names: tuple[str, ...] = ()
        self.asked = ""

    async def message(self, text: str) -> Message | None:
        """Return the message of a text with its attachments; None if something has to be confirmed first."""
        parts = list(self._waiting)
        if "@" in text and self._context.attachments:
            from termchat.attachments.resolve import unattached_words

            approved = text == self.asked
            found = await self._open_resolver().resolve(text, self._taker(), approved=approved)
            self.asked = ""
            self._tell(found.notes)
            if (found.failures or found.questions) and not approved:
                self.asked = text
                sends = safe_format("An empty line sends it without what cannot be attached.")
                if not found.failures:
                    sends = safe_format("An empty line attaches and sends it.")
                self._tell((*unattached_words(found), sends))
                return None
            parts += found.parts
        self.asked = ""
        if parts:
            self._tell((safe_format("Attached: {names}", names=join(", ", [attachment_label(p) for p in parts])),))
        self._waiting.clear()
        return user_message(text, *parts)

    def add(self, part: Part) -> None:
        """Let a part go with the next message."""
        self._waiting.append(part)

    async def perform(self, effect: Attach) -> None:
        """Attach files to the next message, remove one, or list them."""
        if effect.remove:
            self._remove(effect.remove)
        elif effect.names:
            await self._attach(effect.names)
        self._list()

    async def _attach(self, names: tuple[str, ...]) -> None:
        if not self._context.attachments:
            return
        from termchat.attachments.resolve import unattached_words

        found = await self._open_resolver().attach(names, self._taker(), approved=names == self._asked_names)
        self._waiting += found.parts
        self._asked_names = names if found.questions else ()
        again = (safe_format("Repeat the command to attach it."),) if found.questions else ()
        self._tell((*found.notes, *unattached_words(found), *again))

    def _remove(self, name: str) -> None:
        names = [attachment_name(part) for part in self._waiting]
        numbers = [str(n) for n in range(1, len(names) + 1)]
        at = numbers.index(name) if name in numbers else names.index(name) if name in names else -1
        if at < 0:
            self._tell((safe_format("There is no attachment {name}.", name=safe_line(name)),))
        else:
            del self._waiting[at]

    def _list(self) -> None:
        rows = [
            safe_format("{n}  {label}", n=safe(str(n)), label=attachment_label(part))
            for n, part in enumerate(self._waiting, 1)
        ]
        title = safe_format("Attachments of the next message:") if rows else safe_format("No attachments.")
        self._tell((title, *rows))

    def _open_resolver(self) -> Resolver:
        from termchat.attachments.resolve import Resolver

        assert self._context.attachments
        self._resolver = self._resolver or Resolver(self._context.attachments())
        return self._resolver

    def _taker(self) -> Taker:
        from termchat.attachments.fit_to_model import taker_of

        return taker_of(self._context.providers, self._context.session.model)

    def _tell(self, lines: Sequence[Safe]) -> None:
        if lines:
            self._writer.lines([styled_line(words) for words in lines])
