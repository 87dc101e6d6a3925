"""Input editor with pastes, history and undo. Nothing typed is ever lost."""

from __future__ import annotations

from collections.abc import Callable, Container

from prompt_toolkit.buffer import Buffer
from prompt_toolkit.document import Document
from prompt_toolkit.layout.processors import DummyProcessor, Processor

from termchat.commands.registry import MenuItem, is_command, unescape_slash
from termchat.core.messages import Message, attachment_name, user_message
from termchat.ui.repl.input.history import History
from termchat.ui.repl.input.pastes import Pastes
from termchat.ui.text.fit import text_width

_MARKED = 50  # characters in which a command begins that follows marks of attachments
Rows = list[tuple[int, int]]


class InputEditor:
    """The buffer of the input, its pastes and its history."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self.pastes = Pastes()
        self.history = History()
        self._returned = ""
        self._aside = ""
        self._on_remember: Callable[[str], None] = lambda text: None
        self._takes_paste: Callable[[str], bool] = lambda text: False
        self.processor: Processor = DummyProcessor()  # changes how the input is shown
        self.buffer = Buffer(multiline=True, on_text_changed=lambda _: self._edited())

    def _edited(self) -> None:
        if self.empty:
            self._returned = ""
        self._changed()

    @property
    def text_with_marks(self) -> str:
        """Text of the input, pastes as marks."""
        return self.buffer.text

    @property
    def text(self) -> str:
        """Text of the input, pastes expanded."""
        return self.pastes.expand(self.buffer.text)

    @property
    def empty(self) -> bool:
        return not self.buffer.text

    @property
    def blank(self) -> bool:
        """Return True if there is nothing to send: no attachment, and blanks at most."""
        return not self.text.strip() and not self.pastes.attachments(self.buffer.text)

    def message(self, *raw: str) -> Message:
        """Return the message of one or more inputs, pastes as marks: their words apart, their attachments together."""
        words = "\n\n".join(text for part in raw if (text := unescape_slash(self.pastes.expand(part))))
        return user_message(words, *self.pastes.attachments("".join(raw)))

    def draft_of(self, message: Message) -> str:
        """Return an earlier message as an input, with marks for its attachments, mentioned ones in their places."""
        from termchat.attachments.mentions import find_mentions, mention_text

        words = f"/{message.words}" if is_command(message.words) else message.words
        marks = ""
        for part in message.attachments:
            mention = mention_text(attachment_name(part))
            if found := next((m for m in find_mentions(words) if words.startswith(mention, m.start)), None):
                mark = self.pastes.attach(part, words=mention)
                words = f"{words[: found.start]}{mark}{words[found.start + len(mention) :]}"
            else:
                marks += self.pastes.attach(part)
        return marks + words

    def on_remember(self, listener: Callable[[str], None]) -> None:
        """Report every text that joins the history, pastes expanded, to `listener`."""
        self._on_remember = listener

    def set_text(self, text: str, cursor: int | None = None) -> None:
        """Replace the text and put the cursor at its end or at `cursor`; undo brings the old text back."""
        self.buffer.save_to_undo_stack()
        self.buffer.document = Document(text, len(text) if cursor is None else cursor)

    def complete(self, item: MenuItem, *, entered: bool = False) -> bool:
        """Insert a row of the menu that completes a mention; return False for any other.

        entered   by Enter, which accepts no row that Tab accepts
        """
        if item.cursor is None or (entered and item.by_tab):
            return False
        self.set_text(item.text, item.cursor)
        return True

    def pop(self, *, keep_aside: bool = False) -> str:
        """Clear the input; return its text, pastes as marks, and keep it in the history.

        keep_aside   the text is a command that replaced a returned message, which stays aside
        """
        raw = self.text_with_marks
        self._remember(raw)
        if not keep_aside:
            self._aside = ""
        self.buffer.reset()
        self._edited()
        return raw

    def remember(self) -> None:
        """Add the text of the input to the history."""
        self._remember(self.text_with_marks)

    def restore(self, raw: str) -> None:
        """Return a text to the input if that is empty, else add it to the history."""
        if self.empty:
            self.set_text(raw)
            self._returned = raw
        else:
            self._remember(raw)

    def keep_refused(self) -> None:
        """Keep a command that cannot run now in the input; if it is one line, a slash typed next begins another one."""
        self._returned = self.text_with_marks if "\n" not in self.text_with_marks else ""

    @property
    def holds_returned(self) -> bool:
        """Return True if the input is a returned message or a refused command, unchanged, the cursor at its end."""
        document = self.buffer.document
        return bool(document.text) and document.text == self._returned and document.is_cursor_at_the_end

    def drop_returned(self, texts: Container[str] | None = None) -> None:
        """Remove a returned message, unchanged or replaced by a command, if it is one of `texts` (None for any)."""
        if self._aside and (texts is None or self._aside in texts):
            self._aside = ""
        if self.holds_returned and (texts is None or self._returned in texts):
            self.remember()
            self.set_text("")

    def begin_command(self, slash: str) -> None:
        """Replace a returned message or a refused command by a new command; `take_aside` returns the message."""
        self.remember()
        if not is_command(self.text):
            self._aside = self.text_with_marks
        self.set_text(slash)

    def take_aside(self) -> str:
        """Return the message that a command has replaced, pastes as marks; "" without one, and the next time."""
        aside, self._aside = self._aside, ""
        return aside

    def paste(self, text: str) -> None:
        """Insert a pasted text, folded if it is large, unless another part takes it."""
        if not self._takes_paste(text):
            self.insert_paste(text)

    def on_paste(self, takes: Callable[[str], bool]) -> None:
        """Show every pasted text to `takes`, which returns True if it will insert it."""
        self._takes_paste = takes

    def insert_paste(self, text: str) -> None:
        """Insert a pasted text, folded if it is large."""
        self.buffer.save_to_undo_stack()
        self.buffer.insert_text(self.pastes.fold(text))

    def _remember(self, raw: str) -> None:
        if self.history.add(raw):
            self._on_remember(self.pastes.expand(raw))

    def newline(self) -> None:
        self.buffer.insert_text("\n")

    def expand_backslash(self) -> bool:
        """Handle a backslash before Enter. Return True if it became a line break; two are sent as one (False)."""
        before = self.buffer.document.text_before_cursor
        if not before.endswith("\\"):
            return False
        self.buffer.delete_before_cursor(1)
        if before.endswith("\\\\"):
            return False
        self.newline()
        return True

    def unfold(self) -> bool:
        """Expand the paste nearest to the cursor. Return False if there is none in the input."""
        at = self.pastes.nearest(self.text_with_marks, self.buffer.cursor_position)
        if at is None:
            return False
        whole = self.pastes.expand(self.text_with_marks[at])
        self.buffer.save_to_undo_stack()
        text = self.text_with_marks[:at] + whole + self.text_with_marks[at + 1 :]
        self.buffer.document = Document(text, at + len(whole))
        return True

    def up(self, columns: int) -> bool:
        """Move up one visual row; return False on the first one."""
        return self._move(columns, -1)

    def down(self, columns: int) -> bool:
        """Move down one visual row; return False on the last one."""
        return self._move(columns, 1)

    def history_back(self) -> bool:
        """Show the previous history entry that begins with the typed text; return False if there is none."""
        return self._browse(self.history.previous(self.text_with_marks))

    def history_forward(self) -> bool:
        return self._browse(self.history.next(self.text_with_marks))

    def suggestion(self) -> str:
        """Return the grey completion after the cursor; "" for a command, which the menu completes."""
        document = self.buffer.document
        if not document.is_cursor_at_the_end or self.history.browsing or self._is_command():
            return ""
        return self.history.suggest(document.text)

    def _is_command(self) -> bool:
        """Return True for a command, also behind attachments."""
        begin = self.buffer.text[:_MARKED]
        return is_command(begin) or is_command(self.pastes.expand(begin))

    def accept(self) -> bool:
        """Insert the suggestion; return False if there is none."""
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
    """Return the start and end offset of each row, wrapped at any character."""
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
