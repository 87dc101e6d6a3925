"""Notifications that a reply has ended: by the terminal, its bell, or a command of the user."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence

from termchat.config.setting_types import command_of
from termchat.core.errors import error_reason
from termchat.core.sanitize import Safe, safe_format, safe_line
from termchat.ui.terminal.capabilities import terminal_name, tmux_passthrough

BELL = "\x07"
_UNSEEN_TURN = 30.0  # seconds; the shortest turn to notify of if the terminal reports no focus


class Notifier:
    """Notifies the user when a long turn ends, unless the terminal has focus.

    setting    the value of the setting `notify`: "auto", "bell", "off", or "cmd" and a command
    send       writes a control sequence to the terminal
    complain   shows that the command cannot be run; called on another thread
    sequences  the terminal takes control sequences, not only a bell
    long_turn  shortest turn, in seconds, that is notified while the terminal has no focus
    """

    def __init__(
        self,
        setting: str,
        env: Mapping[str, str],
        send: Callable[[str], None],
        complain: Callable[[Safe], None],
        *,
        sequences: bool = True,
        long_turn: float = 10.0,
    ) -> None:
        self._setting = setting
        self._env = env
        self._send = send
        self._complain = complain
        self._sequences = sequences
        self._long_turn = long_turn

    def ended(self, words: Safe, seconds: float, *, focused: bool | None) -> None:
        """Notify of a turn that took `seconds`; `focused` is None if the terminal does not report its focus."""
        least = {True: None, False: self._long_turn, None: _UNSEEN_TURN}[focused]
        if least is not None and seconds >= least:
            self._notify(words)

    def asked(self, words: Safe, *, focused: bool | None) -> None:
        """Notify of a question, unless the user looks at the terminal."""
        if focused is not True:
            self._notify(words)

    def _notify(self, words: Safe) -> None:
        if command := command_of(self._setting):
            run_detached([*command, words], self._complain)
        elif self._setting == "auto" and self._sequences:
            self._send(notification(words, self._env))
        elif self._setting != "off":
            self._send(BELL)


def run_detached(command: Sequence[str], complain: Callable[[Safe], None]) -> None:
    """Run a command in the background without a shell; its input and outputs are closed."""

    def wait() -> None:
        silent = subprocess.DEVNULL
        try:
            # The command comes from the user's own configuration, and no shell reads it.
            subprocess.run(command, stdin=silent, stdout=silent, stderr=silent, start_new_session=True, check=False)  # noqa: S603
        except OSError as error:
            why = error_reason(error)
            complain(safe_format("notify: cannot run {name}: {why}.", name=safe_line(command[0]), why=why))

    threading.Thread(target=wait, name="notify", daemon=True).start()


def notification(words: Safe, env: Mapping[str, str]) -> str:
    """Return the control sequence of a notification for this terminal; the bell if none is known."""
    match terminal_name(env):
        case "kitty":
            sequence = f"\x1b]99;;{words}\x1b\\"
        case "iterm" | "wezterm" | "ghostty":
            sequence = f"\x1b]9;{words}\x07"
        case "vte" | "rxvt" | "foot":
            sequence = f"\x1b]777;notify;termchat;{words}\x07"
        case _:
            return BELL
    if env.get("STY"):  # GNU screen passes no sequence on
        return BELL
    return tmux_passthrough(sequence, env)
