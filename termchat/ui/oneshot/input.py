"""Message of a one-shot run: the words of the command line, standard input, and files."""

from __future__ import annotations

import os
import stat
import sys
import time
from collections.abc import Callable, Sequence
from typing import TypeAlias

from termchat.attachments.classify import (
    LARGEST,
    line_part,
    listing,
    load_file,
    media_part,
    not_attached,
    visible_controls,
)
from termchat.config.paths import user_path
from termchat.core.errors import Failure, FailureKind, error_reason
from termchat.core.messages import Message, Part, attached_text, user_message
from termchat.core.sanitize import Safe, safe_format, safe_line
from termchat.ui.oneshot.patient_reader import PatientReader

_WAITING = safe_format("Waiting for standard input (Ctrl-D ends it, -n skips it).")
_DIRECTORY = safe_format("Write / after its name to attach the list of its files, or '/**' to attach the files.")
_CHECK_NAME = safe_format("Check the file name after -f.")

Attachments: TypeAlias = tuple[Part, ...] | Failure
Remote: TypeAlias = Callable[[str], "Attachments | None"]


def _nothing_remote(name: str) -> None:
    """Take every name for that of a file."""


def build_message(
    words: str,
    standard_input: str | Part,
    files: Sequence[str],
    silence: float | None = None,
    remote: Remote = _nothing_remote,
) -> Message | Failure:
    """Return the user's message, or the failure.

    silence   the longest one of a file that is a pipe, in seconds
    remote    returns what a name attaches that is no file: an address or a resource; None for a file
    """
    parts: list[Part] = []
    for name in files:
        found = load_attachment(name, remote, silence)
        if isinstance(found, Failure):
            return found
        parts += found
    if not isinstance(standard_input, str):
        parts.append(standard_input)
        standard_input = ""
    text = "\n\n".join(piece for piece in (words, standard_input) if piece)
    if not text.strip() and not parts:
        hint = safe_format('Pass one: termchat "your question", or run termchat alone to chat.')
        return Failure(FailureKind.BAD_CONFIG, safe_format("No prompt given."), hint)
    return user_message(text, *parts)


def load_attachment(name: str, remote: Remote = _nothing_remote, silence: float | None = None) -> Attachments:
    """Return what `-f` names: a page, a resource, a directory's listing, a file or some lines of it (`file#20-45`)."""
    found = remote(name)
    if found is not None:
        return found
    path, lines = user_path(name), None
    if "#" in name and not os.path.lexists(os.path.expanduser(name)):
        from termchat.attachments.mentions import split_line_span

        short, lines = split_line_span(name)
        path = user_path(short) if lines else path
    try:
        if name.endswith("/") and path.is_dir():
            return (attached_text(name, listing(path)),)
    except OSError:
        pass  # reading it names the reason
    if lines is None and os.path.isdir(path):
        return not_attached(name, "it is a directory", _DIRECTORY)
    if lines is None:
        part = load_file(path.name, path, _CHECK_NAME, silence, shown=name)
        return part if isinstance(part, Failure) else (part,)
    return line_part(name, path, lines, _CHECK_NAME)


def read_standard_input(
    report: Callable[[Safe], None], seconds: float | None = None, deadline: float | None = None
) -> str | Part | Failure:
    """Read all of standard input: text, or an image or a PDF as a part; "" if it is no pipe and no file.

    See `standard_input_bytes`. A notice is reported, too, if control characters are replaced.
    """
    if not has_standard_input():
        return ""
    data = standard_input_bytes(report, seconds, deadline)
    return data if isinstance(data, Failure) else _decode_input(data, report)


def standard_input_bytes(
    report: Callable[[Safe], None], seconds: float | None = None, deadline: float | None = None
) -> bytes | Failure:
    """Read all of standard input, as far as it is no larger than an attachment may be.

    report    called with a notice if nothing comes for two seconds
    seconds   the longest silence, None for any
    deadline  the time of the monotonic clock at which its end must have come, None for any
    """
    data = bytearray()
    reader = PatientReader(sys.stdin.fileno(), lambda: report(_WAITING), seconds)
    while len(data) <= LARGEST:
        try:
            piece = reader.read(deadline)
        except OSError as error:
            why = error_reason(error)
            return Failure(FailureKind.BAD_CONFIG, safe_format("Cannot read standard input: {why}.", why=why))
        if deadline is not None and time.monotonic() >= deadline and piece != b"":
            words = safe_format("Standard input did not end in time (--timeout).")
            return Failure(FailureKind.TIMEOUT, words, safe_format("-n skips standard input."))
        if piece is None:
            words = safe_format("Standard input was silent for {s} s.", s=safe_line(f"{seconds:g}"))
            return Failure(
                FailureKind.BAD_CONFIG, words, safe_format("Raise --stdin-timeout; -n skips standard input.")
            )
        if not piece:
            return bytes(data)
        data += piece
    words = safe_format("Standard input is larger than {n} MB.", n=safe_line(str(LARGEST >> 20)))
    return Failure(FailureKind.BAD_CONFIG, words, safe_format("Send a part of it, for example with head -c 1M."))


def _decode_input(data: bytes, report: Callable[[Safe], None]) -> str | Part | Failure:
    if part := media_part("stdin", data):
        return part
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        words = safe_format("Standard input is not UTF-8 text (byte {n}).", n=safe_line(str(error.start)))
        return Failure(FailureKind.BAD_CONFIG, words, safe_format("Convert it first, for example with iconv -t utf-8."))
    if "\0" in text:
        words = safe_format("Standard input is binary, neither text nor an image, a PDF or audio.")
        return Failure(FailureKind.BAD_CONFIG, words, safe_format("Convert it to text first."))
    shown = visible_controls(text)
    if shown != text:
        report(safe_format("Control characters of standard input are sent as symbols such as ␛."))
    return shown


def has_standard_input() -> bool:
    """Return True if standard input is a pipe, a file or a socket."""
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except (AttributeError, OSError, ValueError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode) or stat.S_ISSOCK(mode)
