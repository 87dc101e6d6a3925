"""Standard error: notes, usage and errors of everything but the REPL."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import dataclass

from termchat.core.errors import Failure
from termchat.core.sanitize import Safe


@dataclass(frozen=True, slots=True)
class Stderr:
    """Where a script's user reads what is not the reply.

    quiet    only errors
    usage    the line of tokens and cost after the reply
    """

    quiet: bool = False
    usage: bool = False

    def note(self, words: Safe) -> None:
        """Something worth knowing; silent under `--quiet`."""
        if not self.quiet:
            warn(words)

    def inline_note(self, words: Safe) -> None:
        """A note in the middle of a reply: not where it would stand in the midst of the reply's own lines."""
        if not (sys.stdout.isatty() and sys.stderr.isatty()):
            self.note(words)

    def rows(self, lines: Iterable[Safe]) -> None:
        """Several lines that belong together, as they are."""
        for line in () if self.quiet else lines:
            _write(f"{line}\n")

    def failure(self, failure: Failure) -> None:
        """What went wrong, and the next step."""
        warn(failure.message)
        if failure.hint and not self.quiet:
            warn(failure.hint)


def warn(words: Safe) -> None:
    """A line on standard error, whether or not anyone listens."""
    _write(f"termchat: {words}\n")


def _write(text: str) -> None:
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except (OSError, ValueError, AttributeError):
        pass


def print_stdout(text: str) -> None:
    """A list or a table on standard output, in UTF-8 whatever the locale; the caller made it safe."""
    sys.stdout.buffer.write(text.encode("utf-8", "replace"))
    sys.stdout.buffer.flush()
