"""Early prompt: reads keys while the rest of the program is being imported.

It shows the prompt sign and echoes up to one row of plain characters; further input is kept, and shown by the real
input, which starts on the same row with all keys typed so far. Only the standard library is imported.
"""

from __future__ import annotations

import codecs
import os
import select
import threading
from collections.abc import Mapping

_BACK = "\b"


def supports_unicode(env: Mapping[str, str]) -> bool:
    """Return True if the terminal shows signs outside of ASCII: a UTF-8 locale, and not the Linux console."""
    if env.get("TERM", "") == "linux":
        return False
    kind = env.get("LC_CTYPE", "").replace("C.UTF-8", "")  # Python sets this value itself in the C locale
    locale = env.get("LC_ALL") or kind or env.get("LANG") or "UTF-8"
    return "UTF8" in locale.upper().replace("-", "")


class EarlyPrompt:
    """Reads on a thread from `open` to `close`, which returns the typed text."""

    def __init__(self, fd_in: int, fd_out: int, typed: str) -> None:
        self._in, self._out = fd_in, fd_out
        self._typed = typed
        self._shown = ""
        self._sign = "❯ " if supports_unicode(os.environ) else "> "
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._woken, self._wake = os.pipe()
        self._room = self._columns() - 6
        self._thread = threading.Thread(target=self._read, daemon=True)

    def open(self) -> None:
        """Show the prompt sign and start reading."""
        self._thread.start()
        self._echo()

    def close(self) -> str:
        """Stop reading and return the typed text. The row stays on screen for the first frame to take over."""
        os.write(self._wake, b"x")
        if self._thread.is_alive():
            self._thread.join()
        os.close(self._woken)
        os.close(self._wake)
        return self._typed

    def _read(self) -> None:
        while True:
            ready, _, _ = select.select([self._in, self._woken], [], [])
            if self._woken in ready:
                return
            try:
                data = os.read(self._in, 4096)
            except OSError:
                return
            if not data:
                return
            self._typed += self._decoder.decode(data)
            self._echo()

    def _echo(self) -> None:
        """Show the typed text while it is plain and fits."""
        shown = _plain(self._typed)
        if shown is None or len(shown) * 2 > self._room or (shown == self._shown and shown):
            return
        gone = 2 * max(0, len(self._shown) - len(shown))
        self._shown = shown
        os.write(self._out, f"\r{self._sign}{shown}{' ' * gone}{_BACK * gone}".encode())

    def erase(self) -> None:
        """Erase the row without an escape sequence: the plain front end may follow."""
        blank = " " * (len(self._sign) + 2 * len(self._shown))
        os.write(self._out, f"\r{blank}\r".encode())

    def _columns(self) -> int:
        try:
            return os.get_terminal_size(self._out).columns or 80
        except OSError:
            return 80


def _plain(typed: str) -> str | None:
    """Return the text that the input would show for these keys; None for keys beyond characters and Backspace."""
    shown = ""
    for key in typed:
        if key in "\x7f\b":
            shown = shown[:-1]
        elif key.isprintable():
            shown += key
        else:
            return None
    return shown
