"""Ctrl-R: a list of everything that was ever typed, this directory's first, the newest first."""

from __future__ import annotations

import time
from pathlib import Path

from termchat.core.chats import PastPrompt
from termchat.core.effects import Choice
from termchat.core.sanitize import Safe, join, safe_format, safe_line
from termchat.ui.fuzzy import found
from termchat.ui.phrases import truncate
from termchat.ui.relative_time import age
from termchat.ui.repl.input.saved_history import SavedHistory
from termchat.ui.repl.widgets import Widgets

_SHOWN = 200


class HistoryPicker:
    """Opens the list. What is chosen takes the place of the draft, which is kept as well; Esc changes nothing."""

    def __init__(self, memory: SavedHistory, widgets: Widgets, directory: str) -> None:
        self._memory = memory
        self._editor = widgets.editor
        self._picker = widgets.picker
        self._toast = widgets.toast
        self._directory = directory

    def open(self) -> None:
        """The list, over the input."""
        if self._picker.is_open:
            return
        newest: dict[str, PastPrompt] = {}
        for prompt in self._memory.prompts:
            newest.setdefault(prompt.text, prompt)
        prompts = list(newest.values())
        if not prompts:
            none, early = (
                safe_format("Nothing was typed before."),
                safe_format("What was typed before is still being read."),
            )
            self._toast.say(none if self._memory.ready else early)
            return
        texts, now = [prompt.text for prompt in prompts], time.time()
        self._picker.open(
            safe_format("History"),
            [Choice(truncate(prompt.text, _SHOWN), self._detail(prompt, now)) for prompt in prompts],
            took=lambda n: self._take(texts[n]),
            find=lambda typed: found(texts, typed),
        )

    def _take(self, text: str) -> None:
        self._editor.remember()
        self._editor.set_text(self._editor.pastes.fold(text))

    def _detail(self, prompt: PastPrompt, now: float) -> Safe:
        parts = [age(prompt.at, now)]
        if prompt.directory and prompt.directory != self._directory:
            parts.append(safe_line(Path(prompt.directory).name))
        return join(" · ", parts)
