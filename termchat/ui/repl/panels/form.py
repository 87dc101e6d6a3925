"""Form above the input: a question for one line of text, which may be a secret, or a wait that can be stopped.

The input keeps its text and gets no key while the form is open.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from enum import Enum, auto

from prompt_toolkit.buffer import Buffer
from prompt_toolkit.document import Document

from termchat.config.keys.key_bindings import DEFAULT_KEYS, Action, KeyMap
from termchat.core.sanitize import EMPTY, Safe, safe_format
from termchat.core.style import TextRole
from termchat.ui.text.fit import text_width, truncate, wrap
from termchat.ui.text.line import Line, styled_line
from termchat.ui.text.row import Segment

_LOWEST = 8  # rows of the screen from which the help is shown


class FormMode(Enum):
    """The state of the form."""

    CLOSED = auto()
    TEXT = auto()
    SECRET = auto()
    WAIT = auto()


class Form:
    """The state of the form and its lines.

    text   the buffer of the answer
    """

    def __init__(self, changed: Callable[[], None], keys: KeyMap = DEFAULT_KEYS) -> None:
        """Create a closed form; `changed` redraws."""
        self._keys = keys
        self._changed = changed
        self.text = Buffer(multiline=False)
        self.mode = FormMode.CLOSED
        self._prompt = EMPTY
        self._help: tuple[Safe, ...] = ()
        self._answer: asyncio.Future[str | None] | None = None
        self._settled: Callable[[], None] = changed

    @property
    def is_open(self) -> bool:
        return self.mode is not FormMode.CLOSED

    def ask(
        self, prompt: Safe, help_: tuple[Safe, ...], default: str, settled: Callable[[], None], *, secret: bool
    ) -> asyncio.Future[str | None]:
        """Ask for a line of text; the result is None if the user leaves the form.

        settled   called within the key that ends the question
        """
        self._open(FormMode.SECRET if secret else FormMode.TEXT, prompt, help_, settled)
        self.text.document = Document(default, len(default))
        return self._begin()

    def wait(self, words: Safe, settled: Callable[[], None]) -> asyncio.Future[str | None]:
        """Show what is waited for; the result comes when the user stops the wait."""
        self._open(FormMode.WAIT, words, (), settled)
        return self._begin()

    def close(self) -> None:
        """Close and forget the text, also that of undo."""
        self.mode, self._answer = FormMode.CLOSED, None
        self.text.reset()
        self._changed()

    def submit(self) -> None:
        """End the question with the text."""
        if self.mode in (FormMode.TEXT, FormMode.SECRET):
            self._settle(self.text.text)

    def cancel(self) -> None:
        """End the question without an answer, or stop the wait."""
        self._settle(None)

    def paste(self, text: str) -> None:
        """Insert a pasted text; only its first line that is not blank, unless it is a secret, which may be wrapped."""
        if self.mode is FormMode.SECRET:
            self.text.insert_text(" ".join(text.split("\n")) if _has_words(text) else "".join(text.split()))
        elif self.mode is FormMode.TEXT:
            lines = [line.strip() for line in text.replace("\r", "\n").split("\n")]
            self.text.insert_text(next((line for line in lines if line), ""))

    def insert_question_mark(self) -> None:
        self.text.insert_text("?")

    def delete_word(self) -> None:
        """Delete the word before the cursor; of a secret, everything."""
        if self.mode is FormMode.SECRET:
            self.text.reset()
        elif start := self.text.document.find_previous_word_beginning():
            self.text.delete_before_cursor(-start)

    def shown(self, text: str, *, signs: bool) -> str:
        """Return the text as it is shown: a secret as dots, nothing during a wait."""
        if self.mode is FormMode.SECRET:
            return ("•" if signs else "*") * len(text)
        return "" if self.mode is FormMode.WAIT else text

    def prompt(self, columns: int, glyph: str) -> Safe:
        """Return the words before the text, at most half of a row; during a wait, a whole row."""
        if self.mode is FormMode.WAIT:
            end = safe_format(" · {key} stops", key=self._keys.label(Action.ESCAPE))
            words = Safe(f"{glyph} {self._prompt}…")
            return Safe(truncate(words, max(4, columns - 1 - text_width(end))) + end)
        return Safe(f"{truncate(self._prompt, max(6, columns // 2))}: ")

    def lines(self, columns: int, rows: int) -> Sequence[Line]:
        """Return the help above the text, and the keys below it."""
        if self.mode in (FormMode.CLOSED, FormMode.WAIT) or rows < _LOWEST:
            return ()
        help_ = [row for words in self._help for row in wrap(styled_line(words, TextRole.DIM), columns - 1)]
        enter, escape = self._keys.label(Action.ENTER), self._keys.label(Action.ESCAPE)
        words = safe_format("{enter} · {escape} leaves", enter=enter, escape=escape)
        keys = styled_line(truncate(words, columns - 1), TextRole.DIM)
        shown: list[Line] = [tuple(Segment(part.text, part.roles) for part in row) for row in help_]
        return [*shown[: max(0, rows // 2 - 2)], keys]

    def _open(self, mode: FormMode, prompt: Safe, help_: tuple[Safe, ...], settled: Callable[[], None]) -> None:
        self.text.reset()
        self.mode, self._prompt, self._help, self._settled = mode, prompt, help_, settled

    def _begin(self) -> asyncio.Future[str | None]:
        self._answer = asyncio.get_running_loop().create_future()
        self._changed()
        return self._answer

    def _settle(self, text: str | None) -> None:
        answer, settled = self._answer, self._settled
        if answer and not answer.done():
            answer.set_result(text)
            self.close()
            settled()


def _has_words(text: str) -> bool:
    """Return True if a pasted text has words on one line, as a key with a variable before it has."""
    return any(len(line.split()) > 1 for line in text.splitlines())
