"""Keyboard: standard input, decoded by `InputDecoder`, as key presses for prompt_toolkit."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from time import monotonic
from typing import TextIO, assert_never

from prompt_toolkit.input.posix_utils import PosixStdinReader
from prompt_toolkit.input.vt100 import Vt100Input
from prompt_toolkit.input.vt100_parser import Vt100Parser
from prompt_toolkit.key_binding import KeyPress
from prompt_toolkit.keys import Keys as PtKeys

from termchat.ui.terminal.input_decoder import PASTE_TIMEOUT, InputDecoder, PastedText, Piece, TerminalReply, TypedText

_READ = 1 << 16


class Keyboard(Vt100Input):
    """A prompt_toolkit input.

    deliver    processes keys that come outside of a read, namely a paste whose end mark is lost
    on_reply   called with each reply of the terminal
    """

    def __init__(
        self, stdin: TextIO, deliver: Callable[[Sequence[KeyPress]], None], on_reply: Callable[[str], None]
    ) -> None:
        super().__init__(stdin)
        # bytes that are no text must not become lone surrogates, which no file and no request can hold
        self.stdin_reader = PosixStdinReader(stdin.fileno(), errors="replace", encoding=stdin.encoding)
        self.decoder = InputDecoder()
        self._deliver = deliver
        self._on_reply = on_reply
        self._presses: list[KeyPress] = []
        self.vt100_parser = Vt100Parser(self._press)
        self._watch: asyncio.TimerHandle | None = None

    def read_keys(self) -> list[KeyPress]:
        """Return the keys that came since the last call."""
        keys = self._pressed(self.decoder.feed(self.stdin_reader.read(_READ), monotonic()))
        self._watch_paste()
        return keys

    def flush_keys(self) -> list[KeyPress]:
        """Return the keys that were held back as the possible beginning of a sequence."""
        self._pressed(self.decoder.flush(monotonic()), keep=True)
        self.vt100_parser.flush()
        return self._taken()

    def parse_keys(self, text: str) -> list[KeyPress]:
        """Return text that was typed before the program started as keys; every line end is an Enter."""
        self.vt100_parser.feed(text.replace("\r\n", "\r").replace("\n", "\r"))
        self.vt100_parser.flush()
        return self._taken()

    def _pressed(self, pieces: Sequence[Piece], *, keep: bool = False) -> list[KeyPress]:
        for piece in pieces:
            match piece:
                case TypedText(text):
                    self.vt100_parser.feed(text)
                case PastedText(text):
                    self.vt100_parser.flush()
                    self._press(KeyPress(PtKeys.BracketedPaste, text))
                case TerminalReply(text):
                    self._on_reply(text)
                case _:
                    assert_never(piece)
        return [] if keep else self._taken()

    def _press(self, key: KeyPress) -> None:
        self._presses.append(key)

    def _taken(self) -> list[KeyPress]:
        keys, self._presses = self._presses, []
        return keys

    def _watch_paste(self) -> None:
        """Check again after the time by which a paste should have ended."""
        if self._watch:
            self._watch.cancel()
            self._watch = None
        if self.decoder.pasting:
            loop = asyncio.get_running_loop()
            self._watch = loop.call_later(PASTE_TIMEOUT + 0.01, self._end_paste)

    def _end_paste(self) -> None:
        self._watch = None
        if keys := self._pressed(self.decoder.expire_paste(monotonic())):
            self._deliver(keys)
