"""Test a streamed reply above the live region, on a terminal that reflows: interruptions, resizes, panels, the end."""

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
from termchat.ui.blocks import EndOfText, ReplyText, TextWithdrawn
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

_MODES = re.compile(r"\x1b\[\?(1|25|2004)[hl]")  # modes that prompt_toolkit sets without drawing


class Stage:
    """The screen of the REPL over an emulated terminal, without a keyboard."""

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
    def running(self) -> Generator[None]:
        with set_app(self.app):
            self.app.context = copy_context()
            self.app.paint()
            yield

    def frame(self) -> None:
        """Draw a frame now instead of on the frame clock."""
        self.painter._cancel()
        self.painter._frame()

    def reply(self, text: str) -> None:
        self.painter.show([ReplyText(text)])
        self.frame()

    def resize(self, width: int, height: int) -> None:
        self.terminal.resize(width, height)
        self.app._on_resize()

    async def settled(self) -> None:
        end = monotonic() + 5
        while self.app.settling:
            assert monotonic() < end
            await asyncio.sleep(0.01)  # let the event loop run the resize timer

    def text(self) -> list[str]:
        """Erase the live region and return the logical lines that hold text."""
        self.app.renderer.erase_live_region()
        self.output.flush()
        return [line for line in self.terminal.logical() if line]


def one_shot(text: str, width: int) -> list[str]:
    return [drawn(line) for line in logical(render(safe(text), width, headers=True)) if drawn(line)]


async def test_transcript_reply_ending_during_resize_is_written_once() -> None:
    stage = Stage()
    with stage.running():
        stage.reply("One paragraph that is not final yet, ")
        stage.resize(80, 20)
        stage.painter.show([ReplyText("and its end."), EndOfText()])
        stage.painter.show([ReplyText("Another reply.")])
        await stage.settled()
        stage.frame()
        stage.painter.finish()
        assert stage.text() == ["One paragraph that is not final yet, and its end.", "Another reply."]


@pytest.mark.parametrize(
    ("reasoning", "kept", "line"),
    [
        ("One paragraph of reasoning", [], "instead"),
        ("One.\n\nTwo.\n\n```\ncode\n```\nThree", ["One.", "Two.", "code · 1", "  code", "Three"], "below"),
    ],
)
async def test_transcript_withdrawn_text_is_erased_or_marked_and_loses_nothing(
    reasoning: str, kept: list[str], line: str
) -> None:
    stage = Stage()
    block = TextWithdrawn((Segment(Safe("instead"), ()),), (Segment(Safe("below"), ()),))
    with stage.running():
        stage.reply(reasoning)
        stage.painter.show([block])
        stage.reply("The answer.\n\n```\nx\n```\n")
        stage.painter.finish()
        assert [row.strip() for row in stage.text()] == [
            *(row.strip() for row in kept),
            line,
            "The answer.",
            "code · 1",
            "x",
        ]


@pytest.mark.parametrize("size", [(80, 24), (40, 12), (20, 6), (200, 60)])
@pytest.mark.parametrize("piece", [7, 400, 100_000])
async def test_scrollback_of_streamed_reply_equals_one_shot_render(size: tuple[int, int], piece: int) -> None:
    stage = Stage(*size)
    with stage.running():
        for at in range(0, len(MIXED), piece):
            stage.reply(MIXED[at : at + piece])
        stage.painter.finish()
        assert stage.text() == one_shot(MIXED, size[0])


@given(
    st.sampled_from([*TRAPS.values(), MIXED[:1500]]),
    st.lists(st.tuples(st.integers(1, 200), st.integers(0, 12)), min_size=1, max_size=30),
)
async def test_panel_shown_during_reply_hides_no_row(text: str, moves: list[tuple[int, int]]) -> None:
    stage, at = Stage(60, 14), 0
    with stage.running():
        for count, rows in moves:
            stage.reply(text[at : at + count])
            at += count
            stage.panel = [(Segment(Safe(f"panel {n}")),) for n in range(rows)]
            stage.app.paint()
        stage.reply(text[at:])
        stage.painter.finish()
        assert stage.text() == one_shot(text, 60)


@given(
    st.sampled_from([*TRAPS.values(), MIXED[:1500]]),
    st.lists(
        st.tuples(st.integers(1, 120), st.sampled_from(["print", "wide", "narrow", "editor", "repaint"])), max_size=20
    ),
)
async def test_transcript_interrupted_or_resized_shows_each_character_once(
    text: str, moves: list[tuple[int, str]]
) -> None:
    """Change the size, hand the terminal to an editor and print lines, all during the reply."""
    stage, at, printed = Stage(), 0, 0
    with stage.running():
        for count, move in moves:
            stage.reply(text[at : at + count])
            at += count
            match move:
                case "print":
                    stage.painter.lines([(Segment(Safe(f"%{printed}%")),)])
                    printed += 1
                case "wide" | "narrow":
                    stage.terminal.resize(100 if move == "wide" else 60, 30)
                    stage.painter.resized()
                case "editor":
                    stage.app.renderer.erase()
                    stage.app.renderer.reset()
                    stage.app.paint()
                case _:
                    stage.screen.repaint()
        stage.reply(text[at:])
        stage.painter.finish()
        shown = "".join("".join(stage.text()).split())
    for n in range(printed):
        assert shown.count(f"%{n}%") == 1
        shown = shown.replace(f"%{n}%", "")
    assert sorted(shown) == sorted("".join("".join(one_shot(text, 80)).split())) or shown == resized_render(text, moves)


def resized_render(text: str, moves: list[tuple[int, str]]) -> str:
    """Return the characters of the reply from a Document that is resized at the same places."""
    document, at, rows = Document(80, headers=True), 0, []
    for count, move in moves:
        document.feed(safe(text[at : at + count]))
        at += count
        if move in ("wide", "narrow"):
            document.resize(100 if move == "wide" else 60)
    document.feed(safe(text[at:]))
    document.close()
    rows = document.take()
    return "".join("".join(drawn(row.text) for row in rows).split())
