"""Transcript: final rows go to the scrollback, the unfinished reply stays above the live region."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from time import monotonic
from typing import assert_never

from termchat.config.settings import UsageLine
from termchat.core.events import TurnEnded
from termchat.core.sanitize import Safe, Sanitizer, safe_format
from termchat.core.style import TextRole
from termchat.ui.blocks import Block, EndOfText, ReasoningText, ReplyText, Sources, StaticLines, TextWithdrawn, ToolCard
from termchat.ui.markdown.document import Document
from termchat.ui.markdown.plain_text import ReasoningDocument
from termchat.ui.next_steps import StepLabels, end_lines
from termchat.ui.terminal.frame_clock import MAX_RATE, FrameClock
from termchat.ui.terminal.screen import Screen
from termchat.ui.text.ansi import encode_segments
from termchat.ui.text.ascii import line_to_ascii
from termchat.ui.text.citations import source_lines
from termchat.ui.text.fit import wrap
from termchat.ui.text.line import BLANK, Line, strip_links
from termchat.ui.text.palette import Palette
from termchat.ui.text.row import Segment
from termchat.ui.tools.tool_cards import card_lines


class Transcript:
    """Shows blocks.

    blank   True if the scrollback ends with a blank line
    signs   True if our own words may have typographic signs
    math    True if formulas are shown as Unicode

    `frame_rate` is the most frames a second while a reply streams.
    """

    def __init__(
        self,
        screen: Screen,
        *,
        hyperlinks: bool,
        signs: bool = True,
        math: bool = True,
        frame_rate: int = MAX_RATE,
    ) -> None:
        self.hyperlinks = hyperlinks
        self.signs = signs
        self.math = math
        self.blank = True
        self._screen = screen
        screen.on_resize(self.resized)
        self._document: Document | ReasoningDocument | None = None
        self._fences = 0
        self._in_scrollback = False  # rows of the open reply are final
        self._sanitizer = Sanitizer()
        self._clock = FrameClock(frame_rate)
        self._timer: asyncio.TimerHandle | None = None

    @property
    def palette(self) -> Palette:
        return self._screen.reply.palette

    @palette.setter
    def palette(self, palette: Palette) -> None:
        self._screen.reply.palette = palette

    @property
    def columns(self) -> int:
        return self._screen.size.columns

    @property
    def rows(self) -> int:
        return self._screen.size.rows

    @property
    def replying(self) -> bool:
        """Return True if rows of an unfinished reply are above the live region, or pending."""
        return self._screen.reply.any

    def show(self, blocks: Sequence[Block]) -> None:
        """Show blocks in order."""
        for block in blocks:
            match block:
                case ReplyText(text):
                    self._feed(text, Document)
                case ReasoningText(text):
                    self._feed(text, ReasoningDocument)
                case EndOfText():
                    self.finish()
                case TextWithdrawn():
                    self._withdraw(block)
                case StaticLines(lines, gap):
                    self.finish()
                    self.lines(lines, gap=gap)
                case ToolCard():
                    self.finish()
                    self.lines(card_lines(block, self.columns), gap=block.gap)
                case Sources(sources):
                    self.finish()
                    self.lines(source_lines(sources, hyperlinks=self.hyperlinks))
                case _:
                    assert_never(block)

    def lines(self, lines: Sequence[Line], *, gap: bool = True, after: bool = False, whole: bool = False) -> None:
        """Commit finished lines; `gap` adds a blank line before them, `after` one after them.

        Lines are wrapped between words, or left `whole` for the terminal to wrap, so that a copy has no line breaks.
        During a reply they are set apart from it by blank lines, above its unfinished rows.
        """
        amid = self._document is not None
        lines = [
            line_to_ascii(line, signs=self.signs) for line in (lines if self.hyperlinks else map(strip_links, lines))
        ]
        space = [BLANK] if (gap or amid) and not self.blank else []
        wrapped = lines if whole else [row for line in lines for row in wrap(line, self.columns - 1)]
        rows = [*space, *wrapped, *([BLANK] if after or amid else [])]
        self.blank = bool(rows) and not rows[-1]
        self._screen.commit("".join(encode_segments(row, self.palette) + "\n" for row in rows))

    def finish(self) -> None:
        """End the open reply or reasoning: all of its rows are final."""
        document, self._document = self._document, None
        if document is None:
            return
        self._cancel()
        document.feed(self._sanitizer.close())
        document.close()
        self._show(document, last=True)
        if isinstance(document, Document):
            self._fences = document.buffer.fences
        self._screen.end_reply()

    def show_failed(self, ended: TurnEnded, labels: StepLabels, usage_line: UsageLine) -> None:
        """Show the end of a turn that could not be shown whole."""
        with suppress(Exception):  # reported already
            self.finish()
        with suppress(Exception):  # a bug in drawing must not be drawn for ever
            self.lines(end_lines(ended, labels, usage_line))

    def _withdraw(self, block: TextWithdrawn) -> None:
        """Replace the open reply by a line, or mark it where rows of it cannot be taken back; number no code in it."""
        fences = self._fences
        if self._document and block.instead is not None and not self._in_scrollback:
            self._document = None
            self._cancel()
            self._sanitizer.close()
            self._screen.show_reply([], [])
            self._screen.end_reply()
            self.lines([block.instead])
            return
        self.finish()
        self._fences = fences
        self.lines([block.below])

    def restart_code_numbers(self) -> None:
        """Number the code blocks of the replies that follow from 1: they answer another question."""
        self._fences = 0

    def resized(self) -> None:
        """Wrap the open reply to the new width of the terminal."""
        if self._document:
            self._document.resize(self.columns)
            self._show(self._document)

    def _feed(self, text: str, kind: type[Document | ReasoningDocument]) -> None:
        document = self._document
        if not isinstance(document, kind):
            self.finish()
            if not self.blank:
                self.lines([BLANK], gap=False)
            self._document = document = self._begin(kind)
            self._in_scrollback = False
        document.feed(self._sanitizer.feed(text))
        self._schedule()

    def _begin(self, kind: type[Document | ReasoningDocument]) -> Document | ReasoningDocument:
        if kind is ReasoningDocument:
            return ReasoningDocument(self.columns - 1)
        return Document(
            self.columns,
            hyperlinks=self.hyperlinks,
            signs=self.signs,
            math=self.math,
            headers=True,
            fences=self._fences,
        )

    def _schedule(self) -> None:
        """Draw the new piece at once, or with the next one if frames come too fast."""
        wait = self._clock.arrived(monotonic())
        if wait <= 0:
            self._cancel()
            self._frame()
        elif not self._timer:
            self._timer = asyncio.get_running_loop().call_later(wait, self._frame)

    def _cancel(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _frame(self) -> None:
        self._timer = None
        if self._document:
            began = monotonic()
            self._show(self._document)
            self._clock.drawn(began, monotonic())

    def _show(self, document: Document | ReasoningDocument, *, last: bool = False) -> None:
        final = document.take()
        self._in_scrollback = self._in_scrollback or bool(final)
        self.blank = self.blank and not final
        self._screen.show_reply(final, [] if last else document.preview())


def prompt_sign(*, signs: bool) -> Safe:
    """Return the sign before the user's words, in ASCII unless typographic signs are allowed."""
    return safe_format("❯ ") if signs else safe_format("> ")


def user_lines(shown: Safe, sign: Safe) -> tuple[Line, ...]:
    """Return the user's message as lines: the sign, and indented continuation lines."""
    accent = (TextRole.ACCENT,)
    lines = shown.split("\n")
    first = (Segment(sign, accent), Segment(Safe(lines[0]), accent))
    return (first, *((Segment(Safe(f"  {row}"), accent),) if row else BLANK for row in lines[1:]))
