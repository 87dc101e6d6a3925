"""Work beside the chat in the REPL: what it shows, and the tasks that run it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from termchat.config.settings import ReasoningView
from termchat.core.effects import Adopt, AskAside, Compare, Effect, ForkAside, SideEffect
from termchat.core.messages import Message
from termchat.core.sanitize import Safe, safe
from termchat.ui.blocks import Block
from termchat.ui.compare.side_work import adopt_effects
from termchat.ui.repl.transcript import prompt_sign, user_lines
from termchat.ui.repl.turns import TurnRunner
from termchat.ui.repl.widgets import Widgets

_TICK = 1 / 8  # seconds
_REPORT = 5.0  # seconds


class SideRunner:
    """Performs the effects that run beside the chat. Implements `ui.compare.side_work.SideScreen`.

    start    runs a coroutine beside the input
    perform  performs the effects that follow
    refresh  redraws the live region
    """

    def __init__(
        self,
        turns: TurnRunner,
        widgets: Widgets,
        refresh: Callable[[], None],
        start: Callable[[Coroutine[Any, Any, None]], None],
        perform: Callable[[Sequence[Effect]], None],
    ) -> None:
        self._turns = turns
        self._editor = widgets.editor
        self._toast = widgets.toast
        self._transcript = widgets.transcript
        self._start = start
        self._perform = perform
        self._refresh = refresh
        self._ticking = False
        self._work = turns.side
        self._work.screen = self

    def run(self, effect: SideEffect) -> None:
        """Start an effect; its result is shown when it comes."""
        match effect:
            case Compare():
                self._start(self._finish(self._work.compare(effect)))
            case AskAside():
                self._start(self._work.ask(effect))
            case ForkAside():
                self._start(self._finish(self._work.fork(effect)))
            case Adopt():
                self._perform(adopt_effects(self._turns.session, effect))
        self._tick()

    @property
    def replying(self) -> bool:
        return self._turns.view.busy

    @property
    def reasoning(self) -> ReasoningView:
        return self._turns.view.reasoning

    def asked(self, message: Message) -> None:
        shown = safe(self._editor.pastes.shown(self._editor.draft_of(message)))
        sign = prompt_sign(signs=self._transcript.signs)
        self._transcript.lines(user_lines(shown, sign), after=True, whole=True)

    def show_whole(self, blocks: Sequence[Block]) -> None:
        self._transcript.restart_code_numbers()
        self._transcript.show(blocks)

    def report(self, words: Safe) -> None:
        self._toast.say(words, _REPORT)

    def changed(self) -> None:
        self._refresh()
        self._tick()

    async def _finish(self, work: Coroutine[Any, Any, Sequence[Effect]]) -> None:
        self._perform(await work)

    def _tick(self) -> None:
        """Redraw the clocks of the live rows while there are any."""
        if not self._ticking:
            self._ticking = True
            asyncio.get_running_loop().call_later(_TICK, self._redraw)

    def _redraw(self) -> None:
        self._ticking = False
        self._refresh()
        if self._work.active:
            self._tick()
