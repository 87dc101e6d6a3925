"""One request and its reply: refused parameters, unstreamed replies, other paths, other keys."""

from __future__ import annotations

import asyncio
import stat
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from termchat.core.errors import FailureKind
from termchat.core.events import Finished, ProviderNotice, Retrying, TextDelta, UsageDelta
from termchat.core.messages import Message, Reasoning, Text, ToolCall, user_message
from termchat.core.models import ApiProtocol, ModelRef
from termchat.core.outcomes import FinishReason
from termchat.core.provider import Params, Request, StreamMonitor
from termchat.core.usage import Usage
from termchat.providers.http.retry import RetryPolicy
from tests import gateway as gw
from tests.gateway import Call, Gateway, Reply, fault
from tests.gateway import Text as Say
from tests.providers.decode_support import parts
from tests.providers.support import HELLO, KEY, PROTOCOLS, provider_config, registry, run_request, text_of

ALL = pytest.mark.parametrize("protocol", PROTOCOLS)
C, R, A, G = PROTOCOLS
SHORT = Request((user_message("q"),), params=Params(max_tokens=50))


def provider_notices(deltas: list[Any]) -> list[str]:
    return [delta.words for delta in deltas if isinstance(delta, ProviderNotice)]


async def test_stream_options_refused_are_left_out_with_notice(gateway: Gateway) -> None:
    gateway.reply(fault.status(400, "Unknown parameter: 'stream_options'."), Reply.text("ok"))
    deltas, failure = await run_request(provider_config(gateway.url, C))
    assert (text_of(deltas), failure) == ("ok", None)
    assert ["stream_options" in request.body for request in gateway.asked] == [True, False]
    assert provider_notices(deltas) == ["openai does not report token usage while streaming."]


@pytest.mark.parametrize(("name", "field"), [("qwen3:8b", "max_tokens"), ("gpt-5.2", "max_completion_tokens")])
async def test_max_tokens_field_depends_on_model(gateway: Gateway, name: str, field: str) -> None:
    """Some servers silently ignore the newer field; OpenAI's reasoning models refuse the older one."""
    gateway.reply(Reply.text("ok"))
    await run_request(provider_config(gateway.url, C), SHORT, name=name)
    assert gateway.asked[0].body[field] == 50


@pytest.mark.parametrize(
    ("quirks", "words", "names"),
    [
        (
            frozenset({"new_limit"}),
            "Unrecognized request argument supplied: max_completion_tokens",
            ["max_completion_tokens", "max_tokens"],
        ),
        (
            frozenset({"max_tokens"}),
            "Unsupported parameter: 'max_tokens' is not supported. Use 'max_completion_tokens' instead.",
            ["max_tokens", "max_completion_tokens"],
        ),
    ],
)
async def test_max_tokens_field_refused_is_replaced_by_other(
    gateway: Gateway, quirks: frozenset[str], words: str, names: list[str]
) -> None:
    gateway.reply(fault.status(400, words), Reply.text("ok"))
    deltas, failure = await run_request(provider_config(gateway.url, C, quirks=quirks), SHORT, name="other-model")
    assert (text_of(deltas), failure) == ("ok", None)
    assert [request.body.get(name) for request, name in zip(gateway.asked, names, strict=True)] == [50, 50]
    assert len(provider_notices(deltas)) == 1


@ALL
async def test_streaming_refused_is_requested_whole_once(gateway: Gateway, protocol: ApiProtocol) -> None:
    usage = gw.Usage(input=20, output=9)
    gateway.reply(fault.no_streaming(), Reply(gw.Reasoning("hm"), gw.Text("so"), Call("look", {"x": 1}), usage=usage))
    deltas, failure = await run_request(provider_config(gateway.url, protocol))
    assert failure is None
    assert [request.streams for request in gateway.asked] == [True, False]
    assert provider_notices(deltas) == [f"{protocol.value} does not support streaming; waiting for the complete reply."]
    reasoning, text, call = parts(deltas)
    assert (type(reasoning), type(text), type(call)) == (Reasoning, Text, ToolCall)
    assert isinstance(deltas[-1], Finished | UsageDelta)
    gateway.reply(fault.no_streaming(), fault.no_streaming())
    _, failure = await run_request(provider_config(gateway.url, protocol))
    assert failure is not None
    assert (failure.kind, len(gateway.asked)) == (FailureKind.BAD_REQUEST, 4)


@ALL
async def test_unstreamed_reply_to_stream_request_is_decoded(gateway: Gateway, protocol: ApiProtocol) -> None:
    usage = gw.Usage(input=20, output=9, cached=5)
    gateway.reply(Reply(gw.Text("wörds"), Call("look", {"x": 1}), usage=usage).on(plain=True))
    deltas, failure = await run_request(provider_config(gateway.url, protocol))
    assert failure is None
    text, call = parts(deltas)
    assert isinstance(call, ToolCall)
    assert (text, call.name, call.complete) == (Text("wörds", provider_data=text.provider_data), "look", True)  # type: ignore[union-attr]
    assert [d.usage.input for d in deltas if isinstance(d, UsageDelta)][-1] == 20
    assert [d.reason for d in deltas if isinstance(d, Finished)] == [FinishReason.TOOL_CALLS]


@ALL
async def test_provider_without_streaming_requests_whole_reply(gateway: Gateway, protocol: ApiProtocol) -> None:
    gateway.allow_plain()
    gateway.reply(Reply.text("all at once"))
    deltas, failure = await run_request(provider_config(gateway.url, protocol, stream=False))
    assert (text_of(deltas), failure) == ("all at once", None)
    assert not gateway.asked[0].streams


async def test_fallback_path_is_used_after_404(gateway: Gateway) -> None:
    made = provider_config(gateway.url, C, fallback_paths=("/v1/llm",))
    gateway.reply(fault.html(404), Reply.text("here"), Reply.text("still here"), fault.html(404), Reply.text("back"))
    async with registry(made) as providers:
        for text in ("here", "still here", "back"):
            provider = await providers.open(ModelRef("openai", "auto"))
            assert text_of([delta async for delta in provider.stream(HELLO, StreamMonitor())]) == text
    first = "/v1/chat/completions"
    assert [request.path for request in gateway.asked] == [first, "/v1/llm", "/v1/llm", "/v1/llm", first]


@ALL
async def test_key_command_is_rerun_once_after_401(gateway: Gateway, protocol: ApiProtocol, tmp_path: Path) -> None:
    counter = tmp_path / "asked"
    command = tmp_path / "key"
    command.write_text(f'#!/bin/sh\necho x >> "{counter}"\necho key-number-$(wc -l < "{counter}")-abc | tr -d " "\n')
    command.chmod(stat.S_IRWXU)
    gateway.reply(fault.status(401), Reply.text("ok"), fault.status(401), fault.status(401))
    made = provider_config(gateway.url, protocol, key=f"cmd:{command}")
    deltas, failure = await run_request(made)
    assert (text_of(deltas), failure) == ("ok", None)
    assert [request.key for request in gateway.asked] == ["key-number-1-abc", "key-number-2-abc"]
    _, failure = await run_request(made)
    assert failure is not None
    assert (failure.kind, len(gateway.asked)) == (FailureKind.AUTH, 4)


@ALL
async def test_key_from_variable_is_not_retried_after_401(gateway: Gateway, protocol: ApiProtocol) -> None:
    gateway.always(fault.status(401))
    await run_request(provider_config(gateway.url, protocol, key="env:K"), env={"K": KEY})
    assert len(gateway.asked) == 1


@ALL
async def test_retries_are_reported_before_each_delay(gateway: Gateway, protocol: ApiProtocol) -> None:
    gateway.reply(fault.status(529), fault.status(429, retry_after="7"), Reply.text("at last"))
    deltas, failure = await run_request(provider_config(gateway.url, protocol))
    assert (text_of(deltas), failure) == ("at last", None)
    retries = [delta for delta in deltas if isinstance(delta, Retrying)]
    assert [(r.attempt, r.tries, r.failure.kind) for r in retries] == [
        (2, 3, FailureKind.OVERLOADED),
        (3, 3, FailureKind.RATE_LIMITED),
    ]
    assert retries[1].delay == 0.007  # QuickRetryPolicy waits a thousandth


@ALL
async def test_retry_after_of_an_hour_fails_at_once(gateway: Gateway, protocol: ApiProtocol) -> None:
    gateway.always(fault.status(429, retry_after="3600"))
    _, failure = await run_request(provider_config(gateway.url, protocol))
    assert failure is not None
    assert len(gateway.asked) == 1
    assert "3600 s" in failure.message


@ALL
async def test_skipped_wait_clears_rate_limit_after_reply(gateway: Gateway, protocol: ApiProtocol) -> None:
    gateway.reply(fault.status(429, retry_after="29"), Reply.text("one"), Reply.text("two"))
    seen: list[Any] = []
    async with registry(provider_config(gateway.url, protocol), policy=RetryPolicy()) as providers:
        provider = await providers.open(ModelRef(protocol.value, "m"))
        for _ in range(2):
            wire = StreamMonitor()
            async for delta in provider.stream(HELLO, wire):
                seen.append(delta)
                if isinstance(delta, Retrying):
                    asyncio.get_running_loop().call_soon(lambda wire=wire: wire.skip_wait())
    assert text_of(seen) == "onetwo"
    assert sum(isinstance(delta, Retrying) for delta in seen) == 1


@ALL
async def test_configured_headers_and_body_are_sent(gateway: Gateway, protocol: ApiProtocol) -> None:
    field = "labels" if protocol is G else "metadata"
    made = provider_config(
        gateway.url, protocol, headers={"x-team": "env:TEAM", "x-app": "t"}, extra_body={field: {"user_id": "me"}}
    )
    gateway.reply(Reply.text("ok"))
    _, failure = await run_request(made, env={"TEAM": "blue"})
    assert failure is None
    sent = gateway.asked[0]
    assert (sent.headers["x-team"], sent.headers["x-app"], sent.body[field]) == ("blue", "t", {"user_id": "me"})


@ALL
async def test_local_server_without_key_gets_none(gateway: Gateway, protocol: ApiProtocol) -> None:
    gateway.reply(Reply.text("ok"))
    gateway.expect_problems()
    await run_request(provider_config(gateway.url, protocol, key="", local=True))
    sent = gateway.requests[0]
    assert sent.headers.get("authorization") is None or protocol is G
    assert sent.key in ("", "none")


async def test_sdk_environment_variables_are_not_sent(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "ANTHROPIC_AUTH_TOKEN", "OPENAI_ADMIN_KEY", "GOOGLE_API_KEY"):
        monkeypatch.setenv(name, "ambient-secret")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "x-leak: ambient-secret")
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", "x-leak: ambient-secret")
    monkeypatch.setenv("GOOGLE_GENAI_USE_VERTEXAI", "true")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://elsewhere.invalid")
    for protocol in PROTOCOLS:
        gateway.reply(Reply.text("ok"))
        _, failure = await run_request(replace(provider_config(gateway.url, protocol), name="mine"))
        assert failure is None
    for request in gateway.asked:
        assert "ambient-secret" not in str(request.headers), request.protocol


@ALL
@pytest.mark.parametrize(
    "wire",
    [
        {"split": 1},
        {"gzip": True, "split": 7},
        {"line_end": "\r\n", "space": False},
        {"line_end": "\r"},
        {"comments": True, "ids": True},
        {"framing": "close"},
        {"framing": "length"},
        {"content_type": "text/plain"},
    ],
    ids=str,
)
async def test_reply_is_independent_of_wire_format(
    gateway: Gateway, protocol: ApiProtocol, wire: dict[str, Any]
) -> None:
    gateway.reply(Reply(gw.Text("the sáme ", "words 🙂"), Call("look", {"x": "ü"})).on(**wire))
    deltas, failure = await run_request(provider_config(gateway.url, protocol))
    assert failure is None
    text, call = parts(deltas)
    assert isinstance(text, Text)
    assert isinstance(call, ToolCall)
    assert (text.text, call.arguments, call.complete) == ("the sáme words 🙂", '{"x": "ü"}', True)


QUIRKS = [quirk for quirk in gw.Quirk if quirk not in (gw.Quirk.PROMPT_BLOCKED, gw.Quirk.THINK_TAGS)]


@ALL
@pytest.mark.parametrize("quirk", QUIRKS, ids=lambda quirk: quirk.name)
async def test_reply_with_server_quirk_is_decoded(gateway: Gateway, protocol: ApiProtocol, quirk: gw.Quirk) -> None:
    calls = (Call("look", {"city": "Köln"}), Call("count", {"to": 3}))
    if quirk is gw.Quirk.CALL_LEGACY:
        calls = calls[:1]  # the legacy form holds one call
    if protocol is A and quirk in (gw.Quirk.NO_BLOCK_START, gw.Quirk.CALLS_INTERLEAVED):
        calls = ()  # only the block start names a call, and blocks are not interleaved
    gateway.reply(Reply(gw.Reasoning("h", "m"), gw.Text("so ", "far"), *calls).like(quirk))
    deltas, failure = await run_request(provider_config(gateway.url, protocol))
    assert failure is None
    found = parts(deltas)
    assert "".join(part.text for part in found if isinstance(part, Text)) == "so far"
    assert "".join(part.text for part in found if isinstance(part, Reasoning)) == "hm"
    made = [(part.name, part.arguments, part.complete) for part in found if isinstance(part, ToolCall)]
    assert made == [(call.name, call.raw, True) for call in calls]
    assert len({part.id for part in found if isinstance(part, ToolCall)}) == len(calls)
    counted = [delta.usage for delta in deltas if isinstance(delta, UsageDelta)]
    if quirk not in (gw.Quirk.NO_USAGE, gw.Quirk.NULL_USAGE):
        assert counted[-1] == Usage(25, 12)


@ALL
async def test_connection_is_reused_and_closed_at_end(gateway: Gateway, protocol: ApiProtocol) -> None:
    gateway.always(Reply.text("ok"))
    before = asyncio.all_tasks()
    async with registry(provider_config(gateway.url, protocol)) as providers:
        for _ in range(3):
            provider = await providers.open(ModelRef(protocol.value, "m"))
            assert text_of([delta async for delta in provider.stream(HELLO, StreamMonitor())]) == "ok"
        assert gateway.connections == 1
    await gateway.asked[-1].wait_closed()
    assert {task for task in asyncio.all_tasks() if "gateway" not in repr(task)} <= before


@ALL
async def test_stream_monitor_counts_received_bytes(gateway: Gateway, protocol: ApiProtocol) -> None:
    gateway.reply(Reply.text("some words"))
    wire = StreamMonitor()
    await run_request(provider_config(gateway.url, protocol), wire=wire)
    assert wire.bytes_received > 100


async def test_lone_closing_think_tag_is_learned_so_that_later_text_is_provisional(
    gateway: Gateway, tmp_path: Path
) -> None:
    cache = tmp_path / "models.json"
    config = provider_config(gateway.url, ApiProtocol.CHAT)
    gateway.always(Reply.text("First I\nreason.\n</think>\n\nThe answer."))
    seen: list[tuple[set[bool], tuple[Any, ...]]] = []
    for _ in range(2):
        deltas, failure = await run_request(config, cache=cache)
        assert failure is None
        first = {delta.provisional for delta in deltas if isinstance(delta, TextDelta) and delta.index == 0}
        seen.append((first, parts(deltas)))
    shown = (Reasoning("First I\nreason.\n"), Text("The answer."))
    assert seen == [({False}, shown), ({True}, shown)]


async def test_think_tags_text_is_provisional_for_one_paragraph(gateway: Gateway) -> None:
    config = provider_config(gateway.url, ApiProtocol.CHAT, quirks=frozenset({"think_tags"}))
    gateway.reply(Reply(*(Say("word " * 20) for _ in range(10))))
    deltas, _ = await run_request(config)
    waiting = sum(len(delta.text) for delta in deltas if isinstance(delta, TextDelta) and delta.provisional)
    assert 300 < waiting <= 500
    assert list(parts(deltas)) == [Text("word " * 200)]


class WatchedMessages(tuple[Message, ...]):
    """Messages that note the threads on which they are read."""

    threads: set[int]

    def __iter__(self) -> Iterator[Message]:
        self.threads.add(threading.get_ident())
        return super().__iter__()


@ALL
@pytest.mark.parametrize("size", [100, 600_000])
async def test_request_of_long_history_is_encoded_off_the_loop(
    gateway: Gateway, protocol: ApiProtocol, size: int
) -> None:
    gateway.reply(Reply.text("ok"))
    messages = WatchedMessages((user_message("x" * size),))
    messages.threads = set()
    _, failure = await run_request(provider_config(gateway.url, protocol), Request(messages))
    assert failure is None
    assert bool(messages.threads - {threading.get_ident()}) == (size > 500_000)


@pytest.mark.parametrize("protocol", [ApiProtocol.CHAT, ApiProtocol.RESPONSES])
@pytest.mark.parametrize("refused", [False, True])
async def test_obfuscation_is_turned_off_where_known_and_padding_is_read(
    gateway: Gateway, protocol: ApiProtocol, refused: bool
) -> None:
    config = provider_config(gateway.url, protocol, quirks=frozenset({"obfuscation"}))
    if refused:
        gateway.reply(fault.status(400, message="Unknown parameter: 'stream_options.include_obfuscation'."))
    gateway.reply(Reply.text("one two"))
    deltas, failure = await run_request(config)
    assert (failure, text_of(deltas)) == (None, "one two")
    asked = [(request.body.get("stream_options") or {}).get("include_obfuscation") for request in gateway.asked]
    assert asked == ([False, None] if refused else [False])
    gateway.reply(Reply.text("one two"))
    deltas, failure = await run_request(provider_config(gateway.url, protocol))
    assert (failure, text_of(deltas)) == (None, "one two")
    assert "include_obfuscation" not in (gateway.asked[-1].body.get("stream_options") or {})
