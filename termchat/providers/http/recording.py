"""Recordings: the bytes of responses as they came, in a file a person can read, and write by hand.

    : termchat recording 1
    : response {"status": 200, "content_type": "text/event-stream", "protocol": "openai", "model": "gpt-5.2"}
    data: {"choices": [...]}
    ...
    : end {"chunks": [[0.412, 153], ...]}

Lines that begin with `: response` and `: end` frame a response; all between them is its body, byte for byte, but for
keys, which are redacted. `chunks` are seconds since the request and numbers of bytes; by hand `: end` may be left out.
A response is written when it has ended, so several that come at once stand one after the other.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from termchat.core.models import ApiProtocol
from termchat.core.redact import Redactor
from termchat.providers.decoder import as_list, as_object, as_text

_FIRST = b": termchat recording 1\n"
_RESPONSE, _END = b": response ", b": end "


@dataclass(frozen=True, slots=True)
class RecordedResponse:
    """One response: who was asked, what its server is known for, and each chunk with its moment in seconds."""

    status: int
    content_type: str
    protocol: ApiProtocol
    model: str
    provider: str
    quirks: tuple[str, ...]
    chunks: tuple[tuple[float, bytes], ...]

    @property
    def body(self) -> bytes:
        return b"".join(chunk for _, chunk in self.chunks)


class ResponseRecorder:
    """Writes responses to a file."""

    def __init__(self, file: Path, redact: Redactor) -> None:
        self._file = file.open("wb")
        self._file.write(_FIRST)
        self._redact = redact

    async def tee(self, body: AsyncIterator[bytes], about: dict[str, Any]) -> AsyncGenerator[bytes, None]:
        """The body as it comes, written down; `about` is what the first line of its recording says."""
        track = ResponseWriter(self._file, self._redact, about)
        try:
            async for chunk in body:
                track.add(chunk)
                yield chunk
        finally:
            track.end()

    def write(self, body: bytes, about: dict[str, Any]) -> None:
        """A response that came at once, such as a refusal."""
        track = ResponseWriter(self._file, self._redact, about)
        track.add(body)
        track.end()

    def close(self) -> None:
        self._file.close()


@dataclass(slots=True)
class ResponseWriter:
    """One response, on its way to the file."""

    _file: BinaryIO
    _redact: Redactor
    _about: dict[str, Any]
    _began: float = field(default_factory=time.monotonic)
    _chunks: list[tuple[float, bytes]] = field(default_factory=list[tuple[float, bytes]])

    def add(self, chunk: bytes) -> None:
        self._chunks.append((round(time.monotonic() - self._began, 4), chunk))

    def end(self) -> None:
        """All has come, or nothing more will."""
        chunks = [(at, self._redacted(chunk)) for at, chunk in _by_line(self._chunks)]
        sizes = [[at, len(chunk)] for at, chunk in chunks]
        self._file.write(_RESPONSE + json.dumps(self._about).encode() + b"\n")
        self._file.write(b"".join(chunk for _, chunk in chunks))
        self._file.write(b"\n" + _END + json.dumps({"chunks": sizes}).encode() + b"\n")
        self._file.flush()

    def _redacted(self, chunk: bytes) -> bytes:
        return self._redact(chunk.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")


def _by_line(chunks: list[tuple[float, bytes]]) -> Iterator[tuple[float, bytes]]:
    """The same bytes cut at line ends, so that a key which came in two chunks is seen whole."""
    held = b""
    for at, chunk in chunks:
        whole, newline, rest = (held + chunk).rpartition(b"\n")
        held = rest
        if newline:
            yield at, whole + newline
    if held:
        yield chunks[-1][0], held


def read(data: bytes) -> list[RecordedResponse]:
    """The responses of a recording. Raises ValueError: it is none."""
    if not data.startswith(_FIRST):
        raise ValueError("not a recording of termchat")
    found: list[RecordedResponse] = []
    at = data.find(_RESPONSE)
    while at >= 0:
        line_end = data.find(b"\n", at)
        about = as_object(json.loads(data[at + len(_RESPONSE) : line_end]))
        body, at, sizes = _body(data, line_end + 1)
        found.append(_recorded(about, body, sizes))
    return found


def _body(data: bytes, start: int) -> tuple[bytes, int, list[Any]]:
    """A body, where the next response begins (-1: nowhere), and the sizes of its chunks as far as they are trailer."""
    end = data.find(b"\n" + _END, start)
    following = data.find(b"\n" + _RESPONSE, start)
    if end < 0 or 0 <= following < end:
        stop = following if following >= 0 else len(data)
        return data[start:stop], following + 1 if following >= 0 else -1, []
    line_end = data.find(b"\n", end + 1)
    trailer = as_object(json.loads(data[end + 1 + len(_END) : line_end if line_end >= 0 else None]))
    return data[start:end], data.find(_RESPONSE, end), as_list(trailer.get("chunks"))


def _recorded(about: dict[str, Any], body: bytes, sizes: list[Any]) -> RecordedResponse:
    chunks: list[tuple[float, bytes]] = []
    at = 0
    for moment, size in sizes:
        chunks.append((float(moment), body[at : at + int(size)]))
        at += int(size)
    if at < len(body):
        chunks.append((chunks[-1][0] if chunks else 0.0, body[at:]))
    return RecordedResponse(
        int(about.get("status", 200)),
        as_text(about.get("content_type")) or "text/event-stream",
        ApiProtocol(about.get("protocol")),
        as_text(about.get("model")),
        as_text(about.get("provider")),
        tuple(quirk for quirk in as_list(about.get("quirks")) if isinstance(quirk, str)),
        tuple(chunks),
    )
