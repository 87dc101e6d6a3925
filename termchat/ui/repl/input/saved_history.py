"""Saved history: past prompts of all runs, and the draft that a crash interrupted."""

from __future__ import annotations

from collections.abc import Callable
from time import time

from termchat.core.chats import PastPrompt
from termchat.core.session import Session
from termchat.ui.repl.input.editor import InputEditor

_MAX_PROMPTS = 500


class SavedHistory:
    """Connects the input to the saved prompts and drafts; without a store, only to the prompts of this run.

    `is_private` returns True for a text that is not saved.

    prompts   prompts of this run, then of this directory, then of others, newest first
    ready     the prompts of earlier runs are loaded
    """

    def __init__(self, session: Session, editor: InputEditor, is_private: Callable[[str], bool]) -> None:
        self._session = session
        self._is_private = is_private
        self._editor = editor
        self.prompts: list[PastPrompt] = []
        self.ready = False
        self._saved: str | None = None  # None until the saved draft is loaded
        editor.on_remember(self._remember)

    async def begin(self, text: str = "") -> None:
        """Load past prompts, and restore `text` or the draft that was left in this directory."""
        store = self._session.chat_store
        if store is None:
            self.ready = True
            return
        place = self._session.location
        past = await store.prompts(directory=place.directory, limit=_MAX_PROMPTS)
        self.prompts += past
        self.ready = True
        self._editor.history.prepend([prompt.text for prompt in reversed(past)])
        left = text or await store.recover_draft(place)
        if left and self._editor.empty:
            self._editor.set_text(left)
        elif left:  # something was typed meanwhile: the draft joins the history
            self._editor.restore(left)
        self._saved = left
        self.typed()

    def typed(self) -> None:
        """Save the draft if the input has changed."""
        text = self._editor.text
        if self._saved not in (None, text) and not self._is_private(text):
            self._saved = text
            self._session.draft(text)

    def _remember(self, text: str) -> None:
        self.prompts.insert(0, PastPrompt(text, self._session.location.directory, time()))
        if not self._is_private(text):
            self._session.remember(text)
