"""The reply rendered as Markdown while it streams, for a terminal."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass

from termchat.core.errors import Failure
from termchat.core.events import Event, MessageDone, StepStarted, Streamed, TextDelta, TurnEnded
from termchat.core.messages import Citation
from termchat.core.sanitize import Safe, Sanitizer
from termchat.core.style import TextRole, Theme
from termchat.ui.markdown import Document
from termchat.ui.markdown.preload import warm_up
from termchat.ui.oneshot.formats import RunEnd
from termchat.ui.oneshot.formats.output import write
from termchat.ui.terminal.frame_clock import MAX_RATE, FrameClock
from termchat.ui.terminal.row_painter import InlinePainter
from termchat.ui.text.ansi import encode_segments
from termchat.ui.text.citations import source_lines
from termchat.ui.text.fit import wrap
from termchat.ui.text.line import Line, styled_line
from termchat.ui.text.palette import ColorDepth, Palette


@dataclass(frozen=True, slots=True)
class Canvas:
    """The terminal to draw on."""

    fd: int
    theme: Theme
    depth: ColorDepth
    hyperlinks: bool
    math: bool = True  # formulas as Unicode
    frame_rate: int = MAX_RATE  # frames a second


class MarkdownFormat:
    """Draws each message of the turn at the cursor while it comes."""

    def __init__(self, canvas: Canvas) -> None:
        self._canvas = canvas
        self._clock = FrameClock(canvas.frame_rate)
        self._drawing: _Drawing | None = None
        self._warm = False
        self._gap = ""

    async def show(self, event: Event) -> None:
        match event:
            case StepStarted() if not self._warm:
                self._warm = True
                warm_up()
            case Streamed(delta=TextDelta(text=text)) if text:
                self._drawing = self._drawing or _Drawing(self._canvas, self._clock)
                self._drawing.feed(text)
                self._gap = "\n"
            case MessageDone() | TurnEnded():
                await self.close()
            case _:
                pass

    async def inline_note(self, words: Safe) -> bool:
        await self._lines((styled_line(words, TextRole.DIM),), gap_below=True)
        return True

    async def withdraw(self) -> bool:
        drawing, self._drawing = self._drawing, None
        return drawing is None or await drawing.withdraw()

    async def cite(self, sources: tuple[Citation, ...]) -> bool:
        await self._lines(source_lines(sources, hyperlinks=self._canvas.hyperlinks), gap_below=False)
        return True

    async def _lines(self, lines: Sequence[Line], *, gap_below: bool) -> None:
        """Write lines apart from the reply, with a blank line before them."""
        await self.close()
        canvas = self._canvas
        palette = Palette(canvas.theme, canvas.depth)
        rows = [row for line in lines for row in wrap(line, _size(canvas.fd).columns - 1)]
        text = "".join(f"{encode_segments(row, palette)}\n" for row in rows)
        below = "\n" if gap_below else ""
        await write(canvas.fd, f"{self._gap}{text}{below}".encode("utf-8", "replace"))
        self._gap = ""

    async def close(self) -> None:
        drawing, self._drawing = self._drawing, None
        if drawing:
            await drawing.close()

    async def finish(self, end: RunEnd) -> Failure | None:
        return None


class _Drawing:
    """One message being drawn, by a task, so that a slow terminal skips frames."""

    def __init__(self, canvas: Canvas, clock: FrameClock) -> None:
        self._fd = canvas.fd
        self._clock = clock
        self._size = _size(canvas.fd)
        self._line_end = "\n" if _adds_returns(canvas.fd) else "\r\n"
        self._sanitizer = Sanitizer()
        self._document = Document(self._size.columns, hyperlinks=canvas.hyperlinks, math=canvas.math, headers=True)
        self._frame: list[str] = []
        self._final = False  # True once rows are final
        palette = Palette(canvas.theme, canvas.depth)
        self._painter = InlinePainter(self._size.columns, self._size.lines, palette, self._frame.append)
        self._news = asyncio.Event()
        self._wait = 0.0  # seconds from the last piece to its frame
        self._task = asyncio.create_task(self._paint())

    def feed(self, text: str) -> None:
        self._document.feed(self._sanitizer.feed(text))
        self._wait = self._clock.arrived(time.monotonic())
        self._news.set()

    async def withdraw(self) -> bool:
        """Erase the message; return False, with all of it drawn, if some of its rows are final."""
        if self._final:
            await self.close()
            return False
        await self._stop()
        self._painter.frame([], [])
        await self._flush()
        return True

    async def _stop(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        if not self._task.cancelled() and (error := self._task.exception()):
            raise error

    async def close(self) -> None:
        """Draw the rest, and move the cursor below it."""
        await self._stop()
        self._document.feed(Safe(self._sanitizer.close()))
        self._document.close()
        self._draw()
        self._painter.close()
        await self._flush()

    async def _paint(self) -> None:
        while True:
            await self._pieces()
            begin = time.monotonic()
            self._draw()
            self._clock.drawn(begin, time.monotonic())
            await asyncio.shield(self._flush())

    async def _pieces(self) -> None:
        """Wait until there are pieces to be drawn, as the frame clock decides."""
        await self._news.wait()
        self._news.clear()
        deadline = time.monotonic() + self._wait
        while self._wait > 0 and (left := deadline - time.monotonic()) > 0:
            try:
                await asyncio.wait_for(self._news.wait(), left)
            except TimeoutError:
                return
            self._news.clear()

    def _draw(self) -> None:
        size = _size(self._fd)
        if size != self._size:
            self._size = size
            self._painter.resize(size.columns, size.lines)
            self._document.resize(size.columns)
        final = self._document.take()
        self._final = self._final or bool(final)
        self._painter.frame(final, self._document.preview())

    async def _flush(self) -> None:
        text, self._frame[:] = "".join(self._frame), []
        await write(self._fd, text.replace("\r\n", self._line_end).encode())


def _adds_returns(fd: int) -> bool:
    """Return True if the terminal puts a carriage return before each line feed, so that none need be sent."""
    try:
        import termios
    except ImportError:  # Windows
        return False
    modes = termios.tcgetattr(fd)[1]
    return bool(modes & termios.OPOST and modes & termios.ONLCR)


def _size(fd: int) -> os.terminal_size:
    """Return the size of a terminal; one that does not know its size, such as a serial line, has 80x24."""
    columns, lines = os.get_terminal_size(fd)
    return os.terminal_size((columns or 80, lines or 24))
