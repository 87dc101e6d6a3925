"""Past prompts for the picker (Ctrl-R): this directory first, newest first."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from termchat.core.chats import PastPrompt
from termchat.core.effects import Choice, Effect
from termchat.core.sanitize import Safe, excerpt, join, safe_format, safe_line
from termchat.ui.phrases import age
from termchat.ui.repl.input.editor import InputEditor
from termchat.ui.repl.input.saved_history import SavedHistory
from termchat.ui.repl.panels.fuzzy import found
from termchat.ui.repl.panels.picker import PickerSource
from termchat.ui.repl.widgets import Widgets

_SHOWN = 200  # characters of a prompt


class HistoryPicker:
    """Opens the list of past prompts."""

    def __init__(self, saved_history: SavedHistory, widgets: Widgets, directory: str) -> None:
        self._saved_history = saved_history
        self._editor = widgets.editor
        self._picker = widgets.picker
        self._toast = widgets.toast
        self._directory = directory

    def open(self) -> None:
        """Show the list over the input."""
        if self._picker.is_open:
            return
        newest: dict[str, PastPrompt] = {}
        for prompt in self._saved_history.prompts:
            newest.setdefault(prompt.text, prompt)
        if newest:
            self._picker.open(HistorySource(list(newest.values()), self._editor, self._directory))
        elif self._saved_history.ready:
            self._toast.say(safe_format("No history yet."))
        else:
            self._toast.say(safe_format("The history is still loading."))


class HistorySource(PickerSource):
    """Past prompts. The accepted one replaces the text of the input, which joins the history."""

    def __init__(self, prompts: Sequence[PastPrompt], editor: InputEditor, directory: str) -> None:
        self._texts = [prompt.text for prompt in prompts]
        self._editor = editor
        now = time.time()
        choices = [Choice(excerpt(prompt.text, _SHOWN), _detail(prompt, directory, now)) for prompt in prompts]
        super().__init__(safe_format("History"), choices)

    def search(self, text: str) -> Sequence[Choice]:
        return [self.choices[n] for n in found(self._texts, text)]

    def on_accept(self, choice: Choice) -> Sequence[Effect]:
        text = next(text for text, known in zip(self._texts, self.choices, strict=True) if known is choice)
        self._editor.remember()
        self._editor.set_text(self._editor.pastes.fold(text))
        return ()


def _detail(prompt: PastPrompt, directory: str, now: float) -> Safe:
    parts = [age(prompt.at, now)]
    if prompt.directory and prompt.directory != directory:
        parts.append(safe_line(Path(prompt.directory).name))
    return join(" · ", parts)
