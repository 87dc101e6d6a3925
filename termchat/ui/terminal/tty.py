"""The terminal as it was found: taken in the first lines of the program, given back on every way out.

Standard library only, and little of it: this is imported before anything else, so that what is typed while the rest
is being imported is neither echoed nor lost.
"""

from __future__ import annotations

import atexit
import os
import select
import signal
import sys
import termios
from collections.abc import Mapping
from types import FrameType
from typing import Any

from termchat.ui.terminal.early_prompt import EarlyPrompt

_MODES_OFF = "\x1b[?2004l\x1b[?1004l\x1b[?2026l\x1b[?7h\x1b[?25h\x1b[0m"
_SIGNALS = (signal.SIGTERM, signal.SIGHUP)
_PLAIN = ("plain=true", "accessible=true")


def _has_porch(env: Mapping[str, str]) -> bool:
    """Whether the terminal can take a row back; what reads the screen aloud is not given one to read twice."""
    seeing = env.get("TERM", "dumb") != "dumb" and env.get("ACCESSIBLE", "0") in ("", "0") and not env.get("CI")
    return seeing and not any("".join(row.split()).startswith(_PLAIN) for row in _configured(env).split("\n"))


def _configured(env: Mapping[str, str]) -> str:
    """The text of the config file, too early for whoever reads it properly; nothing when that cannot be read."""
    base = env.get("XDG_CONFIG_HOME", "")
    folder = base if base.startswith("/") else env.get("HOME", "") + "/.config"
    try:
        with open(f"{folder}/termchat/config.toml", encoding="utf-8", errors="replace") as file:
            return file.read(1 << 16)
    except OSError:
        return ""


class Tty:
    """Standard input and output, both terminals, in raw mode without echo until `restore`.

    typed    what was typed before the program could read it
    undo     sequences that switch off what was switched on beyond the usual modes, oldest first
    touched  whether modes were switched on at all
    """

    def __init__(self, fd_in: int, fd_out: int) -> None:
        self._in, self._out = fd_in, fd_out
        self._found: list[Any] = termios.tcgetattr(fd_in)
        self.typed = ""
        self.undo: list[str] = []
        self.touched = False
        self._restored = False
        self._talking: list[Any] | None = None
        self._porch: EarlyPrompt | None = None

    @classmethod
    def acquire(cls) -> Tty | None:
        """Take the terminal; None when one of the two is none. Until the loop runs, Ctrl-C interrupts.

        Without arguments it will be a talk: a prompt is shown at once and keys are echoed while the rest is imported.
        """
        try:
            fd_in, fd_out = sys.stdin.fileno(), sys.stdout.fileno()
            if not (os.isatty(fd_in) and os.isatty(fd_out)):
                return None
            tty = cls(fd_in, fd_out)
        except (AttributeError, OSError, ValueError, termios.error):
            return None
        tty.raw()
        if tty.read_typed():
            os.write(fd_out, b"\r\x1b[K")  # the terminal has echoed it
        atexit.register(tty.restore)
        for number in _SIGNALS:
            signal.signal(number, tty._killed)
        if len(sys.argv) == 1 and _has_porch(os.environ):
            tty._porch = EarlyPrompt(fd_in, fd_out, tty.typed)
            tty._porch.open()
        return tty

    def close_early_prompt(self, *, sweep: bool = False) -> bool:
        """The real input is there: `typed` is all that was typed before it.

        True when the row it begins on has something on it; `sweep` takes that away.
        """
        porch, self._porch = self._porch, None
        if porch is None:
            return False
        self.typed = porch.close()
        if sweep:
            porch.erase()
        return True

    def raw(self) -> None:
        """No echo, no line editing, no translation; keys that send signals still do."""
        mode = list(self._found)
        mode[0] &= ~(termios.ICRNL | termios.INLCR | termios.IGNCR | termios.IXON | termios.IXOFF)
        mode[3] &= ~(termios.ECHO | termios.ICANON | termios.IEXTEN)
        control = list(mode[6])
        control[termios.VMIN], control[termios.VTIME] = 1, 0
        mode[6] = control
        self._restored = False
        termios.tcsetattr(self._in, termios.TCSANOW, mode)

    def cooked(self) -> None:
        """As it was found, but that Ctrl-C takes nothing away of what was typed before it."""
        mode = list(self._found)
        mode[3] |= termios.NOFLSH
        self._restored = False
        termios.tcsetattr(self._in, termios.TCSANOW, mode)

    def save_modes(self) -> None:
        """The settings in use now are those the talk wants."""
        self._talking = termios.tcgetattr(self._in)

    def reapply_modes(self) -> None:
        """The program was stopped from outside and goes on: the settings of the talk again."""
        if self._talking and not self._restored:
            termios.tcsetattr(self._in, termios.TCSANOW, self._talking)

    def read_typed(self) -> bool:
        """Read what has been typed so far into `typed`, without waiting; whether there was anything."""
        data = b""
        try:
            while select.select([self._in], [], [], 0)[0]:
                piece = os.read(self._in, 4096)
                if not piece:
                    break
                data += piece
        except OSError:
            pass
        self.typed += data.decode("utf-8", "replace")
        return bool(data)

    def restore(self) -> None:
        """The terminal as it was found: modes off, cursor shown, settings from the snapshot. Any number of times."""
        if self._restored:
            return
        self._restored = True
        try:
            self.close_early_prompt(sweep=True)
            if self.touched:
                os.write(self._out, ("".join(reversed(self.undo)) + _MODES_OFF).encode())
            termios.tcsetattr(self._in, termios.TCSADRAIN, self._found)
        except (OSError, termios.error):
            pass  # the terminal is gone

    def drain(self, seconds: float) -> None:
        """Read and drop what the terminal still answers, so that no shell has to read it."""
        try:
            while select.select([self._in], [], [], seconds)[0]:
                answer = os.read(self._in, 4096)
                if not answer or (answer.endswith(b"c") and b"\x1b[" in answer):
                    return
        except OSError:
            return

    def _killed(self, number: int, frame: FrameType | None) -> None:
        self.restore()
        os._exit(128 + number)
