"""Message of a one-shot run: the words of the command line, standard input, and files."""

from __future__ import annotations

import os
import select
import stat
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from termchat.core.errors import Failure, FailureKind
from termchat.core.messages import File, Image, Message, Part, attached_text, user_message
from termchat.core.sanitize import Safe, safe_format, safe_line

_NOTICE_DELAY = 2.0  # seconds without standard input before a notice
_LARGEST = 32 * 1024 * 1024  # bytes of one attachment; every vendor rejects larger requests
_MAGIC: Sequence[tuple[bytes, str]] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"%PDF-", "application/pdf"),
)


def build_message(words: str, standard_input: str, files: Sequence[str]) -> Message | Failure:
    """Return the user's message, or the failure."""
    parts: list[Part] = []
    for name in files:
        part = load_attachment(name)
        if isinstance(part, Failure):
            return part
        parts.append(part)
    text = "\n\n".join(piece for piece in (words, standard_input) if piece)
    if not text.strip() and not parts:
        hint = safe_format('Pass one: termchat "your question", or run termchat alone to chat.')
        return Failure(FailureKind.BAD_CONFIG, safe_format("No prompt given."), hint)
    return user_message(text, *parts)


def load_attachment(name: str) -> Part | Failure:
    """Return a file as a part: an image or a PDF unchanged, anything else as text with its name."""
    if name.startswith(("http://", "https://")):
        words = safe_format("{name} is a URL, but only files can be attached.", name=safe_line(name))
        return Failure(FailureKind.BAD_CONFIG, words, safe_format("Download it first, for example with curl -O."))
    path = Path(name).expanduser()
    try:
        if path.is_dir():
            return _unreadable(name, "it is a directory")
        if path.stat().st_size > _LARGEST:
            return _unreadable(name, f"it is larger than {_LARGEST >> 20} MB")
        data = path.read_bytes()
    except OSError as error:
        return _unreadable(name, (error.strerror or str(error)).lower())
    mime = next((mime for magic, mime in _MAGIC if data.startswith(magic)), "")
    if not mime and data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        mime = "image/webp"
    if mime.startswith("image/"):
        return Image(mime, data, name=path.name)
    if mime:
        return File(path.name, mime, data)
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return _unreadable(name, "it is not UTF-8 text, an image or a PDF")
    return attached_text(path.name, text)


def read_standard_input(report: Callable[[Safe], None]) -> str | Failure:
    """Read all of standard input as text; `report` is called with a notice if nothing comes for two seconds."""
    if not has_standard_input():
        return ""
    fd = sys.stdin.fileno()
    if not select.select([fd], [], [], _NOTICE_DELAY)[0]:
        report(safe_format("Waiting for standard input (Ctrl-D ends it, -n skips it)."))
    pieces: list[bytes] = []
    while piece := os.read(fd, 1 << 16):
        pieces.append(piece)
    try:
        return b"".join(pieces).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        words = safe_format("Standard input is not UTF-8 text (byte {n}).", n=safe_line(str(error.start)))
        return Failure(FailureKind.BAD_CONFIG, words, safe_format("Convert it first, for example with iconv -t utf-8."))


def has_standard_input() -> bool:
    """Return True if standard input is a pipe, a file or a socket."""
    try:
        mode = os.fstat(sys.stdin.fileno()).st_mode
    except (AttributeError, OSError, ValueError):
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode) or stat.S_ISSOCK(mode)


def _unreadable(name: str, why: str) -> Failure:
    words = safe_format("Cannot attach {name}: {why}.", name=safe_line(name), why=safe_line(why))
    return Failure(FailureKind.BAD_CONFIG, words, safe_format("Check the file name after -f."))
