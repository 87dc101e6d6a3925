"""Output of the plain front end: whole lines, for screen readers without signs."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Sequence
from typing import TextIO, assert_never

from termchat.core.messages import main_argument, shown_text
from termchat.core.sanitize import EMPTY, Safe, Sanitizer, safe, safe_format, safe_line
from termchat.core.style import Theme
from termchat.ui.blocks import Block, EndOfText, ReasoningText, ReplyText, Sources, StaticLines, TextWithdrawn, ToolCard
from termchat.ui.frontend import DisplayOptions
from termchat.ui.markdown.document import Document
from termchat.ui.phrases import duration
from termchat.ui.terminal.notify import BELL
from termchat.ui.text.ansi import encode_rows, encode_segments
from termchat.ui.text.ascii import line_to_ascii
from termchat.ui.text.citations import source_lines
from termchat.ui.text.fit import wrap
from termchat.ui.text.line import BLANK, Line, plain_text, strip_links, styled_line
from termchat.ui.text.palette import ColorDepth, Palette
from termchat.ui.tools.tool_cards import card_lines

_PROMPT, _SPOKEN_PROMPT = Safe("> "), Safe("You: ")

# Signs and short forms, and the words for a screen reader.
_SPOKEN: tuple[tuple[str, str], ...] = (
    (r"^[■✻↻●] ", ""),
    (r"^(→|↷) ", "Now: "),
    (r"^↶ ", ""),
    (r"^— (.*) —$", r"\1"),
    (r"~(?=\d)", "about "),
    (r"\btok/s\b", "tokens per second"),
    (r"\b1 tok\b", "1 token"),
    (r"\btok\b", "tokens"),
    (r" · ", ", "),
)


class PlainWriter:
    """Writes; `columns` is the width it writes for. Sighted readers get the blank lines of the REPL."""

    def __init__(self, out: TextIO, theme: Theme, look: DisplayOptions) -> None:
        self._out = out
        self._accessible = look.accessible
        self.signs = look.signs and not look.accessible
        self.math = look.math
        self._palette = Palette(theme, ColorDepth.PLAIN if look.accessible else look.depth)
        self._document: Document | None = None
        self._fences = 0
        self._numbered = False  # the open document is a reply
        self._sanitizer = Sanitizer()
        self._blank = True
        self._asking = False
        self._question = EMPTY  # what the user is asked at this moment
        self.vanished = False  # the terminal, so that nothing can be shown; SIGHUP comes with it

    @property
    def columns(self) -> int:
        try:
            return os.get_terminal_size(self._out.fileno()).columns or 80
        except (OSError, ValueError):
            return 80

    def set_theme(self, theme: Theme) -> None:
        """Switch to a theme."""
        self._palette = Palette(theme, self._palette.depth)

    def prompt(self) -> None:
        """Print the prompt."""
        self._space()
        self.question(_SPOKEN_PROMPT if self._accessible else _PROMPT)

    def question(self, words: Safe) -> None:
        """Print words that an answer follows on the same row."""
        self._leave_row()
        self._asking, self._question = True, words
        self._write(words)

    def input_entered(self, text: str | None = None) -> None:
        """Note that a line was entered; `text` was typed before the prompt and is printed there."""
        if text is not None:
            self._write(safe(text))
            self._write("\n")
        self._asking = self._blank = False
        self._question = EMPTY

    def interrupted(self) -> None:
        """Note an interrupt, which the terminal has echoed on the current row."""
        self._write("\n")
        self._asking = self._blank = False
        self._question = EMPTY

    def lines(self, lines: Sequence[Line], *, gap: bool = True) -> None:
        """Print finished lines."""
        self._leave_row()
        self._pause()
        if gap:
            self._space()
        for row in lines:
            self._line(row)

    def aside(self, words: Safe) -> None:
        """Print a line that is unrelated to the reply."""
        self.lines([styled_line(words)], gap=False)

    def notice(self, *lines: Safe) -> None:
        """Print lines that come on their own; what the user was asked is printed again below them."""
        question = self._question
        for words in lines:
            self.aside(words)
        if lines and question:
            if question in (_PROMPT, _SPOKEN_PROMPT):
                self._space()
            self.question(question)

    def show(self, blocks: Sequence[Block]) -> None:
        """Show blocks in order."""
        for block in blocks:
            match block:
                case ReplyText(text):
                    self._say(text, numbered=True)
                case ReasoningText(text):
                    self._say(text, numbered=False)
                case EndOfText():
                    self._pause()
                case TextWithdrawn():
                    fences = self._fences
                    self.lines([block.below])
                    self._fences = fences
                case StaticLines(lines, gap):
                    self.lines(lines, gap=gap)
                case ToolCard():
                    shown = [styled_line(_card_words(block))] if self._accessible else card_lines(block, self.columns)
                    self.lines(shown, gap=block.gap)
                case Sources(sources):
                    self.lines(source_lines(sources, hyperlinks=False))
                case _:
                    assert_never(block)

    def restart_code_numbers(self) -> None:
        """Number the code blocks of the replies that follow from 1, as /copy counts them."""
        self._fences = 0

    def done(self) -> None:
        """End the output of the turn."""
        self._pause()
        if self._accessible:
            self.ring()

    def ring(self) -> None:
        self._write(BELL)

    def _say(self, text: str, *, numbered: bool) -> None:
        """Write a piece of a reply, whose code blocks are numbered, or of reasoning."""
        if self._document is None:
            self._leave_row()
            self._space()
            self._numbered = numbered
            self._document = Document(
                self.columns,
                hyperlinks=False,
                signs=self.signs,
                math=self.math,
                headers=numbered,
                fences=self._fences,
            )
            if self._accessible:
                self._write("Model:\n")
        self._document.feed(self._sanitizer.feed(text))
        self._rows(self._document)

    def _pause(self) -> None:
        document, self._document = self._document, None
        if document:
            document.feed(self._sanitizer.close())
            document.close()
            self._rows(document)
            if self._numbered:
                self._fences = document.buffer.fences

    def _rows(self, document: Document) -> None:
        rows = document.take()
        if rows:
            self._blank = False
            self._write(encode_rows(rows, self._palette).replace("\r\n", "\n"))

    def _line(self, row: Line) -> None:
        """Print one line."""
        if self._accessible:
            row = styled_line(_spoken(plain_text(row)))
        for part in wrap(line_to_ascii(strip_links(row), signs=self.signs), self.columns - 1):
            self._write(f"{encode_segments(part, self._palette)}\n")
        self._blank = row == BLANK

    def _space(self) -> None:
        """Print a blank line unless there is one; none for a screen reader."""
        if not self._blank and not self._accessible:
            self._write("\n")
            self._blank = True

    def _leave_row(self) -> None:
        """Leave the row of the prompt, where the user may be typing."""
        if self._asking:
            self._asking = False
            self._write("\n")

    def _write(self, text: str) -> None:
        if not text or self.vanished:
            return
        try:
            self._out.write(text)
            self._out.flush()
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            self.vanished = True


def _spoken(words: Safe) -> Safe:
    text = str(words)
    for pattern, instead in _SPOKEN:
        text = re.sub(pattern, instead, text)
    return Safe(text)


def _card_words(card: ToolCard) -> Safe:
    """`Tool ok: search "abc", 3.4s`."""
    result = card.result
    state = Safe(result.status.value) if result.status else safe_format("failed" if result.is_error else "ok")
    argument = main_argument(result.edited or card.call.arguments)
    what = Safe(f"{safe_line(card.call.name)} {argument}".rstrip())
    line = safe_format("Tool {state}: {what}", state=state, what=what)
    if card.seconds is not None:
        line = safe_format("{line}, {t}", line=line, t=duration(card.seconds))
    reason = safe_line(shown_text(result).strip().partition("\n")[0]) if result.is_error else Safe("")
    return safe_format("{line}, {reason}", line=line, reason=reason) if reason else line
