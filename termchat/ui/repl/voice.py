"""The plain mode's side of the terminal: whole lines, written once, in words where there would be signs."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TextIO, assert_never

from termchat.core.sanitize import Safe, Sanitizer, safe_line, say
from termchat.core.style import Theme
from termchat.ui.blocks import Block, Card, Line, Lines, Pause, Prose, Restore, Thought, line, words_of
from termchat.ui.cards import card_lines, key_argument
from termchat.ui.markdown.document import Document
from termchat.ui.markdown.encode import encode_rows, encode_segments
from termchat.ui.palette import Depth, Palette
from termchat.ui.repl.house import Look
from termchat.ui.signs import spelled, spelled_line
from termchat.ui.words import duration


class Voice:
    """Writes; `columns` is the width it writes for."""

    def __init__(self, out: TextIO, theme: Theme, look: Look) -> None:
        self._out = out
        self._words = look.accessible
        self._signs = look.signs
        depth = Depth.PLAIN if look.accessible else look.depth
        self._palette = Palette(theme, depth)
        self._document: Document | None = None
        self._sanitizer = Sanitizer()

    @property
    def columns(self) -> int:
        try:
            return os.get_terminal_size(self._out.fileno()).columns or 80
        except (OSError, ValueError):
            return 80

    def wear(self, theme: Theme) -> None:
        """From now on look like this theme."""
        self._palette = Palette(theme, self._palette.depth)

    def prompt(self) -> None:
        self._write("You: " if self._words else "> ")

    def lines(self, lines: Sequence[Line]) -> None:
        """Finished lines."""
        self._pause()
        for row in lines:
            shown = spelled_line(row, signs=self._signs)
            text = self._spoken(words_of(row)) if self._words else encode_segments(shown, self._palette)
            self._write(f"{text}\n")

    def aside(self, words: Safe) -> None:
        """A line between others."""
        self._write(f"\n{spelled(words, signs=self._signs)}\n")

    def show(self, blocks: Sequence[Block], restore: Callable[[], None]) -> None:
        """Show what an event committed."""
        for block in blocks:
            match block:
                case Prose(text) | Thought(text):
                    self._say(text)
                case Pause():
                    self._pause()
                case Lines(lines):
                    self.lines(lines)
                case Card():
                    self.lines([line(_card_words(block))] if self._words else card_lines(block, self.columns))
                case Restore():
                    restore()
                case _:
                    assert_never(block)

    def done(self) -> None:
        """The turn is over."""
        self._pause()
        if self._words:
            self._write("\a")

    def _say(self, text: str) -> None:
        if self._document is None:
            self._document = Document(self.columns, hyperlinks=False)
            if self._words:
                self._write("Model:\n")
        self._document.feed(self._sanitizer.feed(text))
        self._write(encode_rows(self._document.take(), self._palette).replace("\r\n", "\n"))

    def _pause(self) -> None:
        document, self._document = self._document, None
        if document:
            document.feed(self._sanitizer.close())
            document.close()
            self._write(encode_rows(document.take(), self._palette).replace("\r\n", "\n"))

    def _write(self, text: str) -> None:
        if text:
            self._out.write(text)
            self._out.flush()

    def _spoken(self, words: Safe) -> str:
        return words.removeprefix("■ ").removeprefix("✻ ").replace(" · ", ", ")


def _card_words(card: Card) -> Safe:
    """`Tool ok: search "abc", 3.4s`."""
    state = say("failed") if card.result.is_error else say("ok")
    argument = key_argument(card.call.arguments)
    what = Safe(f"{safe_line(card.call.name)} {argument}".rstrip())
    return say("Tool {state}: {what}, {t}", state=state, what=what, t=duration(card.seconds))
