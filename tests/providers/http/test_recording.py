"""Recordings: the bytes of each response without keys, and their replay."""

from __future__ import annotations

import time
from contextlib import aclosing
from pathlib import Path

import pytest

from termchat.core.errors import FailureKind, ProviderError
from termchat.core.events import Delta, Retrying
from termchat.core.models import ApiProtocol
from termchat.core.provider import StreamMonitor
from termchat.providers.http.recording import RecordedResponse, parse_recording
from termchat.providers.replay import ReplayProvider
from tests import gateway as gw
from tests import golden
from tests.gateway import Call, Gateway, Reply, fault
from tests.providers.decode_support import parts
from tests.providers.support import HELLO, KEY, PROTOCOLS, provider_config, run_request, text_of

ALL = pytest.mark.parametrize("protocol", PROTOCOLS)
TALK = Reply(gw.Reasoning("hm"), gw.Text("wörds ", "🙂"), Call("look", {"city": "Köln"}))


async def played(replay: ReplayProvider, wire: StreamMonitor | None = None) -> list[Delta]:
    async with aclosing(replay.stream(HELLO, wire or StreamMonitor())) as deltas:
        return [delta async for delta in deltas]


@ALL
@pytest.mark.parametrize("wire", [{}, {"gzip": True}, {"split": 1}, {"line_end": "\r\n"}], ids=str)
async def test_replay_gives_same_parts_as_live_reply(
    gateway: Gateway, protocol: ApiProtocol, tmp_path: Path, wire: dict[str, object]
) -> None:
    gateway.reply(TALK.on(**wire))
    file = tmp_path / "talk.sse"
    live, failure = await run_request(provider_config(gateway.url, protocol), record=file)
    assert failure is None
    (recorded,) = parse_recording(file.read_bytes())
    assert (recorded.protocol, recorded.provider, recorded.status) == (protocol, protocol.value, 200)
    assert recorded.body.decode().count("wörds") >= 1
    again = await played(ReplayProvider([recorded], speed=0))
    names, other = golden.Names(), golden.Names()
    assert [names(golden.part(part)) for part in parts(again)] == [other(golden.part(part)) for part in parts(live)]
    assert text_of(again) == "wörds 🙂"


async def test_recording_hides_key_echoed_by_server(gateway: Gateway, tmp_path: Path) -> None:
    file = tmp_path / "talk.sse"
    gateway.reply(Reply(gw.Text(f"your key is {KEY}", " indeed")).on(split=5))
    deltas, _ = await run_request(provider_config(gateway.url, PROTOCOLS[0]), record=file)
    assert KEY in text_of(deltas)
    assert KEY.encode() not in file.read_bytes()


async def test_recording_holds_every_response(gateway: Gateway, tmp_path: Path) -> None:
    file = tmp_path / "talk.sse"
    gateway.reply(Reply(gw.Text("one "), fault.error_event(529)), Reply.text("two"))
    await run_request(provider_config(gateway.url, PROTOCOLS[0]), record=file)
    (cut,) = parse_recording(file.read_bytes())
    with pytest.raises(ProviderError):
        await played(ReplayProvider([cut], speed=0))
    gateway.forget()
    gateway.reply(Reply(fault.error_event(529)), Reply.text("two"))
    deltas, _ = await run_request(provider_config(gateway.url, PROTOCOLS[0]), record=file)
    assert any(isinstance(delta, Retrying) for delta in deltas)
    assert len(parse_recording(file.read_bytes())) == 2


async def test_replay_speed_scales_recorded_pace() -> None:
    body = b'data: {"choices":[{"delta":{"content":"a"}}]}\n\n'
    end = b'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
    recorded = RecordedResponse(
        200, "text/event-stream", PROTOCOLS[0], "m", "p", (), ((0.0, body), (0.3, body), (0.6, end))
    )
    took: dict[float, float] = {}
    for speed in (1.0, 4.0, 0.0):
        began = time.monotonic()
        assert text_of(await played(ReplayProvider([recorded], speed))) == "aa"
        took[speed] = time.monotonic() - began
    assert took[1.0] >= 0.55
    assert took[4.0] >= 0.1
    assert took[1.0] > took[0.0]


async def test_replay_beyond_last_response_fails() -> None:
    with pytest.raises(ProviderError) as raised:
        await played(ReplayProvider([]))
    assert raised.value.failure.kind is FailureKind.EMPTY


@pytest.mark.parametrize("data", [b"", b"hello", b"data: x\n\n"])
def test_read_other_data_raises_value_error(data: bytes) -> None:
    with pytest.raises(ValueError, match="not a recording"):
        parse_recording(data)


@pytest.mark.parametrize(
    "rest",
    [
        b": response ",
        b': response {"protocol": "demo"}\ndata: x\n',
        b': response {"protocol": "openai", "status": []}\ndata: x\n',
        b': response {"protocol": "openai"}\nx\n: end {"chunks": [1]}\n',
        b': response {"protocol": "openai"}\nx\n: end {"chunks": [[0, 1e999]]}\n',
        b': response {"protocol": "openai"}\nx\n: end {"chunks": [[{}, 1]]}\n',
        b": response " + b"[" * 100_000 + b"\n",
    ],
)
def test_read_damaged_recording_raises_value_error(rest: bytes) -> None:
    with pytest.raises(ValueError, match="the recording is damaged"):
        parse_recording(b": termchat recording 1\n" + rest)


def test_read_recording_with_response_in_last_line_ends() -> None:
    (one,) = parse_recording(b': termchat recording 1\n: response {"protocol": "openai"}')
    assert one.body == b""


def test_read_recording_without_or_with_partial_chunks() -> None:
    head = b': termchat recording 1\n: response {"protocol": "openai", "model": "m"}\n'
    (one,) = parse_recording(head + b"data: a\n\n")
    assert (one.body, one.status) == (b"data: a\n\n", 200)
    first, second = parse_recording(
        head + b'data: a\n\n\n: end {"chunks": [[0.5, 4]]}\n' + head.split(b"\n", 1)[1] + b"data: b\n\n"
    )
    assert first.chunks == ((0.5, b"data"), (0.5, b": a\n\n"))
    assert second.body == b"data: b\n\n"


REFUSALS = [
    (fault.status(401, echo_key=True), FailureKind.AUTH),
    (fault.status(429), FailureKind.RATE_LIMITED),
    (fault.quota(), FailureKind.QUOTA),
    (fault.html(502), FailureKind.SERVER),
    (fault.context_full(), FailureKind.CONTEXT_TOO_LONG),
]


@ALL
@pytest.mark.parametrize(("answer", "kind"), REFUSALS, ids=[kind.value for _, kind in REFUSALS])
async def test_replay_of_refusal_fails_with_same_kind(
    gateway: Gateway, protocol: ApiProtocol, tmp_path: Path, answer: fault.Status, kind: FailureKind
) -> None:
    file = tmp_path / "talk.sse"
    gateway.always(answer)
    _, failure = await run_request(provider_config(gateway.url, protocol), record=file)
    assert failure is not None
    recorded = parse_recording(file.read_bytes())
    assert len(recorded) == len(gateway.asked)
    assert {one.status for one in recorded} == {failure.status}
    assert all(one.body for one in recorded)
    assert KEY.encode() not in file.read_bytes()
    with pytest.raises(ProviderError) as again:
        await played(ReplayProvider(recorded, speed=0))
    assert (again.value.failure.kind, again.value.failure.status) == (kind, failure.status)
    assert failure.kind is kind


async def test_replay_plays_refusal_then_reply(gateway: Gateway, tmp_path: Path) -> None:
    file = tmp_path / "talk.sse"
    gateway.reply(fault.status(529), Reply.text("at last"))
    deltas, failure = await run_request(provider_config(gateway.url, PROTOCOLS[0]), record=file)
    assert (text_of(deltas), failure) == ("at last", None)
    replay = ReplayProvider(parse_recording(file.read_bytes()), speed=0)
    with pytest.raises(ProviderError):
        await played(replay)
    assert text_of(await played(replay)) == "at last"
