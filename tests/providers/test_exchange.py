"""One request and its reply, whatever the way there: parameters given up, plain replies, other paths, other keys."""

from __future__ import annotations

import asyncio
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from termchat.core.errors import FailureKind
from termchat.core.events import Finished, ProviderNotice, Retrying, UsageDelta
from termchat.core.messages import Reasoning, Text, ToolCall, user_message
from termchat.core.models import ApiProtocol, ModelRef
from termchat.core.outcomes import FinishReason
from termchat.core.provider import Params, Request, StreamMonitor
from termchat.core.usage import Usage
from termchat.providers.http.retry import RetryPolicy
from tests import gateway as gw
from tests.gateway import Call, Gateway, Reply, fault
from tests.providers.decode_support import parts
from tests.providers.support import HELLO, KEY, SPEECHES, heard, profile, registry, text_of

ALL = pytest.mark.parametrize("speech", SPEECHES)
C, R, A, G = SPEECHES
SHORT = Request((user_message("q"),), params=Params(max_tokens=50))


def adapted(deltas: list[Any]) -> list[str]:
    return [delta.words for delta in deltas if isinstance(delta, ProviderNotice)]


async def test_a_server_that_refuses_to_count_is_asked_without(gateway: Gateway) -> None:
    gateway.reply(fault.status(400, "Unknown parameter: 'stream_options'."), Reply.text("ok"))
    deltas, failure = await heard(profile(gateway.url, C))
    assert (text_of(deltas), failure) == ("ok", None)
    assert ["stream_options" in request.body for request in gateway.asked] == [True, False]
    assert adapted(deltas) == ["openai does not count tokens while it streams."]


@pytest.mark.parametrize(("name", "field"), [("qwen3:8b", "max_tokens"), ("gpt-5.2", "max_completion_tokens")])
async def test_a_limit_has_the_name_that_every_server_knows(gateway: Gateway, name: str, field: str) -> None:
    """Some ignore the newer one without a word, and would go on; OpenAI's reasoning models refuse the older."""
    gateway.reply(Reply.text("ok"))
    await heard(profile(gateway.url, C), SHORT, name=name)
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
async def test_the_other_name_of_the_limit(
    gateway: Gateway, quirks: frozenset[str], words: str, names: list[str]
) -> None:
    gateway.reply(fault.status(400, words), Reply.text("ok"))
    deltas, failure = await heard(profile(gateway.url, C, quirks=quirks), SHORT, name="other-model")
    assert (text_of(deltas), failure) == ("ok", None)
    assert [request.body.get(name) for request, name in zip(gateway.asked, names, strict=True)] == [50, 50]
    assert len(adapted(deltas)) == 1


@ALL
async def test_a_server_that_refuses_to_stream_is_asked_once_without(gateway: Gateway, speech: ApiProtocol) -> None:
    usage = gw.Usage(input=20, output=9)
    gateway.reply(fault.no_streaming(), Reply(gw.Reasoning("hm"), gw.Text("so"), Call("look", {"x": 1}), usage=usage))
    deltas, failure = await heard(profile(gateway.url, speech))
    assert failure is None
    assert [request.streams for request in gateway.asked] == [True, False]
    assert adapted(deltas) == [f"{speech.value} does not stream; waiting for the whole reply."]
    thought, said, call = parts(deltas)
    assert (type(thought), type(said), type(call)) == (Reasoning, Text, ToolCall)
    assert isinstance(deltas[-1], Finished | UsageDelta)
    gateway.reply(fault.no_streaming(), fault.no_streaming())
    _, failure = await heard(profile(gateway.url, speech))
    assert failure is not None
    assert (failure.kind, len(gateway.asked)) == (FailureKind.BAD_REQUEST, 4)


@ALL
async def test_a_plain_reply_to_a_request_for_a_stream_is_a_reply(gateway: Gateway, speech: ApiProtocol) -> None:
    usage = gw.Usage(input=20, output=9, cached=5)
    gateway.reply(Reply(gw.Text("wörds"), Call("look", {"x": 1}), usage=usage).on(plain=True))
    deltas, failure = await heard(profile(gateway.url, speech))
    assert failure is None
    said, call = parts(deltas)
    assert isinstance(call, ToolCall)
    assert (said, call.name, call.complete) == (Text("wörds", provider_data=said.provider_data), "look", True)  # type: ignore[union-attr]
    assert [d.usage.input for d in deltas if isinstance(d, UsageDelta)][-1] == 20
    assert [d.reason for d in deltas if isinstance(d, Finished)] == [FinishReason.TOOL_CALLS]


@ALL
async def test_a_profile_that_does_not_stream_never_asks_to(gateway: Gateway, speech: ApiProtocol) -> None:
    gateway.allow_plain()
    gateway.reply(Reply.text("all at once"))
    deltas, failure = await heard(profile(gateway.url, speech, stream=False))
    assert (text_of(deltas), failure) == ("all at once", None)
    assert not gateway.asked[0].streams


async def test_the_second_path_is_tried_when_the_first_is_not_found(gateway: Gateway) -> None:
    made = profile(gateway.url, C, fallback_paths=("/v1/llm",))
    gateway.reply(fault.html(404), Reply.text("here"), Reply.text("still here"))
    async with registry(made) as providers:
        for text in ("here", "still here"):
            provider = await providers.open(ModelRef("openai", "auto"))
            assert text_of([delta async for delta in provider.stream(HELLO, StreamMonitor())]) == text
    assert [request.path for request in gateway.asked] == ["/v1/chat/completions", "/v1/llm", "/v1/llm"]


@ALL
async def test_a_key_from_a_command_is_read_again_once_when_it_is_refused(
    gateway: Gateway, speech: ApiProtocol, tmp_path: Path
) -> None:
    counter = tmp_path / "asked"
    command = tmp_path / "key"
    command.write_text(f'#!/bin/sh\necho x >> "{counter}"\necho key-number-$(wc -l < "{counter}")-abc | tr -d " "\n')
    command.chmod(stat.S_IRWXU)
    gateway.reply(fault.status(401), Reply.text("ok"), fault.status(401), fault.status(401))
    made = profile(gateway.url, speech, key=f"cmd:{command}")
    deltas, failure = await heard(made)
    assert (text_of(deltas), failure) == ("ok", None)
    assert [request.key for request in gateway.asked] == ["key-number-1-abc", "key-number-2-abc"]
    _, failure = await heard(made)
    assert failure is not None
    assert (failure.kind, len(gateway.asked)) == (FailureKind.AUTH, 4)


@ALL
async def test_a_key_from_elsewhere_is_not_tried_again(gateway: Gateway, speech: ApiProtocol) -> None:
    gateway.always(fault.status(401))
    await heard(profile(gateway.url, speech, key="env:K"), env={"K": KEY})
    assert len(gateway.asked) == 1


@ALL
async def test_the_tries_are_told_before_each_wait(gateway: Gateway, speech: ApiProtocol) -> None:
    gateway.reply(fault.status(529), fault.status(429, retry_after="7"), Reply.text("at last"))
    deltas, failure = await heard(profile(gateway.url, speech))
    assert (text_of(deltas), failure) == ("at last", None)
    retries = [delta for delta in deltas if isinstance(delta, Retrying)]
    assert [(r.attempt, r.tries, r.failure.kind) for r in retries] == [
        (2, 3, FailureKind.OVERLOADED),
        (3, 3, FailureKind.RATE_LIMITED),
    ]
    assert retries[1].delay == 0.007  # the house's policy waits a thousandth


@ALL
async def test_a_server_that_asks_for_an_hour_is_not_waited_for(gateway: Gateway, speech: ApiProtocol) -> None:
    gateway.always(fault.status(429, retry_after="3600"))
    _, failure = await heard(profile(gateway.url, speech))
    assert failure is not None
    assert len(gateway.asked) == 1
    assert "3600 s" in failure.message


@ALL
async def test_who_was_in_a_hurry_and_had_an_answer_lets_the_next_one_go_at_once(
    gateway: Gateway, speech: ApiProtocol
) -> None:
    gateway.reply(fault.status(429, retry_after="29"), Reply.text("one"), Reply.text("two"))
    seen: list[Any] = []
    async with registry(profile(gateway.url, speech), policy=RetryPolicy()) as providers:
        provider = await providers.open(ModelRef(speech.value, "m"))
        for _ in range(2):
            wire = StreamMonitor()
            async for delta in provider.stream(HELLO, wire):
                seen.append(delta)
                if isinstance(delta, Retrying):
                    asyncio.get_running_loop().call_soon(lambda wire=wire: wire.skip_wait())
    assert text_of(seen) == "onetwo"
    assert sum(isinstance(delta, Retrying) for delta in seen) == 1


@ALL
async def test_headers_and_body_of_the_configuration_go_along(gateway: Gateway, speech: ApiProtocol) -> None:
    field = "labels" if speech is G else "metadata"
    made = profile(
        gateway.url, speech, headers={"x-team": "env:TEAM", "x-app": "t"}, extra_body={field: {"user_id": "me"}}
    )
    gateway.reply(Reply.text("ok"))
    _, failure = await heard(made, env={"TEAM": "blue"})
    assert failure is None
    sent = gateway.asked[0]
    assert (sent.headers["x-team"], sent.headers["x-app"], sent.body[field]) == ("blue", "t", {"user_id": "me"})


@ALL
async def test_a_server_without_a_key_gets_none(gateway: Gateway, speech: ApiProtocol) -> None:
    gateway.reply(Reply.text("ok"))
    gateway.expect_problems()
    await heard(profile(gateway.url, speech, key="", local=True))
    sent = gateway.requests[0]
    assert sent.headers.get("authorization") is None or speech is G
    assert sent.key in ("", "none")


async def test_nothing_of_the_environment_goes_to_another_server(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "ANTHROPIC_AUTH_TOKEN", "OPENAI_ADMIN_KEY", "GOOGLE_API_KEY"):
        monkeypatch.setenv(name, "ambient-secret")
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", "x-leak: ambient-secret")
    monkeypatch.setenv("ANTHROPIC_CUSTOM_HEADERS", "x-leak: ambient-secret")
    monkeypatch.setenv("GOOGLE_GENAI_USE_VERTEXAI", "true")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://elsewhere.invalid")
    for speech in SPEECHES:
        gateway.reply(Reply.text("ok"))
        _, failure = await heard(replace(profile(gateway.url, speech), name="mine"))
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
async def test_however_the_bytes_travel_the_reply_is_the_same(
    gateway: Gateway, speech: ApiProtocol, wire: dict[str, Any]
) -> None:
    gateway.reply(Reply(gw.Text("the sáme ", "words 🙂"), Call("look", {"x": "ü"})).on(**wire))
    deltas, failure = await heard(profile(gateway.url, speech))
    assert failure is None
    said, call = parts(deltas)
    assert isinstance(said, Text)
    assert isinstance(call, ToolCall)
    assert (said.text, call.arguments, call.complete) == ("the sáme words 🙂", '{"x": "ü"}', True)


QUIRKS = [quirk for quirk in gw.Quirk if quirk not in (gw.Quirk.PROMPT_BLOCKED, gw.Quirk.THINK_TAGS)]


@ALL
@pytest.mark.parametrize("quirk", QUIRKS, ids=lambda quirk: quirk.name)
async def test_a_server_of_its_own_ways_is_understood(gateway: Gateway, speech: ApiProtocol, quirk: gw.Quirk) -> None:
    calls = (Call("look", {"city": "Köln"}), Call("count", {"to": 3}))
    if quirk is gw.Quirk.CALL_LEGACY:
        calls = calls[:1]  # the form before tools knows one call
    if speech is A and quirk in (gw.Quirk.NO_BLOCK_START, gw.Quirk.CALLS_INTERLEAVED):
        calls = ()  # the start is all that names a call; blocks come one after the other
    gateway.reply(Reply(gw.Reasoning("h", "m"), gw.Text("so ", "far"), *calls).like(quirk))
    deltas, failure = await heard(profile(gateway.url, speech))
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
async def test_no_connection_is_left_and_a_second_question_goes_over_the_same_one(
    gateway: Gateway, speech: ApiProtocol
) -> None:
    gateway.always(Reply.text("ok"))
    before = asyncio.all_tasks()
    async with registry(profile(gateway.url, speech)) as providers:
        for _ in range(3):
            provider = await providers.open(ModelRef(speech.value, "m"))
            assert text_of([delta async for delta in provider.stream(HELLO, StreamMonitor())]) == "ok"
        assert gateway.connections == 1
    await gateway.asked[-1].wait_closed()
    assert {task for task in asyncio.all_tasks() if "gateway" not in repr(task)} <= before


@ALL
async def test_bytes_are_counted_as_signs_of_life(gateway: Gateway, speech: ApiProtocol) -> None:
    gateway.reply(Reply.text("some words"))
    wire = StreamMonitor()
    await heard(profile(gateway.url, speech), wire=wire)
    assert wire.bytes_received > 100
