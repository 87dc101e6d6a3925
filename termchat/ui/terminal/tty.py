"""Terminal modes: acquired in the first lines of the program, restored at every exit.

This module is imported first, so that keys typed during the other imports are neither echoed nor lost. It imports
only a few modules of the standard library.
"""

from __future__ import annotations

import atexit
import os
import select
import signal
import stat
import sys
import termios
from collections.abc import Mapping
from contextlib import suppress
from types import FrameType
from typing import Any

from termchat.ui.terminal.early_prompt import EarlyPrompt

_MODES_OFF = "\x1b[?2004l\x1b[?1004l\x1b[?2026l\x1b[?7h\x1b[?25h\x1b[0m"
_MOUSE_OFF = b"\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l"
_SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
_CTRL_D = "\x04"  # the kernel keeps one that is typed before raw mode as NUL
_PLAIN = ("plain=true", "accessible=true")  # lines of the config file, without blanks


def _may_show_prompt(env: Mapping[str, str]) -> bool:
    """Return True if the early prompt may be shown.

    A dumb terminal cannot erase it, and a screen reader would read it twice.
    """
    seeing = env.get("TERM", "dumb") != "dumb" and env.get("ACCESSIBLE", "0") in ("", "0") and not env.get("CI")
    return seeing and not any("".join(row.split()).startswith(_PLAIN) for row in _configured(env).split("\n"))


def _configured(env: Mapping[str, str]) -> str:
    """Return the text of the config file, before it can be parsed; "" if it cannot be read."""
    base = env.get("XDG_CONFIG_HOME", "")
    folder = base if base.startswith("/") else env.get("HOME", "") + "/.config"
    try:
        fd = os.open(f"{folder}/termchat/config.toml", os.O_RDONLY | os.O_NONBLOCK)  # a pipe must not be waited for
        with open(fd, encoding="utf-8", errors="replace") as file:
            return file.read(1 << 16) if stat.S_ISREG(os.fstat(fd).st_mode) else ""
    except OSError:
        return ""


class Tty:
    """Standard input and output, both terminals, in raw mode without echo until `restore`.

    typed    text typed before the program could read it
    undo     sequences that undo modes beyond the usual ones, oldest first
    touched  modes were set, so `restore` has to undo them
    """

    def __init__(self, fd_in: int, fd_out: int) -> None:
        self._in, self._out = fd_in, fd_out
        self._original: list[Any] = termios.tcgetattr(fd_in)
        self.typed = ""
        self.undo: list[str] = []
        self.touched = False
        self._restored = False
        self._repl_modes: list[Any] | None = None
        self._early_prompt: EarlyPrompt | None = None

    @classmethod
    def acquire(cls, *, early_prompt: bool = False) -> Tty | None:
        """Acquire the terminal; None unless both streams are terminals. Until the loop runs, Ctrl-C interrupts.

        early_prompt   the REPL will start: show a prompt at once, which echoes keys during the imports
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
            os.write(fd_out, b"\r\x1b[K")  # erase its echo
            tty.typed = tty.typed.replace("\0", _CTRL_D)
        atexit.register(tty.restore)
        for number in _SIGNALS:
            signal.signal(number, tty._killed)
        if early_prompt and _may_show_prompt(os.environ):
            tty._early_prompt = EarlyPrompt(fd_in, fd_out, tty.typed)
            tty._early_prompt.open()
        return tty

    def close_early_prompt(self, *, sweep: bool = False) -> bool:
        """Close the early prompt; `typed` then has all text typed so far.

        Return True if the current row has the text of the prompt; `sweep` erases it.
        """
        prompt, self._early_prompt = self._early_prompt, None
        if prompt is None:
            return False
        self.typed = prompt.close()
        if sweep:
            prompt.erase()
        return True

    def raw(self) -> None:
        """Switch off echo, line editing and translation; keys that send signals keep doing so."""
        mode = list(self._original)
        mode[0] &= ~(termios.ICRNL | termios.INLCR | termios.IGNCR | termios.IXON | termios.IXOFF)
        mode[3] &= ~(termios.ECHO | termios.ICANON | termios.IEXTEN)
        control = list(mode[6])
        control[termios.VMIN], control[termios.VTIME] = 1, 0
        mode[6] = control
        self._restored = False
        termios.tcsetattr(self._in, termios.TCSANOW, mode)

    def take_back(self) -> None:
        """Switch to raw mode after another program; one that was killed may have left the mouse switched on."""
        self.raw()
        os.write(self._out, _MOUSE_OFF)

    def cooked(self) -> None:
        """Restore the original modes, except that Ctrl-C does not discard typed text."""
        mode = list(self._original)
        mode[3] |= termios.NOFLSH
        self._restored = False
        termios.tcsetattr(self._in, termios.TCSANOW, mode)

    def save_modes(self) -> None:
        """Save the current modes as those of the REPL."""
        self._repl_modes = termios.tcgetattr(self._in)

    def reapply_modes(self) -> None:
        """Set the saved modes again, after another process stopped and continued the program."""
        if self._repl_modes and not self._restored:
            with suppress(termios.error):  # a terminal that vanishes also continues the program
                termios.tcsetattr(self._in, termios.TCSANOW, self._repl_modes)

    def read_typed(self) -> bool:
        """Read the text typed so far into `typed`, without waiting; return True if there was any."""
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

    def release(self) -> str:
        """Restore the terminal before the REPL starts, and return the text typed so far."""
        self.close_early_prompt(sweep=True)
        self.read_typed()
        self.restore()
        return self.typed

    def restore(self) -> None:
        """Restore the original state: modes off, cursor shown, settings as before. May be called repeatedly."""
        if self._restored:
            return
        self._restored = True
        with suppress(OSError):  # the output is gone or full
            self.close_early_prompt(sweep=True)
            if self.touched:
                os.write(self._out, ("".join(reversed(self.undo)) + _MODES_OFF).encode())
        with suppress(OSError, termios.error):  # the terminal is gone
            termios.tcsetattr(self._in, termios.TCSADRAIN, self._original)

    def drain(self, seconds: float) -> None:
        """Read and drop pending replies of the terminal for up to `seconds`, so that the shell does not read them."""
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
