"""Words and values of a command that the user runs in the shell, for both front ends."""

from __future__ import annotations

import signal

from termchat.commands.compare.shell_line import ShellLine
from termchat.core.messages import Text, attached_text
from termchat.core.sanitize import EMPTY, Safe, excerpt, join, safe, safe_format, safe_line
from termchat.ui.phrases import duration, size

MAX_CHARACTERS = 60_000  # of an output that goes with a message
KEPT_BYTES = 250_000  # of the beginning and of the end of an output
SHELL_USE = safe_format(
    "!COMMAND runs in your shell, as in !git diff. To send a ! to the model, put a blank before it."
)
_NAME = 40  # columns of a command in the name of its output


def shell_command(line: ShellLine, shell: str) -> list[str]:
    """Return the argument vector of a command; `shell` is that of the user, "" if it is not known."""
    return [shell or "/bin/sh", "-c", line.command]


def output_name(line: ShellLine) -> Safe:
    """Return the name of an output among the attachments, `!git diff`."""
    return Safe(f"!{excerpt(line.command, _NAME)}")


def output_part(line: ShellLine, text: Safe, end: Safe) -> Text:
    """Return the attachment: the output, and how the command ended unless that was well."""
    return attached_text(str(output_name(line)), _content(text, end))


def _content(text: Safe, end: Safe) -> str:
    return "\n".join(part for part in (text, f"[{end}]" if end else "") if part)


def goes_along(line: ShellLine, text: Safe, end: Safe) -> Safe:
    """`!git diff (3.1 kB) goes with the next message`."""
    return safe_format(
        "{name} ({size}) goes with the next message",
        name=output_name(line),
        size=size(len(_content(text, end).encode())),
    )


def ending_words(code: int, seconds: float) -> Safe:
    """Return how a command ended, `exit 1 · 0.3s`; EMPTY if it ended well. -N is the end by signal N."""
    if code == 0:
        return EMPTY
    if code < 0:
        try:
            name = signal.Signals(-code).name
        except ValueError:
            name = str(-code)
        words = safe_format("ended by {name}", name=safe_line(name))
    else:
        words = safe_format("exit {n}", n=safe(str(code)))
    return join(" · ", (words, duration(seconds)))
