"""Reader of server-sent events: strict about size, lenient about form.

The reader takes bytes in any split and returns whole events. It accepts comments, `id:` and `retry:` lines, `data:`
without a space, any line end, a byte order mark, a line of JSON without its field name, and a last event without its
blank line; it rejects an event above `MAX_EVENT`. Format: the WHATWG HTML standard, section 9.2.
"""

from __future__ import annotations

from termchat.late_dataclass import dataclass

MAX_EVENT = 16 * 1024 * 1024  # bytes; the largest real event is an image of a few megabytes

_LINE = 50  # bytes of memory that an empty line takes


class TooLongError(ValueError):
    """An event longer than `MAX_EVENT`."""


@dataclass(slots=True)
class SseEvent:
    """One event: its name, "" without one, and its data as UTF-8 bytes."""

    name: str
    data: bytes


class SseReader:
    """Turns bytes into events; the events do not depend on how the bytes were split into chunks."""

    def __init__(self) -> None:
        self._pending: list[bytes] = []  # pieces of the unfinished line
        self._pending_size = 0
        self._after_cr = False
        self._first = True
        self._name = ""
        self._data: list[bytes] = []
        self._data_size = 0

    def feed(self, chunk: bytes) -> list[SseEvent]:
        """Return the events that this chunk completes. Raises TooLongError."""
        if self._after_cr and chunk.startswith(b"\n"):
            chunk, self._after_cr = chunk[1:], False
        if chunk:
            self._after_cr = chunk.endswith(b"\r")
        if b"\r" in chunk:
            chunk = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        *lines, rest = chunk.split(b"\n")
        events: list[SseEvent] = []
        for line in lines:
            self._line(self._complete(line), events)
        self._keep(rest)
        return events

    def close(self) -> list[SseEvent]:
        """Return the last event, if the server left out the blank line after it."""
        events: list[SseEvent] = []
        self._line(self._complete(b""), events)
        self._line(b"", events)
        return events

    def _keep(self, rest: bytes) -> None:
        if not rest:
            return
        self._pending.append(rest)
        self._pending_size += len(rest)
        if self._pending_size > MAX_EVENT:
            raise TooLongError

    def _complete(self, line: bytes) -> bytes:
        if self._pending:
            self._pending.append(line)
            line = b"".join(self._pending)
            self._pending, self._pending_size = [], 0
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
        if line.startswith(b"{"):  # JSON without `data:`: an error response in the middle of a stream
            field, value = b"data", line
        if field == b"data":
            self._data_size += len(value) + _LINE
            if self._data_size > MAX_EVENT:
                raise TooLongError
            self._data.append(value)
        elif field == b"event":
            self._name = value.decode("utf-8", "replace")
