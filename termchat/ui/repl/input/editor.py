"""The draft: what stands in the input, with its pastes, its history and its undo. Nothing typed is ever destroyed."""

from __future__ import annotations

from collections.abc import Callable

from prompt_toolkit.buffer import Buffer
from prompt_toolkit.document import Document

from termchat.commands.registry import is_command
from termchat.ui.repl.input.history import History
from termchat.ui.repl.input.pastes import Pastes
from termchat.ui.text.fit import text_width

Rows = list[tuple[int, int]]


class InputEditor:
    """The input's buffer and what belongs to it."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self.pastes = Pastes()
        self.history = History()
        self._on_remember: Callable[[str], None] = lambda text: None
        self.buffer = Buffer(multiline=True, on_text_changed=lambda _: changed())

    @property
    def text_with_marks(self) -> str:
        """What stands in the input, pastes as marks."""
        return self.buffer.text

    @property
    def text(self) -> str:
        """What was typed and pasted, whole."""
        return self.pastes.expand(self.buffer.text)

    @property
    def empty(self) -> bool:
        return not self.buffer.text

    def on_remember(self, listener: Callable[[str], None]) -> None:
        """Report every text that joins the history, pastes expanded, to `listener`."""
        self._on_remember = listener

    def set_text(self, text: str) -> None:
        """Let the input hold exactly this, the cursor at its end; what was there can be undone back."""
        self.buffer.save_to_undo_stack()
        self.buffer.document = Document(text, len(text))

    def pop(self) -> str:
        """What stands in the input; it is kept in the history and the input is empty."""
        raw = self.text_with_marks
        self._remember(raw)
        self.buffer.reset()
        self._changed()
        return raw

    def remember(self) -> None:
        """Keep what stands in the input in the history as well."""
        self._remember(self.text_with_marks)

    def restore(self, raw: str) -> None:
        """Give a text back: into the input when that is empty, else only into the history."""
        if self.empty:
            self.set_text(raw)
        else:
            self._remember(raw)

    def paste(self, text: str) -> None:
        """Insert a pasted text, folded when it is large."""
        self.buffer.save_to_undo_stack()
        self.buffer.insert_text(self.pastes.fold(text))

    def _remember(self, raw: str) -> None:
        if self.history.add(raw):
            self._on_remember(self.pastes.expand(raw))

    def newline(self) -> None:
        self.buffer.insert_text("\n")

    def expand_backslash(self) -> bool:
        """Whether Enter made a new line of the backslash before it; two of them are one that is sent."""
        before = self.buffer.document.text_before_cursor
        if not before.endswith("\\"):
            return False
        self.buffer.delete_before_cursor(1)
        if before.endswith("\\\\"):
            return False
        self.newline()
        return True

    def unfold(self) -> bool:
        """Show the paste at the cursor as text, or fold a large text again; whether there was one."""
        at = self.pastes.at(self.text_with_marks, self.buffer.cursor_position)
        if at is None:
            return False
        whole = self.pastes.expand(self.text_with_marks[at])
        self.buffer.save_to_undo_stack()
        text = self.text_with_marks[:at] + whole + self.text_with_marks[at + 1 :]
        self.buffer.document = Document(text, at + len(whole))
        return True

    def up(self, columns: int) -> bool:
        """One visual row up; False on the first one."""
        return self._move(columns, -1)

    def down(self, columns: int) -> bool:
        """One visual row down; False on the last one."""
        return self._move(columns, 1)

    def history_back(self) -> bool:
        """The entry of the history before, that begins with what was typed; False when there is none."""
        return self._browse(self.history.previous(self.text_with_marks))

    def history_forward(self) -> bool:
        return self._browse(self.history.next(self.text_with_marks))

    def suggestion(self) -> str:
        """The grey text behind the cursor; behind a command there is none, the menu says what Enter would do."""
        document = self.buffer.document
        if not document.is_cursor_at_the_end or self.history.browsing or is_command(document.text):
            return ""
        return self.history.suggest(document.text)

    def accept(self) -> bool:
        """Take the suggestion; False when there is none."""
        text = self.suggestion()
        self.buffer.insert_text(text)
        return bool(text)

    def _browse(self, text: str | None) -> bool:
        if text is None:
            return False
        self.buffer.document = Document(text, len(text))
        return True

    def _move(self, columns: int, by: int) -> bool:
        cursor = self.buffer.cursor_position
        rows = visual_rows(self.text_with_marks, columns, self._width)
        at = max(n for n, (start, _) in enumerate(rows) if start <= cursor)
        if not 0 <= at + by < len(rows):
            return False
        column = sum(self._width(c) for c in self.text_with_marks[rows[at][0] : cursor])
        start, end = rows[at + by]
        place = start
        while place < end and column >= self._width(self.text_with_marks[place]):
            column -= self._width(self.text_with_marks[place])
            place += 1
        self.buffer.cursor_position = place
        return True

    def _width(self, character: str) -> int:
        return text_width(self.pastes.shown(character))


def visual_rows(text: str, columns: int, width: Callable[[str], int]) -> Rows:
    """Where each row of the input begins and ends when it is wrapped at any character."""
    rows: Rows = []
    start, used = 0, 0
    for at, character in enumerate(text):
        if character == "\n":
            rows.append((start, at))
            start, used = at + 1, 0
            continue
        if used + width(character) > columns and at > start:
            rows.append((start, at - 1))
            start, used = at, 0
        used += width(character)
    rows.append((start, len(text)))
    return rows
