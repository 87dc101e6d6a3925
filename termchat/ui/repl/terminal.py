"""What this terminal is and can do: asked once, never waited for; and what is told to it: title and notifications."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from time import monotonic

from termchat.core.sanitize import EMPTY, Safe
from termchat.ui.repl.tty import Tty
from termchat.ui.screen import Screen

_PROBE = "\x1b[?u\x1b]11;?\x1b\\\x1b[?2026$p\x1b[c"
_KITTY_ON, _KITTY_OFF = "\x1b[>1u", "\x1b[<u"
_FOCUS_ON, _FOCUS_OFF = "\x1b[?1004h", "\x1b[?1004l"
_TITLE_PUSH, _TITLE_POP = "\x1b[22;0t", "\x1b[23;0t"
_COLOUR = re.compile(r"\x1b\]11;rgb:([0-9a-fA-F]+)/([0-9a-fA-F]+)/([0-9a-fA-F]+)")
_LONG_TURN = 10.0
_UNSEEN_TURN = 30.0


class Terminal:
    """Asks the terminal after the first paint and acts on what it answers, whenever that is.

    background   told "light" or "dark" once the terminal has said its colour
    focused      None while the terminal has never told
    """

    def __init__(
        self,
        screen: Screen,
        tty: Tty | None,
        env: Mapping[str, str],
        notify: str,
        background: Callable[[str], None],
    ) -> None:
        self._screen = screen
        self._tty = tty
        self._env = env
        self._notify = notify
        self._background = background
        self._silent = env.get("TERM", "") in ("dumb", "linux") or tty is None
        self._modes: dict[str, str] = {}
        self._title = EMPTY
        self.focused: bool | None = None
        self.asked_at: float | None = None

    def begin(self) -> None:
        """The questions, and the modes that need no answer; after the first paint."""
        if self._silent:
            return
        self._on(_FOCUS_ON, _FOCUS_OFF)
        self._on(_TITLE_PUSH, _TITLE_POP)
        self.asked_at = monotonic()
        self._screen.send(_PROBE)

    def again(self) -> None:
        """Something else had the terminal: what was switched on is switched on again."""
        for on in self._modes:
            self._screen.send(on)
        title, self._title = self._title, EMPTY
        self.title(title)

    def end(self) -> None:
        """Leave no question unanswered behind: the answer would be read by the shell."""
        if self._tty and self.asked_at is not None and monotonic() - self.asked_at < 1.0:
            self._tty.drain(0.1)

    def reply(self, text: str) -> None:
        """An answer of the terminal."""
        if text in ("\x1b[I", "\x1b[O"):
            self.focused = text == "\x1b[I"
        elif found := _COLOUR.match(text):
            red, green, blue = (int(part[:2].ljust(2, part[:1]), 16) for part in found.groups())
            self._background("light" if 0.299 * red + 0.587 * green + 0.114 * blue > 127 else "dark")
        elif text.startswith("\x1b[?2026;"):
            self._screen.out.sync = text[8:9] in "12"
        elif text.startswith("\x1b[?") and text.endswith("u") and _KITTY_ON not in self._modes:
            self._on(_KITTY_ON, _KITTY_OFF)
        elif text.startswith("\x1b[?") and text.endswith("c"):
            self.asked_at = None

    def title(self, text: Safe) -> None:
        """The window's title, written only when it changes."""
        if not self._silent and text != self._title:
            self._title = text
            self._screen.send(f"\x1b]2;{text}\x07")

    def ended(self, words: Safe, seconds: float) -> None:
        """A turn is over: say so if the user is likely to look elsewhere."""
        unseen = seconds >= _LONG_TURN if self.focused is False else self.focused is None and seconds >= _UNSEEN_TURN
        if self._notify == "off" or self._silent or not unseen:
            return
        self._screen.send("\x07" if self._notify == "bell" else notification(words, self._env))

    def _on(self, on: str, off: str) -> None:
        if self._tty:
            self._modes[on] = off
            self._tty.undo.append(off)
            self._screen.send(on)


def notification(words: Safe, env: Mapping[str, str]) -> str:
    """The sequence by which this terminal shows a notification; the bell where none is known."""
    program = env.get("TERM_PROGRAM", "")
    if env.get("KITTY_WINDOW_ID"):
        sequence = f"\x1b]99;;{words}\x1b\\"
    elif program in ("iTerm.app", "WezTerm", "ghostty"):
        sequence = f"\x1b]9;{words}\x07"
    elif env.get("VTE_VERSION") or "rxvt" in env.get("TERM", ""):
        sequence = f"\x1b]777;notify;termchat;{words}\x07"
    else:
        return "\x07"
    if env.get("TMUX"):
        return "\x1bPtmux;" + sequence.replace("\x1b", "\x1b\x1b") + "\x1b\\"
    return sequence
