"""The dialogue of a setup outside of a chat: the panels of the chat, each shown until it is answered."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine, Generator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, TypeVar

from prompt_toolkit.application import Application
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.keys import Keys
from prompt_toolkit.layout import HSplit, Layout, Window
from prompt_toolkit.layout.controls import BufferControl, FormattedTextControl

from termchat.commands.setup.ports import Dialog, DialogCancelledError, TextQuestion
from termchat.core.effects import Choice
from termchat.core.sanitize import Safe
from termchat.core.style import TextRole, Theme
from termchat.ui.repl.input.prompt_toolkit_keys import quick_escape
from termchat.ui.repl.panels.form import Form
from termchat.ui.repl.panels.layout import MaskedText
from termchat.ui.repl.panels.picker import Picker
from termchat.ui.repl.panels.status import spinner
from termchat.ui.repl.panels.style import DEPTHS, PromptToolkitStyle
from termchat.ui.repl.setup.setup_dialog import ChoiceRows
from termchat.ui.stderr import Stderr
from termchat.ui.terminal.early_prompt import supports_unicode
from termchat.ui.terminal.output import make_output
from termchat.ui.text.line import Line
from termchat.ui.text.palette import detect_color_depth

T = TypeVar("T")
_FRAME = 1 / 8  # seconds, of the spinner


async def run_in_panels(ask: Callable[[Dialog], Coroutine[Any, Any, int]], theme: Theme, env: Mapping[str, str]) -> int:
    """Run a dialogue and return its result. What is typed between two questions is not echoed."""
    with _silent():
        return await ask(PanelDialog(theme, env))


class PanelDialog:
    """Implements `commands.setup.ports.Dialog` on a terminal that no chat uses."""

    def __init__(self, theme: Theme, env: Mapping[str, str]) -> None:
        self._signs = supports_unicode(env)
        self._depth = detect_color_depth(env)
        self._style = PromptToolkitStyle(theme, self._depth, signs=self._signs)
        self._output = make_output(sys.__stdout__ or sys.stdout, env)

    def show(self, words: Safe, role: TextRole = TextRole.DIM) -> None:
        Stderr().rows([words])

    async def choose(self, title: Safe, choices: Sequence[Choice], at: int = 0) -> int:
        picker = Picker()
        rows = ChoiceRows(title, choices, at, lambda: None)
        picker.open(rows)
        keys = _keys(picker.close, picker.accept, picker.back)
        for key, by in (("up", -1), ("c-p", -1), ("down", 1), ("c-n", 1)):
            _bind_move(keys, key, partial(picker.move, by))
        pages = {"pageup": picker.page_up, "pagedown": picker.page_down, "c-home": picker.first, "c-end": picker.last}
        for key, move in pages.items():
            _bind_move(keys, key, move)
        _bind_paste(keys, picker.paste)
        await self._run(
            lambda: picker.lines(*self._size()),
            picker.filter,
            lambda: Safe("/ "),
            keys,
            rows.chosen,
            lambda text: picker.shown_filter(text, signs=self._signs),
        )
        chosen = rows.chosen.result()
        if chosen is None:
            raise DialogCancelledError
        return next(n for n, choice in enumerate(choices) if choice is chosen)

    async def ask(self, question: TextQuestion) -> str:
        form = Form(lambda: None)
        answer = form.ask(question.prompt, question.help, question.default, lambda: None, secret=question.secret)
        keys = _keys(form.cancel, form.submit)
        _bind_paste(keys, form.paste)
        await self._run_form(form, keys, answer)
        text = answer.result()
        if text is None:
            raise DialogCancelledError
        return text

    async def wait(self, words: Safe, work: Coroutine[Any, Any, T]) -> T:
        form, task = Form(lambda: None), asyncio.create_task(work)
        stopped = form.wait(words, lambda: None)
        ended = asyncio.ensure_future(asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED))
        await self._run_form(form, _keys(form.cancel, lambda: None), ended)
        if task.done():
            return task.result()
        task.cancel()
        with suppress(asyncio.CancelledError, Exception):
            await task
        raise DialogCancelledError

    async def _run_form(self, form: Form, keys: KeyBindings, done: asyncio.Future[Any]) -> None:
        await self._run(
            lambda: form.lines(*self._size()),
            form.text,
            lambda: form.prompt(self._size()[0], self._glyph()),
            keys,
            done,
            lambda text: form.shown(text, signs=self._signs),
        )

    async def _run(
        self,
        lines: Callable[[], Sequence[Line]],
        buffer: Buffer,
        prompt: Callable[[], Safe],
        keys: KeyBindings,
        done: asyncio.Future[Any],
        shown: Callable[[str], str] = str,
    ) -> None:
        """Show a panel over a line of text until `done`; nothing of it stays on the screen."""
        style = self._style
        panel = Window(
            FormattedTextControl(lambda: style.lines(list(lines()))), dont_extend_height=True, wrap_lines=False
        )
        text = Window(
            BufferControl(buffer, input_processors=[MaskedText(shown)]),
            height=1,
            get_line_prefix=lambda number, wraps: [(style.style(TextRole.ACCENT), prompt())],
        )
        app: Application[None] = Application(
            Layout(HSplit([panel, text]), focused_element=text),
            key_bindings=keys,
            output=self._output,
            color_depth=DEPTHS[self._depth],
            erase_when_done=True,
            refresh_interval=_FRAME,
        )
        quick_escape(app)  # type: ignore[arg-type]  # the result is not used
        running = asyncio.create_task(app.run_async(handle_sigint=False))
        await asyncio.wait({running, done}, return_when=asyncio.FIRST_COMPLETED)
        if app.is_running and not app.is_done:
            app.exit()
        await running

    def _size(self) -> tuple[int, int]:
        size = self._output.get_size()
        return size.columns, size.rows

    def _glyph(self) -> str:
        return spinner(asyncio.get_running_loop().time(), signs=self._signs, motion=True)


def _keys(
    cancel: Callable[[], None], accept: Callable[[], object], back: Callable[[], None] | None = None
) -> KeyBindings:
    """Return the bindings of the keys that end a question; `back` is done by Esc in place of `cancel`."""
    keys = KeyBindings()

    @keys.add("escape")
    def _(event: KeyPressEvent) -> None:
        (back or cancel)()

    @keys.add("c-c")
    @keys.add("c-d")
    def _(event: KeyPressEvent) -> None:
        cancel()

    @keys.add("c-m")
    def _(event: KeyPressEvent) -> None:
        accept()

    return keys


def _bind_move(keys: KeyBindings, key: str, move: Callable[[], None]) -> None:
    @keys.add(key)
    def _(event: KeyPressEvent) -> None:
        move()


def _bind_paste(keys: KeyBindings, paste: Callable[[str], None]) -> None:
    @keys.add(Keys.BracketedPaste)
    def _(event: KeyPressEvent) -> None:
        paste(event.data)


@contextmanager
def _silent(fd: int = 0) -> Generator[None]:
    """Turn the echo of the terminal off."""
    import termios

    before = termios.tcgetattr(fd)
    quiet = [*before]
    quiet[3] = before[3] & ~termios.ECHO
    termios.tcsetattr(fd, termios.TCSADRAIN, quiet)
    try:
        yield
    finally:
        termios.tcsetattr(fd, termios.TCSADRAIN, before)
