"""Standard error: notes, usage and errors of all commands except the REPL."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterable

from termchat.core.errors import BUG_LOG, Failure, bug_reporting, error_reason, internal_error
from termchat.core.outcomes import ExitCode
from termchat.core.redact import Redactor
from termchat.core.sanitize import Safe, safe, safe_format, safe_line
from termchat.late_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Stderr:
    """Output beside the reply.

    quiet    write only errors
    usage    write the line of tokens and cost after the reply
    full     write that line with all its figures
    """

    quiet: bool = False
    usage: bool = False
    full: bool = False

    def note(self, words: Safe) -> None:
        """Write a note, unless `quiet`."""
        if not self.quiet:
            warn(words)

    def inline_note(self, words: Safe) -> None:
        """Write a note in the middle of a reply, unless it would split the reply on a terminal."""
        if not (sys.stdout.isatty() and sys.stderr.isatty()):
            self.note(words)

    def rows(self, lines: Iterable[Safe]) -> None:
        """Write several lines without a prefix, unless `quiet`."""
        for line in () if self.quiet else lines:
            _write(f"{line}\n")

    def failure(self, failure: Failure) -> None:
        """Write a failure, and its hint unless `quiet`."""
        warn(failure.message)
        if failure.hint and not self.quiet:
            warn(Safe(failure.hint.replace("(/model, -m)", "(-m)")))  # a script has no commands


class _SafeHandler(logging.Handler):
    """Writes log records to standard error without the control characters of their texts, and without keys.

    An exception is written as a sentence, which names the file of its report.
    """

    def emit(self, record: logging.LogRecord) -> None:
        if record.name == BUG_LOG:  # its failure is shown
            return
        error = record.exc_info[1] if record.exc_info else None
        if error is None or record.name.startswith("termchat"):  # the message of others has the text of the exception
            _write(f"{safe(Redactor()(record.getMessage()))}\n")
        if error:
            Stderr().failure(internal_error(error))


class QuietHandler(logging.Handler):
    """Reports the exceptions in log records, and writes nothing to the terminal."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info and record.exc_info[1] and bug_reporting.write:
            bug_reporting.write(record.exc_info[1])


def log_to_stderr() -> None:
    """Write warnings and errors of termchat's log to standard error."""
    _add_handler("termchat", _SafeHandler(logging.WARNING))


def report_stray_errors() -> None:
    """Report the exceptions of tasks that nobody awaits, without their tracebacks."""
    _add_handler("asyncio", _SafeHandler(logging.WARNING))


def _add_handler(name: str, handler: logging.Handler) -> None:
    logger = logging.getLogger(name)
    if not logger.handlers:
        logger.addHandler(handler)


def report_unsent(typed: str) -> None:
    """Write the text that was typed for a chat that does not start, so that it is not lost."""
    text = Safe(safe(typed.replace("\r", "\n")).strip("\n").rstrip())
    if "\n" in text:  # as it was typed, with its indentation, to be copied
        warn(Safe("Not sent:"))
        _write(f"{text}\n")
    elif text:
        warn(safe_format("Not sent: {text}", text=Safe(text.strip())))


def warn(words: Safe) -> None:
    """Write a line to standard error, wrapped between words on a terminal; ignore a closed stream."""
    text, columns = safe_format("termchat: {words}", words=words), _columns()
    if columns and len(text) * 2 > columns:  # it may be too long
        from termchat.ui.text.fit import wrapped_text

        text = wrapped_text(text, columns)
    _write(f"{text}\n")


def _columns() -> int:
    """Return the columns of standard error, 0 if it is no terminal."""
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns if sys.stderr.isatty() else 0
    except (OSError, ValueError, AttributeError):
        return 0


class _Row:
    """A row without a line end on the terminal, which the next text replaces."""

    shown = False


def show_row(words: Safe) -> None:
    """Write a row that the next text on standard error replaces."""
    _write(words)
    _Row.shown = True


def clear_row() -> None:
    """Remove the row, if it is still there."""
    _write("")


def _write(text: str) -> None:
    if _Row.shown:
        _Row.shown = False
        text = f"\r\x1b[K{text}"
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except (OSError, ValueError, AttributeError):
        pass


def print_stdout(text: str) -> None:
    """Write text to standard output, always in UTF-8. The caller made it safe.

    If standard output is closed or full, the program ends: with SIGPIPE's exit code if its reader has gone, else with
    an error.
    """
    try:
        sys.stdout.buffer.write(text.encode("utf-8", "replace"))
        sys.stdout.buffer.flush()
    except (OSError, ValueError, AttributeError) as error:
        raise SystemExit(output_failed(error)) from None


def explain(words: Safe) -> None:
    """Write a text of several lines to standard error, wrapped between words on a terminal."""
    if columns := _columns():
        from termchat.ui.text.fit import wrapped_text

        words = wrapped_text(words, columns)
    _write(f"{words}\n")


def output_failed(error: Exception) -> ExitCode:
    """Report a failure to write to standard output, unless its reader has gone; return the exit code.

    Standard output is discarded from then on, so that nothing is written again at the exit.
    """
    try:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - until the exit
    except OSError:
        pass
    if isinstance(error, BrokenPipeError):
        return ExitCode.SIGPIPE
    why = error_reason(error) if isinstance(error, OSError) else "it is closed"
    warn(safe_format("Cannot write to standard output: {why}.", why=safe_line(why)))
    return ExitCode.ERROR
