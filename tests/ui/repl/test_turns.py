"""Test TurnRunner: the timer that redraws clocks and spinner while a turn runs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from termchat.commands.builtin import builtin
from termchat.ui.frontend import DisplayOptions, FrontendContext
from termchat.ui.repl.input.completion_menu import CompletionMenu
from termchat.ui.repl.input.editor import InputEditor
from termchat.ui.repl.input.late_keys import LateKeys
from termchat.ui.repl.panels.approval_panel import ApprovalPanel
from termchat.ui.repl.panels.form import Form
from termchat.ui.repl.panels.key_help import KeyHelp
from termchat.ui.repl.panels.picker import Picker
from termchat.ui.repl.panels.style import PromptToolkitStyle
from termchat.ui.repl.panels.toast import Toast
from termchat.ui.repl.turns import TurnRunner
from termchat.ui.repl.widgets import Widgets
from tests.ui.fakes import FakeProviders, fake_session
from tests.ui.repl.test_streaming_reply import Stage
from tests.ui.terminal.test_row_painter import PALETTE


def nothing(*_: object, **__: object) -> None:
    """Stand for the parts of the REPL that a turn only tells of its changes."""


def turn_runner(stage: Stage, changed: Callable[..., None]) -> TurnRunner:
    widgets = Widgets(
        editor=InputEditor(nothing),
        picker=Picker(),
        menu=CompletionMenu(lambda _: ()),
        late=LateKeys(),
        toast=Toast(nothing),
        key_help=KeyHelp(),
        approval=ApprovalPanel(nothing, nothing, nothing),
        form=Form(nothing),
        transcript=stage.painter,
        style=PromptToolkitStyle(PALETTE.theme, PALETTE.depth),
    )
    context = FrontendContext(fake_session(), FakeProviders(), builtin(), PALETTE.theme, DisplayOptions())
    return TurnRunner(context, widgets, changed, nothing, nothing)


class Timers:
    """The redraw timers of turns, fired by `fire` only; all other timers of the loop run as usual."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.due: list[Callable[[], object]] = []
        self._call_later: Callable[..., asyncio.TimerHandle] = loop.call_later

    def call_later(self, delay: float, call: Callable[..., object], *args: Any, **options: Any) -> asyncio.TimerHandle:
        if isinstance(getattr(call, "__self__", None), TurnRunner):
            self.due.append(lambda: call(*args))
            return self._call_later(0, nothing)
        return self._call_later(delay, call, *args, **options)

    def fire(self) -> None:
        due, self.due = self.due, []
        for call in due:
            call()


async def test_queue_sent_at_once_leaves_one_redraw_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    loop, stage = asyncio.get_running_loop(), Stage()
    timers, ticks = Timers(loop), list[bool]()
    monkeypatch.setattr(loop, "call_later", timers.call_later)
    with stage.running():
        turns = turn_runner(stage, lambda *, ticked=False: ticks.append(ticked))
        turns.send("endless")
        for _ in range(3):
            before = turns.view.turn and turns.view.turn.id
            turns.enqueue("endless again")
            assert turns.send_now()
            async with asyncio.timeout(60):
                while turns.queue or not turns.view.turn or turns.view.turn.id == before:
                    await asyncio.sleep(0.01)
        timers.fire()  # those of the ended turns are the last
        assert len(timers.due) == 1
        ticks.clear()
        timers.fire()
        assert ticks == [True]
        await turns.close()
        timers.fire()
        assert not timers.due
