"""Queries to the terminal, whose replies are never waited for; its modes, title and notifications."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from time import monotonic

from termchat.core.sanitize import EMPTY, Safe
from termchat.ui.terminal.capabilities import supports_progress
from termchat.ui.terminal.notify import Notifier
from termchat.ui.terminal.screen import Screen
from termchat.ui.terminal.tty import Tty

_PROBE = "\x1b[?u\x1b]11;?\x1b\\\x1b[?2026$p\x1b[?2004$p\x1b[c"
_KITTY_ON, _KITTY_OFF = "\x1b[>1u", "\x1b[<u"
_FOCUS_ON, _FOCUS_OFF = "\x1b[?1004h", "\x1b[?1004l"
_TITLE_PUSH, _TITLE_POP = "\x1b[22;0t", "\x1b[23;0t"
_COLOUR = re.compile(r"\x1b\]11;rgb:([0-9a-fA-F]+)/([0-9a-fA-F]+)/([0-9a-fA-F]+)")
_PROGRESS_ON, _PROGRESS_OFF = "\x1b]9;4;3;0\x1b\\", "\x1b]9;4;0;0\x1b\\"


class TerminalQueries:
    """Queries the terminal after the first paint and acts on its replies, whenever they come.

    background   called with "light" or "dark" when the terminal reports its background
    focused      None until the terminal reports its focus
    asked_at     time of the queries, None after the last reply
    listeners    called with each reply first; True from one of them means that it was for them
    """

    def __init__(
        self,
        screen: Screen,
        tty: Tty | None,
        env: Mapping[str, str],
        notifier: Notifier,
        background: Callable[[str], None],
    ) -> None:
        self._screen = screen
        self._tty = tty
        self._notifier = notifier
        self._background = background
        self._silent = env.get("TERM", "") in ("dumb", "linux") or tty is None
        self._progress = supports_progress(env) and not self._silent
        self._modes: dict[str, str] = {}
        self.listeners: list[Callable[[str], bool]] = []
        self._title = EMPTY
        self.focused: bool | None = None
        self.asked_at: float | None = None

    def start(self) -> None:
        """Send the queries and the modes that need no reply; call after the first paint."""
        if self._silent:
            return
        self._on(_FOCUS_ON, _FOCUS_OFF)
        self._on(_TITLE_PUSH, _TITLE_POP)
        self.asked_at = monotonic()
        self._screen.write_control(_PROBE)

    def reapply(self, *, still_set: bool = False) -> None:
        """Set all modes and the title again, after another program had the terminal.

        `still_set`: they were not undone for it. Each is undone first, because the terminal keeps some on a stack.
        """
        for on, off in self._modes.items():
            self._screen.write_control(off + on if still_set else on)
        title, self._title = self._title, EMPTY
        self.title(title)

    def finish(self) -> None:
        """Wait for pending replies: otherwise the shell would read them."""
        if self._tty and self.asked_at is not None and monotonic() - self.asked_at < 1.0:
            self._tty.drain(0.1)

    def reply(self, text: str) -> None:
        """Handle a reply of the terminal."""
        if any(takes(text) for takes in self.listeners):
            return
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
        """Set the title of the window; write it only if it changed."""
        if not self._silent and text != self._title:
            self._title = text
            self._screen.write_control(f"\x1b]2;{text}\x07")

    def working(self, busy: bool) -> None:
        """Show or hide progress in the tab and the taskbar, where the terminal supports it."""
        if not self._progress or busy == (_PROGRESS_ON in self._modes):
            return
        if busy:
            self._on(_PROGRESS_ON, _PROGRESS_OFF)
        else:
            self._off(_PROGRESS_ON)

    def ended(self, words: Safe, seconds: float) -> None:
        """Notify of the end of a turn that took `seconds`, if the user probably does not look."""
        self._notifier.ended(words, seconds, focused=self.focused)

    def asked(self, words: Safe) -> None:
        """Notify of a question, unless the user looks at the terminal."""
        self._notifier.asked(words, focused=self.focused)

    def _on(self, on: str, off: str) -> None:
        if self._tty:
            self._modes[on] = off
            self._tty.undo.append(off)
            self._screen.write_control(on)

    def _off(self, on: str) -> None:
        off = self._modes.pop(on, None)
        if self._tty and off:
            self._tty.undo.remove(off)
            self._screen.write_control(off)
