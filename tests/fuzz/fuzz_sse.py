"""The SSE reader: chunks do not matter, and an event has a name and data without line ends."""

from __future__ import annotations

from pathlib import Path

from termchat.providers.http.sse import SseEvent, SseReader
from tests.fuzz.targets import FuzzTarget, pieces, split_head

_LONGEST = 1000  # bytes, which are also read one by one


def _read(body: bytes, sizes: bytes) -> list[SseEvent]:
    reader = SseReader()
    found = [event for piece in pieces(body, sizes) for event in reader.feed(piece)]
    return found + reader.close()


def _run(data: bytes) -> None:
    sizes, body = split_head(data[:_LONGEST], 3)
    events = _read(body, sizes)
    assert events == _read(body, b"\0") == _read(body, b"\1")
    for event in events:
        assert "\n" not in event.name
        assert "\r" not in event.name
        assert b"\r" not in event.data


_WIRE = Path(__file__).parent.parent / "wire"
sse = FuzzTarget(_run, tuple(b"\5\1\0" + file.read_bytes()[:_LONGEST] for file in sorted(_WIRE.glob("*.sse"))))
