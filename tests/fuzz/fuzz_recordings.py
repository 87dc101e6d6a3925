"""Recordings that `termchat replay` reads: any bytes are responses, or no recording."""

from __future__ import annotations

from pathlib import Path

from termchat.providers.http.recording import parse_recording
from tests.fuzz.targets import FuzzTarget

_WIRE = Path(__file__).parent.parent / "wire"


def _run(data: bytes) -> None:
    try:
        found = parse_recording(data)
    except ValueError:
        return
    for response in found:
        assert all(isinstance(seconds, float) and isinstance(chunk, bytes) for seconds, chunk in response.chunks)
        assert response.body in data


recordings = FuzzTarget(_run, tuple(file.read_bytes() for file in sorted(_WIRE.glob("*.sse"))))
