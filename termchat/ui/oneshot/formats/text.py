"""The unchanged text of the reply while it streams, for pipes, files and scripts."""

from __future__ import annotations

from termchat.core.errors import Failure
from termchat.core.events import Event, MessageDone, StepStarted, Streamed, TextDelta, TurnEnded
from termchat.core.messages import Citation
from termchat.core.sanitize import Safe, Sanitizer
from termchat.ui.oneshot.formats import RunEnd
from termchat.ui.oneshot.formats.output import write


class TextFormat:
    """Writes only the text of the reply to a file descriptor, without a final line end.

    `terminal`: the output is a terminal, so the text is made safe and ends with a line end before the shell prompt.

    Provisional text waits until it is certain to be no reasoning: what is written cannot be taken back.
    A turn of several steps has several texts, which are separated by a line end if the first one has none.
    """

    def __init__(self, fd: int, *, terminal: bool = False) -> None:
        self._fd = fd
        self._terminal = Sanitizer() if terminal else None
        self._held: str = ""  # a high surrogate whose other half is in the next delta
        self._last: str = "\n"
        self._waiting: list[str] = []  # provisional text
        self._wrote = False  # text of this message is written
        self._between = False

    async def show(self, event: Event) -> None:
        match event:
            case StepStarted():
                await self._settle()
                self._between, self._wrote = event.step > 1, False
            case Streamed(delta=TextDelta(text=text, provisional=provisional)) if text:
                self._waiting.append(text)
                if not provisional:
                    await self._settle()
            case MessageDone():
                await self._settle()
            case TurnEnded():
                await self._settle()
                if self._terminal and self._last != "\n":
                    await self._write("\n")  # the notes on the turn begin on a new row
            case _:
                pass

    async def inline_note(self, words: Safe) -> bool:
        return False  # only the text of the reply is written here

    async def withdraw(self) -> bool:
        self._waiting.clear()
        self._between = self._between or self._wrote
        return not self._wrote

    async def cite(self, sources: tuple[Citation, ...]) -> bool:
        return False

    async def close(self) -> None:
        await self._settle()
        held, self._held = self._held, ""
        if held:
            await write(self._fd, "\ufffd".encode())
        if self._terminal:
            await write(self._fd, encoded(self._terminal.close() + ("" if self._last == "\n" else "\n")))

    async def finish(self, end: RunEnd) -> Failure | None:
        return None

    async def _settle(self) -> None:
        """Write the waiting text."""
        text = "".join(self._waiting)
        self._waiting.clear()
        if not text:
            return
        if self._between and self._last != "\n":
            text = "\n" + text
        self._between, self._wrote = False, True
        await self._write(text)

    async def _write(self, text: str) -> None:
        text = self._held + (self._terminal.feed(text) if self._terminal else text)
        if not text:
            return
        self._held = text[-1] if "\ud800" <= text[-1] <= "\udbff" else ""
        text = text[: len(text) - len(self._held)]
        if text:
            self._last = text[-1]
            await write(self._fd, encoded(text))


def encoded(text: str) -> bytes:
    """Encode as UTF-8; surrogate pairs are joined, a lone surrogate becomes U+FFFD."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()
