"""Output of libraries, such as prints and warnings, turned into lines of the scrollback: it must not break a frame."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager

from termchat.core.sanitize import Safe, safe


class LineCapture(io.TextIOBase):
    """A text stream that passes whole lines to `say`; may be written from any thread."""

    def __init__(self, say: Callable[[Safe], None]) -> None:
        self._say = say
        self._rest = ""

    @property
    def encoding(self) -> str:  # type: ignore[override]
        return "utf-8"

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return False

    def write(self, text: str, /) -> int:
        *whole, self._rest = (self._rest + text).split("\n")
        for row in whole:
            if row.strip():
                self._say(safe(row))
        return len(text)


@contextmanager
def captured_output(say: Callable[[Safe], None]) -> Generator[None, None, None]:
    """Redirect standard output and error to `say`, line by line."""
    before = sys.stdout, sys.stderr
    sys.stdout = sys.stderr = LineCapture(say)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before
