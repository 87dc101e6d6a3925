"""Message of a one-shot run: the words of the command line, standard input, and files."""

from __future__ import annotations

import errno
import os
import re
import stat
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from termchat.config.bounded_read import read_bounded
from termchat.core.errors import Failure, FailureKind
from termchat.core.messages import File, Image, Message, Part, attached_text, user_message
from termchat.core.sanitize import Safe, safe_format, safe_line
from termchat.ui.oneshot.patient_reader import PatientReader

_LARGEST = 32 * 1024 * 1024  # bytes of one attachment; every vendor rejects larger requests
_WAITING = safe_format("Waiting for standard input (Ctrl-D ends it, -n skips it).")
_DELETE = 0x7F
_CONTROLS = re.compile(r"[\x01-\x08\x0b\x0e-\x1f\x7f-\x84\x86-\x9f]")  # not tab, line ends and form feed
_MAGIC: Sequence[tuple[bytes, str]] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"%PDF-", "application/pdf"),
)
_CHECK_NAME = safe_format("Check the file name after -f.")
_CONVERT = safe_format("Convert it to UTF-8 text first, for example with iconv -t utf-8.")
_STEPS: Mapping[object, Safe] = {  # next steps by error number
    errno.EFBIG: safe_format("Attach a part of it, for example -f <(head -c 1M FILE)."),
    errno.ETIMEDOUT: safe_format("Start the program that writes to it, or wait longer with --stdin-timeout."),
    errno.EACCES: safe_format("Check its permissions."),
}


def build_message(
    words: str, standard_input: str | Part, files: Sequence[str], silence: float | None = None
) -> Message | Failure:
    """Return the user's message, or the failure. `silence` is the longest one of a file that is a pipe, in seconds."""
    parts: list[Part] = []
    for name in files:
        part = load_attachment(name, silence)
        if isinstance(part, Failure):
            return part
        parts.append(part)
    if not isinstance(standard_input, str):
        parts.append(standard_input)
        standard_input = ""
    text = "\n\n".join(piece for piece in (words, standard_input) if piece)
    if not text.strip() and not parts:
        hint = safe_format('Pass one: termchat "your question", or run termchat alone to chat.')
        return Failure(FailureKind.BAD_CONFIG, safe_format("No prompt given."), hint)
    return user_message(text, *parts)


def load_attachment(name: str, silence: float | None = None) -> Part | Failure:
    """Return a file as a part: an image or a PDF unchanged, anything else as text with its name."""
    if name.startswith(("http://", "https://")):
        words = safe_format("{name} is a URL, but only files can be attached.", name=safe_line(name))
        return Failure(FailureKind.BAD_CONFIG, words, safe_format("Download it first, for example with curl -O."))
    try:
        path = Path(name).expanduser()
        data = read_bounded(path, _LARGEST, patient=True, silence=silence)
    except (OSError, ValueError, RuntimeError) as error:
        why = getattr(error, "strerror", None) or str(error)
        return _unreadable(name, why[:1].lower() + why[1:], _STEPS.get(getattr(error, "errno", None), _CHECK_NAME))
    if part := media_part(path.name, data):
        return part
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return _unreadable(name, "it is not UTF-8 text, an image or a PDF", _CONVERT)
    if "\0" in text:
        return _unreadable(name, "it is a binary file", _CONVERT)
    return attached_text(path.name, visible_controls(text))


def media_part(name: str, data: bytes) -> Part | None:
    """Return an image or a PDF as a part, None for other content."""
    mime = next((mime for magic, mime in _MAGIC if data.startswith(magic)), "")
    if not mime and data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        mime = "image/webp"
    if mime.startswith("image/"):
        return Image(mime, data, name=name)
    return File(name, mime, data) if mime else None


def visible_controls(text: str) -> str:
    """Replace stray control characters by their symbols, ESC by `␛`: a model sees them, no terminal obeys them."""
    return _CONTROLS.sub(_symbol, text)


def _symbol(found: re.Match[str]) -> str:
    number = ord(found[0])
    return chr(0x2400 + number) if number < 0x20 else "\u2421" if number == _DELETE else f"\\x{number:02x}"


def read_standard_input(report: Callable[[Safe], None], seconds: float | None = None) -> str | Part | Failure:
    """Read all of standard input: text, or an image or a PDF as a part.

    report    called with a notice if nothing comes for two seconds, and if control characters are replaced
    seconds   the longest silence, None for any
    """
    if not has_standard_input():
        return ""
    data = bytearray()
    reader = PatientReader(sys.stdin.fileno(), lambda: report(_WAITING), seconds)
    while len(data) <= _LARGEST:
        try:
            piece = reader.read()
        except OSError as error:
            why = safe_line((error.strerror or str(error)).lower())
            return Failure(FailureKind.BAD_CONFIG, safe_format("Cannot read standard input: {why}.", why=why))
        if piece is None:
            words = safe_format("Standard input was silent for {s} s.", s=safe_line(f"{seconds:g}"))
            return Failure(
                FailureKind.BAD_CONFIG, words, safe_format("Raise --stdin-timeout; -n skips standard input.")
            )
        if not piece:
            return _decode_input(bytes(data), report)
        data += piece
    words = safe_format("Standard input is larger than {n} MB.", n=safe_line(str(_LARGEST >> 20)))
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
        words = safe_format("Standard input is binary, neither text nor an image or a PDF.")
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


def _unreadable(name: str, why: str, step: Safe) -> Failure:
    words = safe_format("Cannot attach {name}: {why}.", name=safe_line(name), why=safe_line(why))
    return Failure(FailureKind.BAD_CONFIG, words, step)
