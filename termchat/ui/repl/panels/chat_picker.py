"""The chats to choose from: searched in titles and texts as one types, with a look into the marked one."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from termchat.core.chat_store import ChatStore
from termchat.core.effects import Choice, OpenChat
from termchat.core.messages import Message, Role
from termchat.core.sanitize import Safe, safe_format, safe_line
from termchat.core.session import Session
from termchat.core.style import TextRole
from termchat.ui.chat_effects import chat_choices
from termchat.ui.repl.panels.picker import Picker
from termchat.ui.text.line import Line, styled_line

_LISTED = 50
_LOOKED_AT = 4  # messages of the marked chat


class ChatPicker:
    """`start` runs what asks the library; `changed` says that something shown has changed."""

    def __init__(
        self,
        session: Session,
        picker: Picker,
        start: Callable[[Coroutine[Any, Any, None]], None],
        changed: Callable[[], None],
    ) -> None:
        self._session = session
        self._picker = picker
        self._start = start
        self._changed = changed
        self._asked: tuple[str, bool] | None = None
        self._here = False

    def open(self, library: ChatStore, query: str) -> None:
        """Show the list; it fills as soon as the library answers."""
        self._asked, self._here = None, False

        def find(text: str) -> Sequence[int]:
            self._search(library, text)
            return range(len(self._picker.choices or ()))

        self._picker.open(
            safe_format("Chats"), (), query, self._note, marked=lambda choice: self._look(library, choice), find=find
        )
        self._picker.tab = lambda: self._elsewhere(library)
        self._search(library, query)

    @property
    def _note(self) -> Safe:
        where = safe_format("this directory") if self._here else safe_format("all directories")
        return safe_format("{where} · type to search · Tab · Enter · Esc", where=where)

    def _elsewhere(self, library: ChatStore) -> None:
        """The chats of this directory alone, or all of them again."""
        self._here = not self._here
        self._search(library, self._picker.filter.text)

    def _search(self, library: ChatStore, text: str) -> None:
        wanted = (text, self._here)
        if wanted != self._asked:
            self._asked = wanted
            self._start(self._found(library, text))

    async def _found(self, library: ChatStore, text: str) -> None:
        wanted = self._asked
        directory = self._session.location.directory if self._here else None
        page = await library.chats(text, directory, limit=_LISTED)
        if wanted == self._asked and self._picker.is_open:
            self._picker.refill(chat_choices(page.chats, self._session), self._note)
            self._changed()

    def _look(self, library: ChatStore, choice: Choice) -> None:
        self._picker.footer = ()
        effect = choice.effects[0]
        if isinstance(effect, OpenChat):
            self._start(self._looked(library, choice, effect.chat))

    async def _looked(self, library: ChatStore, choice: Choice, chat: str) -> None:
        """The last messages of the marked chat, unless another one is marked by now."""
        messages = await library.last_messages(chat, _LOOKED_AT)
        if self._picker.is_marked(choice):
            self._picker.footer = [_glimpse(message) for message in messages if message.text.strip()]
            self._changed()


def _glimpse(message: Message) -> Line:
    sign = "❯ " if message.role is Role.USER else "  "
    return styled_line(Safe(f"    {sign}{safe_line(' '.join(message.text[:400].split()))}"), TextRole.DIM)
