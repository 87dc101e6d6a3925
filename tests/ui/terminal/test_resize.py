"""Test a burst of resizes: nothing is written during it; pending lines are written once and in order after it."""

from __future__ import annotations

import asyncio
import io
import re
from contextvars import copy_context

import pytest
from prompt_toolkit.application.current import set_app
from prompt_toolkit.data_structures import Size
from prompt_toolkit.input import DummyInput
from prompt_toolkit.layout import Layout, Window
from prompt_toolkit.layout.controls import FormattedTextControl

from termchat.ui.terminal.output import FrameOutput
from termchat.ui.terminal.renderer import LiveApplication, reflow_of
from termchat.ui.terminal.screen import Screen
from tests.ui.terminal.test_row_painter import PALETTE

SETTLED = 0.08  # seconds


class TerminalBuffer(io.StringIO):
    """A text buffer with the encoding of a terminal."""

    encoding = "utf-8"


@pytest.mark.parametrize(
    ("env", "least"), [({}, SETTLED), ({"STY": "1.pts"}, SETTLED), ({"TMUX": "/tmp/tmux", "STY": "1.pts"}, 0.5)]
)
def test_reflow_in_tmux_settles_after_a_size_that_is_reported_late(env: dict[str, str], least: float) -> None:
    """tmux reports the second size of a burst 0.25 seconds after the first, but wraps its screen at once."""
    assert reflow_of(env).settled == least


def test_resize_burst_delays_writes_until_80_ms_after_last_size() -> None:
    asyncio.run(_many_sizes())


async def _many_sizes() -> None:
    size, out = [Size(24, 100)], TerminalBuffer()
    output = FrameOutput(out, lambda: size[0], "xterm-256color", sync=True)
    app = LiveApplication(output, PALETTE, layout=Layout(Window(FormattedTextControl("input"))), input=DummyInput())
    app._is_running = True
    over = asyncio.Event()
    with set_app(app):
        app.context = copy_context()
        screen = Screen(app)
        screen.on_resize(over.set)
        app.paint()
        assert "input" in out.getvalue()
        painted, loop = len(out.getvalue()), asyncio.get_running_loop()
        for n, columns in enumerate((90, 75, 60)):
            size[0] = Size(24, columns)
            before = loop.time()
            app._on_resize()
            timer = app._settling
            assert timer
            assert before + SETTLED <= timer.when() <= loop.time() + SETTLED
            app.paint()
            screen.redraw()
            screen.commit(f"line {n}\n")
            assert not screen.ready
            assert len(out.getvalue()) == painted
            assert not over.is_set()
        await asyncio.wait_for(over.wait(), 30)
        written = out.getvalue()[painted:]
    assert screen.ready
    assert [row for row in written.replace("\r", "").split("\n") if row.endswith(("0", "1", "2"))][-2:] == [
        "line 1", "line 2"
    ]  # fmt: skip
    assert [written.count(f"line {n}") for n in range(3)] == [1, 1, 1]
    assert written.count("input") == 1


@pytest.mark.parametrize(
    ("env", "up"),
    [
        ({}, 2),  # the row above takes two rows
        ({"TERM": "screen.xterm-256color", "STY": "1.pts"}, 2),
        ({"TMUX": "/tmp/tmux-0/default,1,0", "TERM_PROGRAM": "vscode"}, 2),
        ({"TERM_PROGRAM": "vscode"}, 4),  # so does the row below, and then the row of the cursor, which push it down
        ({"XTERM_VERSION": "XTerm(401)"}, 1),
    ],
)
def test_narrower_terminal_finds_start_of_live_region_as_it_reflows(env: dict[str, str], up: int) -> None:
    size, out = [Size(24, 100)], TerminalBuffer()
    output = FrameOutput(out, lambda: size[0], "xterm-256color", sync=True)
    rows = [("", "a" * 50 + "\n"), ("[SetCursorPosition]", ""), ("", "i" * 50 + "\n"), ("", "b" * 60)]
    layout = Layout(Window(FormattedTextControl([*rows], focusable=True)))
    app = LiveApplication(output, PALETTE, reflow=reflow_of(env), layout=layout, input=DummyInput())
    app._is_running = True
    with set_app(app):
        app.context = copy_context()
        app.paint()
        size[0] = Size(24, 40)
        painted = len(out.getvalue())
        app.renderer.relocate()
        output.flush()
    (moved,) = re.findall(r"\x1b\[(\d*)A", out.getvalue()[painted:])
    assert int(moved or 1) == up
