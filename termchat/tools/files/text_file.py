"""Contents of files: text with its encoding and line ends, which are kept when it is written again."""

from __future__ import annotations

import codecs
import os
import stat
from dataclasses import dataclass

from termchat.tools.files.folder import READ, Folder, open_inside
from termchat.tools.files.names import show_name
from termchat.tools.files.resolved_path import ResolvedPath
from termchat.tools.registry import ToolError

READ_BYTES = 4_000_000  # bytes of a file that are read or written

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


@dataclass(frozen=True, slots=True)
class Content:
    """The first bytes of a file, and its status."""

    raw: bytes
    about: os.stat_result

    @property
    def cut(self) -> bool:
        """True if the file is longer than what was read."""
        return self.about.st_size > len(self.raw)


@dataclass(frozen=True, slots=True)
class TextForm:
    """The form of a text file: encoding, byte order mark, and line ends as in most of its lines."""

    encoding: str = "utf-8"
    mark: bytes = b""
    newline: str = "\n"

    def encode(self, text: str) -> bytes:
        """Encode a text. Raises UnicodeEncodeError for lone surrogates."""
        return self.mark + text.encode(self.encoding)

    def with_newlines(self, text: str) -> str:
        """Return the text with the line ends of the file; a text that has CRLF itself is unchanged."""
        return text.replace("\n", "\r\n") if self.newline == "\r\n" and "\r\n" not in text else text


def decode(raw: bytes, *, cut: bool = False) -> tuple[str, TextForm] | None:
    """Decode UTF-8 or UTF-16 with a byte order mark, None for other content; keep line ends.

    cut   drop a character that the end of `raw` cuts
    """
    mark, encoding = next(((m, e) for m, e in _MARKS if raw.startswith(m)), (b"", "utf-8"))
    try:
        text = codecs.getincrementaldecoder(encoding)().decode(raw[len(mark) :], final=not cut)
    except UnicodeDecodeError:
        return None
    if "\0" in text:
        return None
    newline = "\r\n" if 2 * text.count("\r\n") > text.count("\n") else "\n"
    return text, TextForm(encoding, mark, newline)


def read_place(place: ResolvedPath, limit: int = READ_BYTES) -> Content | ToolError:
    """Read up to `limit` bytes of a regular file. Raises OSError."""
    return _read(place, open_inside(place.root, place.inside, READ), limit)


def read_entry(place: ResolvedPath, folder: Folder, limit: int = READ_BYTES) -> Content | ToolError:
    """Read up to `limit` bytes of a regular file in the open directory of its place. Raises OSError."""
    return _read(place, folder.open(place.inside.name or ".", READ), limit)


def _read(place: ResolvedPath, file: int, limit: int) -> Content | ToolError:
    try:
        about = os.fstat(file)
        if not stat.S_ISREG(about.st_mode):
            kind = "a directory" if stat.S_ISDIR(about.st_mode) else "not a regular file"
            return ToolError(f"{show_name(place.given)} is {kind}")
        with os.fdopen(file, "rb", closefd=False) as opened:
            return Content(opened.read(limit), about)
    finally:
        os.close(file)
