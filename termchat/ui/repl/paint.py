"""From blocks to the terminal: final rows join the scrollback, the unfinished tail stays in the live region.

Rows of a reply graduate: they are left where they stand, not erased and not written again. What was never live, what
the terminal itself must wrap, and what prompt_toolkit would draw differently (links, disputed widths) is committed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from time import monotonic
from typing import assert_never

from termchat.core.sanitize import Safe, Sanitizer, say
from termchat.core.style import Role
from termchat.ui.blocks import BLANK, Block, Card, Line, Lines, Pause, Prose, Restore, Thought
from termchat.ui.cards import card_lines
from termchat.ui.cells import wrap
from termchat.ui.markdown.document import Document
from termchat.ui.markdown.encode import encode_rows, encode_segments
from termchat.ui.markdown.row import Row, Segment
from termchat.ui.palette import Palette
from termchat.ui.repl.live import Tail
from termchat.ui.repl.murmur import Murmur
from termchat.ui.screen import Screen
from termchat.ui.signs import spelled_line

_SLOWEST = 0.1
_FASTEST = 1 / 30
_SHARE = 6  # a frame may cost a sixth of the time between two
SPARE = 2  # columns kept free at the right: a terminal may draw an emoji wider than we think


class Painter:
    """Shows blocks. `restore` is called when a question goes back into the input.

    blank   whether the scrollback ends with a blank line
    signs   whether our own words may have typographic signs
    """

    def __init__(
        self, screen: Screen, palette: Palette, tail: Tail, restore: Callable[[], None], *, hyperlinks: bool
    ) -> None:
        self.palette = palette
        self.hyperlinks = hyperlinks
        self.signs = True
        self._screen = screen
        self._tail = tail
        self._restore = restore
        self._document: Document | Murmur | None = None
        self._sanitizer = Sanitizer()
        self._held: list[Row] = []
        self.blank = True
        self._timer: asyncio.TimerHandle | None = None
        self._painted_at = 0.0
        self._cost = 0.0

    @property
    def columns(self) -> int:
        return self._screen.columns

    def show(self, blocks: Sequence[Block]) -> None:
        """Show what an event committed."""
        for block in blocks:
            match block:
                case Prose(text):
                    self._say(text, Document)
                case Thought(text):
                    self._say(text, Murmur)
                case Pause():
                    self.finish()
                case Lines(lines, gap):
                    self.lines(lines, gap=gap)
                case Card():
                    self.lines(card_lines(block, self._screen.columns), gap=block.gap)
                case Restore():
                    self._restore()
                case _:
                    assert_never(block)

    def lines(self, lines: Sequence[Line], *, gap: bool = True, after: bool = False, whole: bool = False) -> None:
        """Commit finished lines; `gap` wants a blank line before them, `after` one behind them.

        They are broken between words, or left `whole` for the terminal to wrap, so that a copy has them as they were.
        """
        self.finish()
        lines = [spelled_line(line, signs=self.signs) for line in lines]
        space = [BLANK] if gap and not self.blank else []
        wrapped = lines if whole else [row for line in lines for row in wrap(line, self._screen.columns - 1)]
        rows = [*space, *wrapped, *([BLANK] if after else [])]
        self.blank = bool(rows) and not rows[-1]
        self._screen.commit("".join(encode_segments(row, self.palette) + "\n" for row in rows))

    def finish(self) -> None:
        """Whatever was being said is over: all of its rows are final."""
        document, self._document = self._document, None
        if document is None:
            return
        self._cancel()
        document.feed(self._sanitizer.close())
        document.close()
        self._advance([*self._held, *document.take()], [])
        self._held = []

    def resized(self) -> None:
        """The terminal has another width."""
        if self._document:
            self._document.resize(self._screen.columns)

    def _say(self, text: str, kind: type[Document | Murmur]) -> None:
        document = self._document
        if not isinstance(document, kind):
            self.finish()
            if not self.blank:
                self.lines([BLANK], gap=False)
            self._document = document = self._begin(kind)
            self.blank = False
        document.feed(self._sanitizer.feed(text))
        self._schedule()

    def _begin(self, kind: type[Document | Murmur]) -> Document | Murmur:
        columns = self._screen.columns
        if kind is Murmur:
            return Murmur(columns - SPARE)
        return Document(columns, hyperlinks=self.hyperlinks, spare=SPARE)

    def _schedule(self) -> None:
        """The first words at once; then as often as a frame's cost allows."""
        if self._timer:
            return
        wait = self._painted_at + min(_SLOWEST, max(_FASTEST, _SHARE * self._cost)) - monotonic()
        if wait <= 0:
            self._frame()
        else:
            self._timer = asyncio.get_running_loop().call_later(wait, self._frame)

    def _cancel(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _frame(self) -> None:
        self._timer = None
        if self._document is None:
            return
        began = monotonic()
        live = self._document.live()
        final = [*self._held, *self._document.take()]
        keep = _open_line(final, live) if len(final) < self._screen.rows else len(final)
        self._held = final[keep:]
        self._advance(final[:keep], [*self._held, *live])
        self._painted_at = monotonic()
        self._cost += 0.3 * (self._painted_at - began - self._cost)

    def _advance(self, final: list[Row], live: list[Row]) -> None:
        """Final rows leave the live region at its top; what follows is the new tail."""
        if final and self._graduates(final):
            self._tail.rows, self._tail.leaving = [*final, *live], len(final)
            if self._screen.ready and self._screen.fits():
                self._screen.redraw()
                self._screen.graduate(len(final))
                self._tail.rows, self._tail.leaving = live, 0
                return
        self._tail.rows, self._tail.leaving = live, 0
        if final:
            self._screen.commit(encode_rows(final, self.palette))
        else:
            self._screen.redraw()

    def _graduates(self, rows: Sequence[Row]) -> bool:
        columns = self._screen.columns
        return all(row.cells < columns and not row.soft and self._same(row) for row in rows)

    def _same(self, row: Row) -> bool:
        """Whether the live region draws the row exactly as it is to stay."""
        if any(segment.url for segment in row.segments):
            return False
        text = row.text
        return text.isascii() or not ("\xa0" in text or disputed(text))


def _open_line(final: Sequence[Row], live: Sequence[Row]) -> int:
    """How many of the final rows may go: those of a line that the terminal wraps stay until the line is whole."""
    if not (live and live[0].soft):
        return len(final)
    at = len(final)
    while at > 0 and final[at - 1].soft:
        at -= 1
    return max(0, at - 1)


def warm_renderer() -> None:
    """Have everything imported that the first reply needs, so that its first word does not wait for it."""
    document = Document(80)
    document.feed(say("**a** `b` [c](https://d.e)\n\n```python\nf = 1\n```\n"))
    document.close()


def echo(shown: Safe, sign: Safe) -> tuple[Line, ...]:
    """The user's own words in the scrollback: the sign, and continuation lines below it."""
    accent = (Role.ACCENT,)
    lines = shown.split("\n")
    first = (Segment(sign, accent), Segment(Safe(lines[0]), accent))
    return (first, *((Segment(Safe(f"  {row}"), accent),) if row else BLANK for row in lines[1:]))


def disputed(text: str) -> bool:
    """Whether terminals and prompt_toolkit may disagree on how wide the text is: joiners, selectors, flags."""
    return any(
        "\u0300" <= c <= "\u036f" or "\u200b" <= c <= "\u200f" or "\ufe00" <= c <= "\ufe0f" or c >= "\U0001f1e6"
        for c in text
    )
