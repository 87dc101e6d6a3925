"""The reply's exact text, as it comes and unchanged: what a pipe, a file and a script get."""

from __future__ import annotations

from termchat.core.events import Event, StepStarted, Streamed, TextDelta, TurnEnded
from termchat.core.messages import Citation
from termchat.core.sanitize import Safe, Sanitizer
from termchat.ui.oneshot.formats.output import write


class TextFormat:
    """Writes the text of the reply to a file descriptor, and nothing else: not even a last line end.

    `terminal`: the reader is one, so the text is made safe for it and the shell's prompt gets a line of its own.

    A turn of several steps is several texts: a line end is put between two of them where the first has none.
    """

    def __init__(self, fd: int, *, terminal: bool = False) -> None:
        self._fd = fd
        self._terminal = Sanitizer() if terminal else None
        self._held: str = ""  # half of a character: a high surrogate whose other half is in the next delta
        self._last: str = "\n"
        self._between = False

    async def show(self, event: Event) -> None:
        match event:
            case StepStarted():
                self._between = event.step > 1
            case Streamed(delta=TextDelta(text=text)) if text:
                if self._between and self._last != "\n":
                    text = "\n" + text
                self._between = False
                await self._write(text)
            case TurnEnded() if self._terminal and self._last != "\n":
                await self._write("\n")  # what is told of the turn begins on a row of its own
            case _:
                pass

    async def inline_note(self, words: Safe) -> bool:
        return False  # nothing but the text of the reply is written here

    async def cite(self, sources: tuple[Citation, ...]) -> bool:
        return False

    async def close(self) -> None:
        held, self._held = self._held, ""
        if held:
            await write(self._fd, "\ufffd".encode())
        if self._terminal:
            await write(self._fd, encoded(self._terminal.close() + ("" if self._last == "\n" else "\n")))

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
    """UTF-8; a character that came in two halves is put together, half a character becomes U+FFFD."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()
