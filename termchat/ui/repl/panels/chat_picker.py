"""Chats for the picker."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from termchat.config.keys.key_bindings import Action, KeyMap
from termchat.core.chat_store import ChatStore
from termchat.core.chats import SearchHit
from termchat.core.effects import Choice, OpenChat
from termchat.core.messages import Message, Role
from termchat.core.sanitize import Safe, join, safe_format, safe_line
from termchat.core.session import Session
from termchat.core.style import TextRole
from termchat.ui.chat_effects import chat_choices
from termchat.ui.repl.panels.picker import Picker, PickerSource
from termchat.ui.text.line import Line, styled_line
from termchat.ui.text.row import Segment

_LISTED = 50  # chats of a page
_AHEAD = 10  # rows from the end at which the next page is read
_PREVIEWED = 4  # messages of the marked chat, or places found in it
_BEFORE = 16  # characters before the first hit


class ChatSource(PickerSource):
    """The saved chats, searched in titles and texts; the footer previews the marked one.

    `start_task` runs a coroutine and redraws the live region when it ends.
    """

    def __init__(
        self,
        store: ChatStore,
        session: Session,
        picker: Picker,
        start_task: Callable[[Coroutine[Any, Any, None]], None],
    ) -> None:
        self._store = store
        self._session = session
        self._picker = picker
        self._start_task = start_task
        self._searched: tuple[str, bool] | None = None
        self._answered: tuple[str, bool] | None = None
        self._answer = asyncio.Event()
        self._searching = False
        self._here_only = False
        self._next_page = ""
        super().__init__(safe_format("Chats"))

    def search(self, text: str) -> Sequence[Choice]:
        """Return the choices found so far; start a search if the text has changed."""
        wanted = (text, self._here_only)
        if wanted != self._searched:
            self._searched = wanted
            if not self._searching:
                self._searching = True
                self._start_task(self._find())
        return self.choices

    @property
    def is_settled(self) -> bool:
        return self._answered == self._searched

    async def settled(self) -> None:
        while not self.is_settled:
            self._answer.clear()
            await self._answer.wait()

    def on_highlight(self, choice: Choice) -> None:
        self.footer = ()
        if self._next_page and any(choice is row for row in self.choices[-_AHEAD:]):
            self._start_task(self._extend(self._next_page))
            self._next_page = ""
        effect = choice.effects[0]
        if isinstance(effect, OpenChat):
            self._start_task(self._preview(choice, effect))

    def on_tab(self, marked: Choice | None) -> None:
        """Switch between the chats of this directory and all chats."""
        self._here_only = not self._here_only
        self.search(self._picker.filter.text)

    def hint(self, keys: KeyMap) -> Safe:
        where = safe_format("this directory") if self._here_only else safe_format("all directories")
        names = [keys.label(action) for action in (Action.COMPLETE, Action.ENTER, Action.ESCAPE)]
        return join(" · ", [where, safe_format("type to search"), *(name for name in names if name)])

    async def _find(self) -> None:
        """Search until the answer is that for the typed text; letters typed during a search make one more, not many."""
        try:
            while self._searched and self._answered != self._searched:
                text, here_only = wanted = self._searched
                directory = self._session.location.directory if here_only else None
                page = await self._store.chats(text, directory, limit=_LISTED)
                if wanted == self._searched and self._picker.shows(self):
                    self.choices = chat_choices(page.chats, self._session, text)
                    self._next_page = page.more
                    self.has_more = bool(page.more or (text.strip() and len(page.chats) == _LISTED))
                    self._picker.rewind()
                self._answered = wanted
                self._answer.set()
        finally:
            self._searching = False

    async def _extend(self, after: str) -> None:
        """Add the next page below the rows, unless others are shown by then."""
        rows, directory = self.choices, self._session.location.directory if self._here_only else None
        page = await self._store.chats("", directory, after, limit=_LISTED)
        if self.choices is rows and self._picker.shows(self):
            self.choices = [*rows, *chat_choices(page.chats, self._session, "")]
            self._next_page, self.has_more = page.more, bool(page.more)

    async def _preview(self, choice: Choice, chat: OpenChat) -> None:
        """Show the words found in a chat, else its last messages, unless another one is marked by then."""
        hits = await self._store.search(chat.found, _PREVIEWED, chat.chat) if chat.found else ()
        footer = [_hit_line(hit) for hit in hits]
        if not footer:
            messages = await self._store.last_messages(chat.chat, _PREVIEWED)
            footer = [_preview_line(message) for message in messages if message.subject.strip()]
        if self._picker.is_marked(choice):
            self.footer = footer


def _hit_line(hit: SearchHit) -> Line:
    """Return the words around a hit, the hit itself in bold."""
    sign = "❯ " if hit.role is Role.USER else "  "
    segments, end = [Segment(safe_format("    {sign}", sign=Safe(sign)), (TextRole.DIM,))], 0
    for start, stop in hit.marks:
        if start >= end:
            before = hit.snippet[end:start]
            if not end and len(before) > _BEFORE:  # the hit must be seen on a narrow terminal
                before = f"…{before[-_BEFORE:]}"
            segments.append(Segment(safe_line(before), (TextRole.DIM,)))
            segments.append(Segment(safe_line(hit.snippet[start:stop]), (TextRole.STRONG,)))
            end = stop
    return (*segments, Segment(safe_line(hit.snippet[end:]), (TextRole.DIM,)))


def _preview_line(message: Message) -> Line:
    sign = "❯ " if message.role is Role.USER else "  "
    return styled_line(Safe(f"    {sign}{safe_line(' '.join(message.subject[:400].split()))}"), TextRole.DIM)
