"""Recordings: the bytes of responses as received, in a file that can be read and written by hand.

    : termchat recording 1
    : response {"status": 200, "content_type": "text/event-stream", "protocol": "openai", "model": "gpt-6.1-sol"}
    data: {"choices": [...]}
    ...
    : end {"chunks": [[0.412, 153], ...]}

The lines `: response` and `: end` frame a response; between them is its body, byte for byte, with keys redacted.
`chunks` lists the seconds since the response began and the size in bytes of each chunk; the `: end` line is optional. A
response is written when it has ended, so concurrent responses do not mix.
"""

from __future__ import annotations

import errno
import json
import math
import os
import stat
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator
from dataclasses import field
from pathlib import Path
from typing import Any

from termchat.core.models import ApiProtocol
from termchat.core.redact import Redactor
from termchat.late_dataclass import dataclass
from termchat.providers.decoder import as_list, as_object, as_text

_HEADER = b": termchat recording 1\n"
_RESPONSE, _END = b": response ", b": end "


@dataclass(frozen=True, slots=True)
class RecordedResponse:
    """One recorded response.

    quirks   the quirks of the server that the decoder depends on
    chunks   (seconds since the response began, bytes) of each chunk
    """

    status: int
    content_type: str
    protocol: ApiProtocol
    model: str
    provider: str
    quirks: tuple[str, ...]
    chunks: tuple[tuple[float, bytes], ...]

    @property
    def body(self) -> bytes:
        """The body in one piece."""
        return b"".join(chunk for _, chunk in self.chunks)


def claim_recording(file: Path) -> None:
    """Create an empty file for a recording, readable by its owner only; an empty file or a device is used as it is.

    Raises OSError, FileExistsError for a file with content.
    """
    try:
        os.close(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    except FileExistsError:
        about = file.stat()
        if stat.S_ISDIR(about.st_mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR)) from None
        if stat.S_ISREG(about.st_mode) and about.st_size:
            raise
        if not os.access(file, os.W_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES)) from None
        if stat.S_ISREG(about.st_mode):
            file.chmod(0o600)


class ResponseRecorder:
    """Writes responses to a file that `claim_recording` created.

    A file that cannot be written, as on a full disk, ends no reply: `close` raises the OSError.
    """

    def __init__(self, file: Path, redact: Redactor) -> None:
        self._file = file.open("wb")
        self._failed: OSError | None = None
        self._redact = redact
        self._write(_HEADER)

    async def tee(self, body: AsyncIterator[bytes], about: dict[str, Any]) -> AsyncGenerator[bytes, None]:
        """Yield the chunks of a body and record them; `about` is the JSON of the `: response` line."""
        writer = ResponseWriter(self._write, self._redact, about)
        try:
            async for chunk in body:
                writer.add(chunk)
                yield chunk
        finally:
            writer.end()

    def write(self, body: bytes, about: dict[str, Any]) -> None:
        """Record a response that was read in one piece, such as an error."""
        writer = ResponseWriter(self._write, self._redact, about)
        writer.add(body)
        writer.end()

    def close(self) -> None:
        """Close the file. Raises OSError if not everything was written."""
        try:
            self._file.close()
        except OSError as error:
            self._failed = self._failed or error
        if self._failed:
            raise self._failed

    def _write(self, data: bytes) -> None:
        if self._failed:
            return
        try:
            self._file.write(data)
            self._file.flush()
        except OSError as error:
            self._failed = error


@dataclass(slots=True)
class ResponseWriter:
    """Collects the chunks of one response and writes them at its end."""

    _write: Callable[[bytes], None]
    _redact: Redactor
    _about: dict[str, Any]
    _began: float = field(default_factory=time.monotonic)
    _chunks: list[tuple[float, bytes]] = field(default_factory=list[tuple[float, bytes]])

    def add(self, chunk: bytes) -> None:
        """Append a chunk with the current time."""
        self._chunks.append((round(time.monotonic() - self._began, 4), chunk))

    def end(self) -> None:
        """Write the response, complete or not."""
        chunks = [(seconds, self._redacted(chunk)) for seconds, chunk in _by_line(self._chunks)]
        sizes = [[seconds, len(chunk)] for seconds, chunk in chunks]
        begin = _RESPONSE + json.dumps(self._about).encode() + b"\n"
        end = b"\n" + _END + json.dumps({"chunks": sizes}).encode() + b"\n"
        self._write(b"".join((begin, *(chunk for _, chunk in chunks), end)))

    def _redacted(self, chunk: bytes) -> bytes:
        return self._redact(chunk.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")


def _by_line(chunks: list[tuple[float, bytes]]) -> Iterator[tuple[float, bytes]]:
    """Split the same bytes at line ends, so that a key that arrived in two chunks is redacted as a whole."""
    pending = b""
    for seconds, chunk in chunks:
        whole, newline, rest = (pending + chunk).rpartition(b"\n")
        pending = rest
        if newline:
            yield seconds, whole + newline
    if pending:
        yield chunks[-1][0], pending


def parse_recording(data: bytes) -> list[RecordedResponse]:
    """Parse a recording into its responses. Raises ValueError, which says why, for any other file."""
    if not data.startswith(_HEADER):
        raise ValueError("not a recording of termchat")
    try:
        return list(_responses(data))
    except (ValueError, TypeError, OverflowError, RecursionError):
        raise ValueError("the recording is damaged") from None


def _responses(data: bytes) -> Iterator[RecordedResponse]:
    offset = data.find(_RESPONSE)
    while offset >= 0:
        line_end = data.find(b"\n", offset)
        line_end = line_end if line_end >= 0 else len(data)
        about = as_object(json.loads(data[offset + len(_RESPONSE) : line_end]))
        body, offset, sizes = _body(data, line_end + 1)
        yield _recorded(about, body, sizes)


def _body(data: bytes, start: int) -> tuple[bytes, int, list[Any]]:
    """Return a body, the offset of the next response (-1 without one), and the rows of `chunks` ([] without an end)."""
    end = data.find(b"\n" + _END, start)
    following = data.find(b"\n" + _RESPONSE, start)
    if end < 0 or 0 <= following < end:
        stop = following if following >= 0 else len(data)
        return data[start:stop], following + 1 if following >= 0 else -1, []
    line_end = data.find(b"\n", end + 1)
    trailer = as_object(json.loads(data[end + 1 + len(_END) : line_end if line_end >= 0 else None]))
    return data[start:end], data.find(_RESPONSE, end), as_list(trailer.get("chunks"))


def _chunk_row(row: Any) -> tuple[float, int]:
    """Return the time of a chunk and its size. Raises ValueError."""
    match row:
        case [int() | float() as seconds, int() as size] if size >= 0 and math.isfinite(seconds):
            return float(seconds), size
        case _:
            raise ValueError("not the time and the size of a chunk")


def _recorded(about: dict[str, Any], body: bytes, sizes: list[Any]) -> RecordedResponse:
    chunks: list[tuple[float, bytes]] = []
    offset = 0
    for row in sizes:
        seconds, size = _chunk_row(row)
        chunks.append((seconds, body[offset : offset + size]))
        offset += size
    if offset < len(body):
        chunks.append((chunks[-1][0] if chunks else 0.0, body[offset:]))
    protocol = ApiProtocol(about.get("protocol"))
    if protocol is ApiProtocol.DEMO:
        raise ValueError("the demo is not recorded")
    return RecordedResponse(
        int(about.get("status", 200)),
        as_text(about.get("content_type")) or "text/event-stream",
        protocol,
        as_text(about.get("model")),
        as_text(about.get("provider")),
        tuple(quirk for quirk in as_list(about.get("quirks")) if isinstance(quirk, str)),
        tuple(chunks),
    )
