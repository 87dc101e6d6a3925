"""Kinds of files: images, PDFs and audio by their first bytes, anything else as text."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast

from termchat.config.bounded_read import read_bounded
from termchat.core.errors import Failure, FailureKind, error_reason
from termchat.core.messages import File, Image, Part, Text, attached_text
from termchat.core.sanitize import Safe, safe_format, safe_line
from termchat.core.wire.media_types import media_type

if TYPE_CHECKING:
    from termchat.attachments.mentions import LineSpan

LARGEST = 32 * 1024 * 1024  # bytes of one attachment; every vendor rejects larger requests
_LISTED = 1_000  # entries of a directory
_DELETE = 0x7F
_CONTROLS = re.compile(r"[\x01-\x08\x0b\x0e-\x1f\x7f-\x84\x86-\x9f]")  # not tab, line ends and form feed
_CONVERT = safe_format("Convert it to UTF-8 text first, for example with iconv -t utf-8.")
_STEPS: Mapping[object, Safe] = {  # next steps by error number
    errno.EFBIG: safe_format("Attach a part of it, for example what head -c 1M FILE writes."),
    errno.ETIMEDOUT: safe_format("Start the program that writes to it, or wait longer with --stdin-timeout."),
    errno.EISDIR: safe_format("Write / after its name to attach the list of its files."),
    errno.EACCES: safe_format("Check its permissions."),
}


def media_part(name: str, data: bytes) -> Part | None:
    """Return an image, a PDF or audio as a part, None for other content."""
    mime = media_type(data)
    if mime.startswith("image/"):
        return Image(mime, data, name=name)
    return File(name, mime, data) if mime else None


def visible_controls(text: str) -> str:
    """Replace stray control characters by their symbols, ESC by `␛`: a model sees them, no terminal obeys them."""
    return _CONTROLS.sub(_symbol, text)


def _symbol(found: re.Match[str]) -> str:
    number = ord(found[0])
    return chr(0x2400 + number) if number < 0x20 else "\u2421" if number == _DELETE else f"\\x{number:02x}"


def load_file(
    name: str, path: Path, check_name: Safe, silence: float | None = None, *, patient: bool = True, shown: str = ""
) -> Part | Failure:
    """Return a file as a part: an image, a PDF or audio unchanged, anything else as text with its name.

    check_name   the next step for a file that is not there
    silence      the longest silence of a file that is a pipe, in seconds
    patient      wait for the writer of a pipe without limit
    shown        the name in a failure, "" for `name`
    """
    data = file_bytes(shown or name, path, check_name, silence, patient=patient)
    return data if isinstance(data, Failure) else file_part(name, data, shown)


def file_bytes(
    name: str, path: Path, check_name: Safe, silence: float | None = None, *, patient: bool = True
) -> bytes | Failure:
    """Return the bytes of a file, or the failure with the next step."""
    try:
        return read_bounded(path, LARGEST, patient=patient, silence=silence)
    except (OSError, ValueError, RuntimeError) as error:
        return not_attached(name, error_reason(error), _STEPS.get(getattr(error, "errno", None), check_name))


def file_part(name: str, data: bytes, shown: str = "") -> Part | Failure:
    """Return the bytes of a file as a part, or the failure for content that is none."""
    shown = shown or name
    if part := media_part(name, data):
        return part
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return not_attached(shown, "it is not UTF-8 text, an image or a PDF", _CONVERT)
    if "\0" in text:
        return not_attached(shown, "it is a binary file", _CONVERT)
    return attached_text(name, visible_controls(text))


def line_part(name: str, path: Path, lines: LineSpan, check_name: Safe) -> tuple[Text] | Failure:
    """Return some lines of a text file as a part, or the failure; an image or a PDF has no lines."""
    data = file_bytes(name, path, check_name)
    part = data if isinstance(data, Failure) else file_part(name, data)
    if isinstance(data, Failure) or isinstance(part, Failure):
        return data if isinstance(data, Failure) else cast("Failure", part)
    if not isinstance(part, Text):
        return not_attached(name, "it has no lines", safe_format("Leave out the numbers after #."))
    cut = "".join(data.decode().splitlines(keepends=True)[lines.first - 1 : lines.last])
    if not cut:
        return not_attached(name, "it has fewer lines", safe_format("Check the line numbers after #."))
    return (attached_text(name, visible_controls(cut)),)


def listing(folder: Path) -> str:
    """Return the names in a directory, one a line, directories with a slash. Raises OSError."""
    with os.scandir(folder) as entries:
        names = sorted(f"{entry.name}/" if entry.is_dir() else entry.name for entry in entries)
    shown = [name for name in names[:_LISTED] if name.isprintable()]
    if len(names) > _LISTED:
        shown.append(f"({len(names) - _LISTED} more)")
    return "\n".join(shown) or "(empty)"


def not_attached(name: str, why: str, step: Safe) -> Failure:
    """Return the failure of an attachment, with the next step."""
    words = safe_format("Cannot attach {name}: {why}.", name=safe_line(name), why=safe_line(why))
    return Failure(FailureKind.BAD_CONFIG, words, step)
