"""A reply above the real live region, on a terminal that reflows: what interrupts, resizes and ends in between."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import copy_context
from time import monotonic

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prompt_toolkit.application.current import set_app
from prompt_toolkit.data_structures import Size
from prompt_toolkit.input import DummyInput

from termchat.core.sanitize import Safe, safe
from termchat.core.style import TextRole
from termchat.ui.blocks import EndOfText, ReplyText
from termchat.ui.markdown import Document, render
from termchat.ui.repl.input.editor import InputEditor
from termchat.ui.repl.panels.layout import LiveLayout, LiveRegionSource
from termchat.ui.repl.panels.style import DEPTHS, PromptToolkitStyle
from termchat.ui.repl.transcript import Transcript
from termchat.ui.terminal.output import FrameOutput
from termchat.ui.terminal.renderer import LiveApplication
from termchat.ui.terminal.screen import Screen
from termchat.ui.text.row import Segment
from tests.bench.repl import Counter
from tests.ui.fakes import MIXED
from tests.ui.markdown.terminal import Terminal
from tests.ui.markdown.test_document import lines as logical
from tests.ui.markdown.texts import TRAPS
from tests.ui.terminal.test_row_painter import PALETTE, drawn

_MODES = re.compile(r"\x1b\[\?(1|25|2004)[hl]")
"""What prompt_toolkit turns on and off without drawing anything."""


class Stage:
    """The REPL's screen without a keyboard."""

    def __init__(self, width: int = 80, height: int = 24) -> None:
        self.terminal = Terminal(width, height)
        out = Counter(lambda data: self.terminal.write(_MODES.sub("", data)))
        size = lambda: Size(rows=self.terminal.height, columns=self.terminal.width)  # noqa: E731
        self.output = FrameOutput(out, size, "xterm-256color", sync=True)
        self.panel: list[tuple[Segment, ...]] = []
        status = ((Segment(Safe("fake/one · a status line"), (TextRole.DIM,)),),)
        parts = LiveRegionSource(
            InputEditor(lambda: None), lambda: self.terminal.height, status=lambda: status, panel=lambda: self.panel
        )
        self.app = LiveApplication(
            self.output,
            PALETTE,
            layout=LiveLayout(parts, PromptToolkitStyle(PALETTE.theme, PALETTE.depth)).layout,
            input=DummyInput(),
            color_depth=DEPTHS[PALETTE.depth],
            erase_when_done=True,
        )
        self.app._is_running = True
        self.screen = Screen(self.app)
        self.painter = Transcript(self.screen, hyperlinks=True)
        parts.spaced = lambda: self.painter.blank and not self.painter.replying

    @contextmanager
    def lit(self) -> Generator[None]:
        with set_app(self.app):
            self.app.context = copy_context()
            self.app.paint()
            yield

    def frame(self) -> None:
        """What came is drawn now."""
        self.painter._cancel()
        self.painter._frame()

    def say(self, text: str) -> None:
        self.painter.show([ReplyText(text)])
        self.frame()

    def resize(self, width: int, height: int) -> None:
        self.terminal.resize(width, height)
        self.app._on_resize()

    async def settled(self) -> None:
        end = monotonic() + 5
        while self.app.settling:
            assert monotonic() < end
            await asyncio.sleep(0.01)  # until the loop has come round to it

    def text(self) -> list[str]:
        """The scrollback, without the live region."""
        self.app.renderer.erase_live_region()
        self.output.flush()
        return [line for line in self.terminal.logical() if line]


def whole(text: str, width: int) -> list[str]:
    return [drawn(line) for line in logical(render(safe(text), width)) if drawn(line)]


async def test_transcript_reply_ending_during_resize_is_written_once() -> None:
    stage = Stage()
    with stage.lit():
        stage.say("One paragraph that is not final yet, ")
        stage.resize(80, 20)
        stage.painter.show([ReplyText("and its end."), EndOfText()])
        stage.painter.show([ReplyText("Another reply.")])
        await stage.settled()
        stage.frame()
        stage.painter.finish()
        assert stage.text() == ["One paragraph that is not final yet, and its end.", "Another reply."]


@pytest.mark.parametrize("size", [(80, 24), (40, 12), (20, 6), (200, 60)])
@pytest.mark.parametrize("piece", [7, 400, 100_000])
async def test_scrollback_of_streamed_reply_equals_one_shot_render(size: tuple[int, int], piece: int) -> None:
    stage = Stage(*size)
    with stage.lit():
        for at in range(0, len(MIXED), piece):
            stage.say(MIXED[at : at + piece])
        stage.painter.finish()
        assert stage.text() == whole(MIXED, size[0])


@given(
    st.sampled_from([*TRAPS.values(), MIXED[:1500]]),
    st.lists(st.tuples(st.integers(1, 200), st.integers(0, 12)), min_size=1, max_size=30),
)
async def test_panel_shown_during_reply_hides_no_row(text: str, moves: list[tuple[int, int]]) -> None:
    stage, at = Stage(60, 14), 0
    with stage.lit():
        for count, rows in moves:
            stage.say(text[at : at + count])
            at += count
            stage.panel = [(Segment(Safe(f"panel {n}")),) for n in range(rows)]
            stage.app.paint()
        stage.say(text[at:])
        stage.painter.finish()
        assert stage.text() == whole(text, 60)


@given(
    st.sampled_from([*TRAPS.values(), MIXED[:1500]]),
    st.lists(st.tuples(st.integers(1, 120), st.sampled_from(["say", "wide", "narrow", "lend", "all"])), max_size=20),
)
async def test_transcript_interrupted_or_resized_shows_each_character_once(
    text: str, moves: list[tuple[int, str]]
) -> None:
    """Sizes that change, an editor that has the terminal, a command that says something, all in mid-reply."""
    stage, at, said = Stage(), 0, 0
    with stage.lit():
        for count, move in moves:
            stage.say(text[at : at + count])
            at += count
            match move:
                case "say":
                    stage.painter.lines([(Segment(Safe(f"%{said}%")),)])
                    said += 1
                case "wide" | "narrow":
                    stage.terminal.resize(100 if move == "wide" else 60, 30)
                    stage.painter.resized()
                case "lend":
                    stage.app.renderer.erase()
                    stage.app.renderer.reset()
                    stage.app.paint()
                case _:
                    stage.screen.repaint()
        stage.say(text[at:])
        stage.painter.finish()
        shown = "".join("".join(stage.text()).split())
    for n in range(said):
        assert shown.count(f"%{n}%") == 1
        shown = shown.replace(f"%{n}%", "")
    assert sorted(shown) == sorted("".join("".join(whole(text, 80)).split())) or shown == again(text, moves)


def again(text: str, moves: list[tuple[int, str]]) -> str:
    """The characters of the reply as a document lays them out that is told of the same sizes."""
    document, at, rows = Document(80), 0, []
    for count, move in moves:
        document.feed(safe(text[at : at + count]))
        at += count
        if move in ("wide", "narrow"):
            document.resize(100 if move == "wide" else 60)
    document.feed(safe(text[at:]))
    document.close()
    rows = document.take()
    return "".join("".join(drawn(row.text) for row in rows).split())
