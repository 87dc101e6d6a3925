"""Test the live region: rows redrawn in place look as if all had been painted, and leave nothing to paint."""

from __future__ import annotations

import io
from collections.abc import Sequence
from contextvars import copy_context
from itertools import chain

import pyte
from hypothesis import event, example, given, settings
from hypothesis import strategies as st
from prompt_toolkit.application.current import set_app
from prompt_toolkit.data_structures import Size
from prompt_toolkit.input import DummyInput

from termchat.core.sanitize import Safe
from termchat.core.style import TextRole
from termchat.ui.repl.input.editor import InputEditor
from termchat.ui.repl.panels.layout import LiveLayout, LiveRegionSource
from termchat.ui.repl.panels.style import DEPTHS, PromptToolkitStyle
from termchat.ui.terminal.output import FrameOutput
from termchat.ui.terminal.renderer import LiveApplication
from termchat.ui.text.line import Line
from termchat.ui.text.row import Segment
from tests.bench.repl import Counter
from tests.ui.terminal.test_row_painter import PALETTE

_WIDTH, _HEIGHT = 30, 12

roles = st.sampled_from([(), (TextRole.ACCENT,), (TextRole.WARNING,), (TextRole.ERROR,)])
words = st.text("⠋⠙ab 17·", max_size=12) | st.text("a中é🙂\u0301 b", max_size=6) | st.just("x" * _WIDTH)
lines = st.lists(st.tuples(words, roles), max_size=3).map(
    lambda parts: tuple(Segment(Safe(text), roles) for text, roles in parts)
)
Region = tuple[list[Line], list[Line], Line]  # calls, panel, status


def regions(calls: int, panel: int) -> st.SearchStrategy[Region]:
    return st.tuples(
        st.lists(lines, min_size=calls, max_size=calls), st.lists(lines, min_size=panel, max_size=panel), lines
    )


sizes = st.tuples(st.integers(0, 2), st.integers(0, 2))
scenes = st.lists(sizes, min_size=1, max_size=3).flatmap(
    lambda shapes: st.tuples(*(st.lists(regions(*shape), min_size=2, max_size=4) for shape in shapes))
)


_BLANK, _STATUS = (Segment(Safe(" ")),), (Segment(Safe("x")),)


class Stage:
    """The live region on an emulated terminal."""

    def __init__(self) -> None:
        self.terminal = pyte.Screen(_WIDTH, _HEIGHT)
        stream = pyte.Stream(self.terminal)
        self.written = ""

        def write(data: str) -> None:
            self.written += data
            stream.feed(data)

        self.shown: tuple[Sequence[Line], Sequence[Line], Line] = [], [], ()
        parts = LiveRegionSource(
            InputEditor(lambda: None),
            lambda: _HEIGHT,
            calls=lambda: self.shown[0],
            panel=lambda: self.shown[1],
            status=lambda: [self.shown[2]],
        )
        self.live = LiveLayout(parts, PromptToolkitStyle(PALETTE.theme, PALETTE.depth))
        self.app = LiveApplication(
            FrameOutput(Counter(write), lambda: Size(_HEIGHT, _WIDTH), "xterm-256color", sync=True),
            PALETTE,
            layout=self.live.layout,
            input=DummyInput(),
            color_depth=DEPTHS[PALETTE.depth],
        )
        self.app._is_running = True
        self.app.context = copy_context()

    def paint(self) -> str:
        """Paint all; return the characters that were written."""
        self.written = ""
        with set_app(self.app):
            self.app.paint()
        seen = io.StringIO()
        pyte.Stream(_Plain(seen)).feed(self.written)
        return seen.getvalue()

    def redraw(self) -> bool:
        with set_app(self.app):
            return self.live.redraw(self.app)

    def look(self) -> tuple[list[list[tuple[str, str, bool]]], tuple[int, int]]:
        """The cells, with colour and weight unless they are blank, and the place of the cursor."""
        rows = [[self.terminal.buffer[y][x] for x in range(_WIDTH)] for y in range(_HEIGHT)]
        cursor = self.terminal.cursor
        looks = [[(c.data, c.fg, c.bold) if c.data.strip() else (" ", "", False) for c in row] for row in rows]
        return looks, (cursor.x, cursor.y)


class _Plain(pyte.Screen):
    """A screen that notes each character it is asked to draw."""

    def __init__(self, seen: io.StringIO) -> None:
        super().__init__(_WIDTH, _HEIGHT)
        self._seen = seen

    def draw(self, data: str) -> None:
        self._seen.write(data)


@settings(max_examples=40, deadline=None)
@given(scenes)
@example(([([], [_BLANK], _STATUS), ([], [()], _STATUS)],))
async def test_redraw_of_live_region_shows_what_painting_shows(scenes: tuple[list[Region], ...]) -> None:
    stage, painted = Stage(), Stage()
    for stage.shown in chain(*scenes):
        painted.shown = stage.shown
        painted.paint()
        drawn = stage.redraw()
        if drawn:
            assert stage.look() == painted.look()
        event(f"drawn in place: {drawn}")
        assert not (stage.paint() and drawn)
        assert stage.look() == painted.look()


@settings(max_examples=50, deadline=None)
@given(st.text("⠋⠙⠹0123456789 tok", min_size=1, max_size=20), st.text("⠋⠙⠹0123456789 tok", min_size=1, max_size=20))
async def test_redraw_of_status_line_writes_only_changed_characters(before: str, after: str) -> None:
    stage = Stage()
    before, after = before.strip() or "x", after.strip() or "y"
    stage.shown = [], [], (Segment(Safe(before)),)
    stage.paint()
    stage.shown, stage.written = ([], [], (Segment(Safe(after)),)), ""

    assert stage.redraw()
    changed = sum(old != new for old, new in zip(before.ljust(len(after)), after, strict=False))
    assert len(stage.written) <= 9 * changed + 50 if before != after else not stage.written
