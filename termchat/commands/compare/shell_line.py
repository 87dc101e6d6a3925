"""The forms `!command` and `!!command`: a command of the user's own shell. No model can run one this way."""

from __future__ import annotations

from termchat.late_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class ShellLine:
    """A command for the shell, "" if none was typed; `shared` if its output goes with the next message."""

    command: str
    shared: bool


def parse_shell_line(text: str) -> ShellLine | None:
    """Return the command of an input that begins with `!`; None for a message, also one with a blank before the `!`."""
    if not text.startswith("!"):
        return None
    shared = not text.startswith("!!")
    return ShellLine(text[1 if shared else 2 :].strip(), shared)
