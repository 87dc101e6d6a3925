"""Server-sent events: any chunks, every line end, comments, a byte order mark, and endless lines."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from termchat.providers.http import sse
from termchat.providers.http.sse import SseEvent, SseReader, TooLongError


def read(*chunks: bytes) -> list[SseEvent]:
    reader = SseReader()
    events = [event for chunk in chunks for event in reader.feed(chunk)]
    return events + reader.close()


CASES: dict[bytes, list[SseEvent]] = {
    b"data: a\n\n": [SseEvent("", b"a")],
    b"data:a\n\n": [SseEvent("", b"a")],
    b"data:  a\n\n": [SseEvent("", b" a")],
    b"event: x\r\n\ndata: a\n\n": [SseEvent("", b"a")],
    b"data: a\r\n\r\ndata: b\r\rdata: c\n\n": [SseEvent("", b"a"), SseEvent("", b"b"), SseEvent("", b"c")],
    b"\xef\xbb\xbfdata: a\n\n": [SseEvent("", b"a")],
    b": comment\n\ndata: a\n: another\n\n": [SseEvent("", b"a")],
    b"event: x\ndata: a\nid: 7\nretry: 5\n\n": [SseEvent("x", b"a")],
    b"id: 7\nretry: 5\n\ndata: a\n\n": [SseEvent("", b"a")],
    b"event: x\n\ndata: a\n\n": [SseEvent("", b"a")],
    b"data: a\ndata: b\ndata:\n\n": [SseEvent("", b"a\nb\n")],
    b"data\n\n": [SseEvent("", b"")],
    b"\n\n\ndata: a\n\n\n\n": [SseEvent("", b"a")],
    b"data: a": [SseEvent("", b"a")],
    b"data: a\n": [SseEvent("", b"a")],
    b"unknown: a\ndatax: b\n\n": [],
    "data: é\u2028\x85 b\n\n".encode(): [SseEvent("", "é\u2028\x85 b".encode())],
    b"event: \xff\ndata: a\n\n": [SseEvent("\ufffd", b"a")],
    b"": [],
}


@pytest.mark.parametrize(("body", "events"), CASES.items(), ids=map(repr, CASES))
def test_sse_body_gives_events(body: bytes, events: list[SseEvent]) -> None:
    assert read(body) == events
    assert read(*(bytes([byte]) for byte in body)) == events


LINES = st.sampled_from([b"data: a", b"data:", b"event: e", b": c", b"", b"id: 1", b"x", b"\xef\xbb\xbf", "é".encode()])
BODIES = st.lists(st.tuples(LINES, st.sampled_from([b"\n", b"\r\n", b"\r"]))).map(
    lambda lines: b"".join(line + end for line, end in lines)
)


@given(BODIES, st.data())
def test_sse_events_are_independent_of_chunks(body: bytes, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(0, len(body)), max_size=20)))
    pieces = [body[a:b] for a, b in zip([0, *cuts], [*cuts, len(body)], strict=True)]
    assert read(*pieces) == read(body)


def test_sse_endless_line_or_event_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "MAX_EVENT", 1000)
    for flood in (b"data: " + b"x" * 100, b"data: " + b"x" * 90 + b"\n"):
        with pytest.raises(TooLongError):
            read(*[flood] * 20)


def test_sse_many_short_events_are_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sse, "MAX_EVENT", 1000)
    reader = SseReader()
    assert sum(len(reader.feed(b"data: " + b"x" * 500 + b"\n\n")) for _ in range(10)) == 10
