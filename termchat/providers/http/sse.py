"""Server-sent events, read strictly where it matters and leniently everywhere else.

The reader takes bytes in any split and gives whole events. It accepts comments, `id:` and `retry:` lines, `data:`
without a space, any line end, a byte order mark, a line of JSON without its field, and a last event without its
blank line; it refuses a line that would not fit in memory. Format: the WHATWG HTML standard, section 9.2.
"""

from __future__ import annotations

from dataclasses import dataclass

MAX_EVENT = 16 * 1024 * 1024  # bytes; the largest real event is an image of a few megabytes

_LINE = 50  # bytes that a line costs, were it empty


class TooLongError(ValueError):
    """An event longer than `MAX_EVENT`."""


@dataclass(slots=True)
class SseEvent:
    """One event: its name ("" when it has none) and its data, still encoded."""

    name: str
    data: bytes


class SseReader:
    """Bytes in, events out: the events do not depend on how the bytes were split."""

    def __init__(self) -> None:
        self._held: list[bytes] = []  # pieces of the unfinished line
        self._held_size = 0
        self._after_cr = False
        self._first = True
        self._name = ""
        self._data: list[bytes] = []
        self._data_size = 0

    def feed(self, chunk: bytes) -> list[SseEvent]:
        """The events that this chunk completed. Raises TooLongError."""
        if self._after_cr and chunk.startswith(b"\n"):
            chunk, self._after_cr = chunk[1:], False
        if chunk:
            self._after_cr = chunk.endswith(b"\r")
        if b"\r" in chunk:
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        *lines, rest = chunk.split(b"\n")
        events: list[SseEvent] = []
        for line in lines:
            self._line(self._take(line), events)
        self._hold(rest)
        return events

    def close(self) -> list[SseEvent]:
        """What a server left that forgot the last blank line."""
        events: list[SseEvent] = []
        self._line(self._take(b""), events)
        self._line(b"", events)
        return events

    def _hold(self, rest: bytes) -> None:
        if not rest:
            return
        self._held.append(rest)
        self._held_size += len(rest)
        if self._held_size > MAX_EVENT:
            raise TooLongError

    def _take(self, line: bytes) -> bytes:
        if self._held:
            self._held.append(line)
            line = b"".join(self._held)
            self._held, self._held_size = [], 0
        if self._first and line:
            self._first = False
            line = line.removeprefix(b"\xef\xbb\xbf")
        return line

    def _line(self, line: bytes, events: list[SseEvent]) -> None:
        if not line:
            if self._data:
                events.append(SseEvent(self._name, b"\n".join(self._data)))
            self._name, self._data, self._data_size = "", [], 0
            return
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if line.startswith(b"{"):  # JSON by itself: an error of a server that forgot the format
            field, value = b"data", line
        if field == b"data":
            self._data_size += len(value) + _LINE
            if self._data_size > MAX_EVENT:
                raise TooLongError
            self._data.append(value)
        elif field == b"event":
            self._name = value.decode("utf-8", "replace")
