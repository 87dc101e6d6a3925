"""The dialogue of a setup in lines, for the plain front end and subcommands: numbered lists, no echo of a key."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Coroutine, Generator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

from termchat.commands.registry import matching_choices
from termchat.commands.setup.ports import DialogCancelledError, TextQuestion
from termchat.core.effects import Choice
from termchat.core.numbers import whole_number
from termchat.core.sanitize import EMPTY, Safe, safe, safe_format, safe_line
from termchat.core.style import TextRole
from termchat.ui.plain.line_reader import LineReader

T = TypeVar("T")
_LISTED = 30  # rows of a long list; a part of a name shows others


class LineDialog:
    """Implements `commands.setup.ports.Dialog`. An empty line leaves a question, Ctrl-C everything.

    write    prints lines
    prompt   prints words that the answer follows on the same line
    entered  notes that the answer was entered
    """

    def __init__(
        self,
        reader: LineReader,
        write: Callable[[Sequence[Safe], TextRole], None],
        prompt: Callable[[Safe], None],
        entered: Callable[[], None],
    ) -> None:
        self._reader = reader
        self._write = write
        self._prompt = prompt
        self._entered = entered
        self._waited = EMPTY  # the words of the last wait, since a line was entered

    def show(self, words: Safe, role: TextRole = TextRole.DIM) -> None:
        self._write([words], role)

    async def choose(self, title: Safe, choices: Sequence[Choice], at: int = 0) -> int:
        shown: Sequence[Choice] = choices
        self._list(title, choices, shown)
        while True:
            self._prompt(safe_format("Number: "))
            text = (await self._next()).strip()
            if not text:
                raise DialogCancelledError
            if text.isascii() and text.isdigit():
                if 1 <= (number := whole_number(text) or 0) <= len(choices):
                    return number - 1
                self._write([safe_format("Enter a number from 1 to {n}.", n=safe(str(len(choices))))], TextRole.TEXT)
                continue
            shown = matching_choices(choices, text)
            if len(shown) == 1:
                return next(n for n, choice in enumerate(choices) if choice is shown[0])
            title = safe_format("Several match") if shown else safe_format("None matches {text}", text=safe_line(text))
            self._list(title, choices, shown)

    async def ask(self, question: TextQuestion) -> str:
        self._write(question.help, TextRole.DIM)
        default = safe_format(" [{text}]", text=safe_line(question.default)) if question.default else Safe("")
        self._prompt(safe_format("{prompt}{default}: ", prompt=question.prompt, default=default))
        with _without_echo() if question.secret else _with_echo():
            text = await self._next()
        if not text.strip() and not question.default:
            raise DialogCancelledError
        return text if text.strip() else question.default

    async def wait(self, words: Safe, work: Coroutine[Any, Any, T]) -> T:
        if words != self._waited:  # one of many steps, such as the checks of a diagnosis
            self._waited = words
            self._write([safe_format("{words}…", words=words)], TextRole.DIM)
        return await work

    async def _next(self) -> str:
        text = await self._reader.next()
        self._waited = EMPTY
        self._entered()
        if text is None:
            raise DialogCancelledError
        return text

    def _list(self, title: Safe, choices: Sequence[Choice], shown: Sequence[Choice]) -> None:
        """Print rows with their numbers in the whole list, and the instruction below them."""
        numbers = {id(choice): n for n, choice in enumerate(choices, 1)}
        rows = [
            Safe(f"{numbers[id(choice)]:>4}  {choice.label}  {choice.detail}".rstrip()) for choice in shown[:_LISTED]
        ]
        more = len(shown) - _LISTED
        if more > 0:
            rows.append(safe_format("      and {n} more: type a part of the name", n=safe(str(more))))
        end = safe_format("Type a number, or an empty line to leave.")
        head = title if title.endswith("?") else safe_format("{title}:", title=title)
        self._write([head, *rows, end], TextRole.TEXT)


@contextmanager
def _with_echo() -> Generator[None]:
    yield


@contextmanager
def _without_echo(fd: int = 0) -> Generator[None]:
    """Hide what is typed, except for the end of the line."""
    if sys.platform == "win32" or not os.isatty(fd):
        yield
        return
    import termios

    before = termios.tcgetattr(fd)
    hidden = [*before]
    hidden[3] = before[3] & ~termios.ECHO | termios.ECHONL
    termios.tcsetattr(fd, termios.TCSADRAIN, hidden)
    try:
        yield
    finally:
        termios.tcsetattr(fd, termios.TCSADRAIN, before)
