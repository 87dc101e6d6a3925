"""What the input remembers beyond this run: past prompts, and the draft a crash interrupted."""

from __future__ import annotations

from time import time

from termchat.core.chats import PastPrompt
from termchat.core.session import Session
from termchat.ui.repl.input.editor import InputEditor

_MOST = 500


class SavedHistory:
    """Joins the draft to the kept prompts and drafts; without a library it remembers nothing beyond this run.

    prompts   what was typed: in this run, then in this directory, then elsewhere, the newest first
    ready     whether those of earlier runs are among them
    """

    def __init__(self, session: Session, draft: InputEditor) -> None:
        self._session = session
        self._draft = draft
        self.prompts: list[PastPrompt] = []
        self.ready = False
        self._saved: str | None = None  # until the library is there, nothing typed waits for it
        draft.on_remember(self._remember)

    async def begin(self, text: str = "") -> None:
        """Load past prompts, after the first paint; put back what was being typed: `text`, or what was left here."""
        library = self._session.library
        if library is None:
            self.ready = True
            return
        place = self._session.location
        past = await library.prompts(directory=place.directory, limit=_MOST)
        self.prompts += past
        self.ready = True
        self._draft.history.prepend([prompt.text for prompt in reversed(past)])
        left = text or await library.recover_draft(place)
        if left and self._draft.empty:
            self._draft.set_text(left)
        self._saved = left
        self.typed()

    def typed(self) -> None:
        """The input has changed."""
        text = self._draft.text
        if self._saved not in (None, text):
            self._saved = text
            self._session.draft(text)

    def _remember(self, text: str) -> None:
        self.prompts.insert(0, PastPrompt(text, self._session.location.directory, time()))
        self._session.remember(text)
