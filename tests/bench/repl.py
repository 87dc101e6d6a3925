"""The reply in the REPL's own live region, with an input and a status line below it, for `tests.bench.render`."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable
from contextvars import copy_context

from prompt_toolkit.application.current import set_app
from prompt_toolkit.data_structures import Size
from prompt_toolkit.input import DummyInput

from termchat.core.sanitize import Safe
from termchat.core.style import TextRole, Theme
from termchat.ui.blocks import ReplyText
from termchat.ui.repl.input.editor import InputEditor
from termchat.ui.repl.panels.layout import LiveLayout, LiveRegionSource
from termchat.ui.repl.panels.style import DEPTHS, PromptToolkitStyle
from termchat.ui.repl.transcript import Transcript
from termchat.ui.terminal.frame_clock import FrameClock
from termchat.ui.terminal.output import FrameOutput
from termchat.ui.terminal.renderer import LiveApplication
from termchat.ui.terminal.screen import Screen
from termchat.ui.text.line import Line
from termchat.ui.text.palette import ColorDepth, Palette
from termchat.ui.text.row import Segment

_TICK = 4  # frames per change of the status line; the spinner moves with about every fourth of thirty a second


class Counter(io.StringIO):
    """A text stream that passes everything written to a callback."""

    encoding = "utf-8"

    def __init__(self, seen: Callable[[str], None]) -> None:
        super().__init__()
        self._seen = seen

    def write(self, text: str, /) -> int:
        self._seen(text)
        return len(text)


class Repl:
    """A candidate: the REPL's transcript, drawn when the bench asks for a frame."""

    def __init__(self, width: int, height: int, theme: Theme, write: Callable[[str], None] | None = None) -> None:
        self.written = 0
        self.clock = FrameClock()
        output = FrameOutput(
            Counter(write or self._count), lambda: Size(rows=height, columns=width), "xterm-256color", sync=True
        )
        self._frames = 0
        parts = LiveRegionSource(InputEditor(lambda: None), lambda: height, status=self._status)
        self._live = live = LiveLayout(parts, PromptToolkitStyle(theme, ColorDepth.TRUE))
        options = {"layout": live.layout, "input": DummyInput(), "color_depth": DEPTHS[ColorDepth.TRUE]}
        self._app = LiveApplication(output, Palette(theme, ColorDepth.TRUE), erase_when_done=True, **options)
        self._app._is_running = True  # the application is drawn, not run
        with set_app(self._app):
            self._app.context = copy_context()
        self._painter = Transcript(Screen(self._app), hyperlinks=True)
        self._loop = asyncio.new_event_loop()
        self._text: list[str] = []

    def feed(self, text: str) -> None:
        self._text.append(text)

    def frame(self) -> None:
        self._loop.run_until_complete(self._draw())

    def close(self) -> None:
        self.frame()
        with set_app(self._app):
            self._painter.finish()
        self._loop.close()

    def _status(self) -> tuple[Line, ...]:
        glyph = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"[self._frames // _TICK % 10]
        words = f"{glyph} replying · 0.8s to first token · ~{self._frames} tok · 61 tok/s · Esc stops"
        return ((Segment(Safe(words), (TextRole.DIM,)),),)

    async def _draw(self) -> None:
        """Draw the received text at once, without the transcript's frame clock."""
        self._painter._cancel()
        self._painter._clock = FrameClock()
        with set_app(self._app):
            self._painter.show([ReplyText("".join(self._text))])
            self._frames += 1
            if self._frames % _TICK == 0 and not self._live.redraw(self._app):
                self._app.paint()
        self._text.clear()

    def _count(self, data: str) -> None:
        self.written += len(data.encode())
