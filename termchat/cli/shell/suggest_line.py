"""A line of the shell as a request for a command: what the key binding passes."""

from __future__ import annotations

import re

from termchat.core.errors import Failure, FailureKind
from termchat.core.sanitize import safe_format
from termchat.late_dataclass import dataclass

NO_WORDS = Failure(
    FailureKind.BAD_CONFIG,
    safe_format("Say what the command should do."),
    safe_format('For example: termchat suggest "find files larger than 1 GB"'),
)
_EMPTY_LINE = Failure(
    FailureKind.BAD_CONFIG,
    safe_format("Type what the command should do, then press the key again."),
    safe_format("!! stands for the last command, its exit code and its output; ? before a command explains it."),
)
_UNCHANGED = Failure(
    FailureKind.BAD_CONFIG,
    safe_format("To change the command, type what to change after it, such as: make it recursive."),
)
_LAST = re.compile(r"(?:^|\s)!!(?=\s|$)")
_CHANGE = re.compile(r"(.*\S)\s+#\s+(\S.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class ShellRequest:
    """A request about a command.

    words      what the command should do, how it should change, or the command to explain
    command    the command to change, "" for a new one
    explains   explain the command
    last       send the last command of the shell with it
    """

    words: str
    command: str = ""
    explains: bool = False
    last: bool = False


def read_line(line: str, proposed: str = "") -> ShellRequest | Failure:
    """Read a line of the shell; `proposed` is the command that was put into it last.

    words                    propose a command; `!!` among them sends the last command of the shell
    COMMAND words            change a proposed command
    COMMAND # words          change any command
    ? COMMAND                explain a command
    """
    line, proposed = line.strip(), proposed.strip()
    if not line:
        return _EMPTY_LINE
    if line.startswith("?"):
        return ShellRequest(line[1:].strip(), explains=True) if line[1:].strip() else _EMPTY_LINE
    if proposed and line == proposed:
        return _UNCHANGED
    command, words = "", line
    if proposed and line.startswith(proposed) and not line[len(proposed)].isalnum():  # else another command
        command, words = proposed, line.removeprefix(proposed).strip().removeprefix("#").strip()
    elif change := _CHANGE.fullmatch(line):
        command, words = change[1], change[2]
    last = bool(_LAST.search(words))
    return ShellRequest(_LAST.sub(" the last command", words).strip() if last else words, command, last=last)
