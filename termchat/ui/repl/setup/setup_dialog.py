"""The dialogue of a setup in the REPL: lists in the picker, questions in the form, findings in the transcript.

Between two questions all keys wait: a key that is pasted early must not become a message.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any, Self, TypeVar

from prompt_toolkit.application import get_app
from prompt_toolkit.clipboard import InMemoryClipboard

from termchat.commands.setup.ports import DialogCancelledError, TextQuestion
from termchat.core.effects import Choice, Effect
from termchat.core.sanitize import Safe
from termchat.core.style import TextRole
from termchat.ui.repl.panels.picker import PickerSource
from termchat.ui.repl.widgets import Widgets
from termchat.ui.terminal.key_hold import HoldingKeyProcessor
from termchat.ui.text.line import lines_of

T = TypeVar("T")
_FRAME = 1 / 8  # seconds, of the spinner


class ReplDialog:
    """Implements `commands.setup.ports.Dialog`; use it as a context manager, so that no key stays held.

    The keys are held when it is created. If it `keeps_typing`, what is typed during a wait goes to the input at the
    end; else it is dropped: it may be a key that was pasted early, or would answer a question that is not on screen.
    """

    def __init__(
        self,
        widgets: Widgets,
        keys: HoldingKeyProcessor,
        refresh: Callable[[], None],
        *,
        keeps_typing: bool,
    ) -> None:
        self._widgets = widgets
        self._keys = keys
        self._keeps_typing = keeps_typing
        self._refresh = refresh
        self._held = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._widgets.form.close()
        self._release()

    def show(self, words: Safe, role: TextRole = TextRole.DIM) -> None:
        self._widgets.transcript.lines(list(lines_of(words, role)), gap=False)

    async def choose(self, title: Safe, choices: Sequence[Choice], at: int = 0) -> int:
        source = ChoiceRows(title, choices, at, self._hold)
        self._widgets.picker.open(source)
        self._refresh()
        self._release()
        try:
            chosen = await source.chosen
        except asyncio.CancelledError:
            if self._widgets.picker.shows(source):
                self._widgets.picker.close()
            raise
        if chosen is None:
            raise DialogCancelledError
        return next(n for n, choice in enumerate(choices) if choice is chosen)

    async def ask(self, question: TextQuestion) -> str:
        answer = self._widgets.form.ask(
            question.prompt, question.help, question.default, self._hold, secret=question.secret
        )
        self._refresh()
        self._release()
        app = get_app()
        before = app.clipboard
        if question.secret:
            app.clipboard = InMemoryClipboard()  # a key that was cut must not be inserted anywhere
        try:
            text = await answer
        finally:
            app.clipboard = before
        if text is None:
            raise DialogCancelledError
        return text

    async def wait(self, words: Safe, work: Coroutine[Any, Any, T]) -> T:
        stopped, task = self._widgets.form.wait(words, self._hold), asyncio.create_task(work)
        self._widgets.late.forget()
        self._refresh()
        if self._keeps_typing:
            self._keys.copy()
        self._release()
        try:
            while not task.done() and not stopped.done():
                await asyncio.wait({task, stopped}, timeout=_FRAME, return_when=asyncio.FIRST_COMPLETED)
                self._refresh()
            if stopped.done():
                raise DialogCancelledError
            return task.result()
        finally:
            if self._keeps_typing:
                self._keys.recall(used=stopped.done())
            if not stopped.done():
                self._hold()
                self._widgets.form.close()
                self._widgets.late.wait_closed()
            if not task.done():
                task.cancel()
                with suppress(asyncio.CancelledError, Exception):
                    await task

    def _hold(self) -> None:
        if not self._held:
            self._held = True
            self._keys.hold()

    def _release(self) -> None:
        if self._held:
            self._held = False
            self._keys.release()


class ChoiceRows(PickerSource):
    """A list whose chosen row is the result of a future; None if the list is left."""

    is_secret = True

    def __init__(self, title: Safe, choices: Sequence[Choice], at: int, settled: Callable[[], None]) -> None:
        super().__init__(title, choices, start=at)
        self.chosen: asyncio.Future[Choice | None] = asyncio.get_running_loop().create_future()
        self._settled = settled

    def search(self, text: str) -> Sequence[Choice]:
        return super().search(text) if text.strip() else self.choices

    def on_accept(self, choice: Choice) -> Sequence[Effect]:
        self._settle(choice)
        return ()

    def on_cancel(self) -> None:
        self._settle(None)

    def _settle(self, choice: Choice | None) -> None:
        if not self.chosen.done():
            self._settled()
            self.chosen.set_result(choice)
