"""Reasoning effort and speed by model and protocol."""

from __future__ import annotations

from typing import Any

import pytest

from termchat.core.events import ProviderNotice, UsageDelta
from termchat.core.messages import Origin, user_message
from termchat.core.models import ApiProtocol, ModelRef
from termchat.core.provider import Effort, Params, Request, Speed, StreamMonitor
from termchat.core.sanitize import Safe
from termchat.providers.catalog.capabilities import drop_unsupported, unsupported_notice
from tests import gateway as gw
from tests.gateway import Gateway, Reply, fault
from tests.gateway.validate.gemini_names import camel
from tests.providers.support import PROTOCOLS, provider_config, registry, run_request, text_of

C, R, A, G = PROTOCOLS

SPEEDS = {
    (C, Speed.CHEAP): ("service_tier", "flex"),
    (C, Speed.NORMAL): ("service_tier", "default"),
    (R, Speed.FAST): ("service_tier", "priority"),
    (A, Speed.FAST): ("speed", "fast"),
    (A, Speed.NORMAL): ("speed", None),
    (G, Speed.CHEAP): ("serviceTier", "flex"),
    (G, Speed.FAST): ("serviceTier", "priority"),
}


@pytest.mark.parametrize(("protocol", "speed"), SPEEDS)
async def test_speed_is_sent_in_words_of_each_vendor(gateway: Gateway, protocol: ApiProtocol, speed: Speed) -> None:
    gateway.reply(Reply.text("ok"))
    request = Request((user_message("q"),), params=Params(speed=speed))
    deltas, failure = await run_request(provider_config(gateway.url, protocol), request)
    assert (failure, [d for d in deltas if isinstance(d, ProviderNotice)]) == (None, [])
    name, value = SPEEDS[protocol, speed]
    assert gateway.asked[0].body.get(name) == value
    assert ("fast-mode" in gateway.asked[0].headers.get("anthropic-beta", "")) == (value == "fast")


async def test_cheap_speed_for_anthropic_is_left_out_with_notice(gateway: Gateway) -> None:
    gateway.reply(Reply.text("ok"))
    request = Request((user_message("q"),), params=Params(speed=Speed.CHEAP))
    deltas, _ = await run_request(provider_config(gateway.url, A), request, name="m")
    assert [d.words for d in deltas if isinstance(d, ProviderNotice)] == ["m does not support this speed; left out."]


CLAMPED = [
    (R, "gpt-5", Effort.OFF, Effort.MINIMAL),
    (R, "gpt-5.1", Effort.MAX, Effort.HIGH),
    (R, "gpt-5.2", Effort.MAX, Effort.XHIGH),
    (R, "gpt-6.2-sol", Effort.MAX, Effort.MAX),
    (C, "o4-mini", Effort.OFF, Effort.LOW),
    (C, "qwen3", Effort.XHIGH, Effort.XHIGH),
    (A, "claude-opus-5", Effort.MINIMAL, Effort.LOW),
    (A, "claude-opus-4-6", Effort.XHIGH, Effort.HIGH),
    (A, "claude-opus-5-5", Effort.OFF, Effort.LOW),
    (A, "claude-sonnet-4-5", Effort.MAX, Effort.HIGH),
    (G, "gemini-2.5-pro", Effort.OFF, Effort.MINIMAL),
    (G, "gemini-3-pro-preview", Effort.MEDIUM, Effort.LOW),
]


@pytest.mark.parametrize(("protocol", "name", "asked", "used"), CLAMPED)
def test_effort_is_replaced_by_nearest_of_model(protocol: ApiProtocol, name: str, asked: Effort, used: Effort) -> None:
    origin = Origin("p", protocol, name)
    request, dropped = drop_unsupported(Request((user_message("q"),), params=Params(think=asked)), origin)
    assert request.params.think is used
    notice = f"{name} does not support effort {asked}; {used} is used."
    assert unsupported_notice(Safe(name), dropped) == (notice if asked is not used else "")


BUDGETS = [
    (A, "claude-sonnet-4-5", Effort.HIGH, {"type": "enabled", "budget_tokens": 3276}),
    (A, "claude-opus-4-1", Effort.LOW, {"type": "enabled", "budget_tokens": 3276}),
    (A, "claude-opus-5", Effort.HIGH, {"type": "adaptive", "display": "summarized"}),
    (A, "claude-sonnet-5-5", Effort.OFF, {"type": "between_tools"}),
    (A, "claude-haiku-5-5", Effort.OFF, {"type": "disabled"}),
    (G, "gemini-2.5-flash", Effort.OFF, {"thinkingBudget": 0}),
    (G, "gemini-2.5-pro", Effort.HIGH, {"thinkingBudget": 24576, "includeThoughts": True}),
    (G, "gemini-3-pro-preview", Effort.HIGH, {"includeThoughts": True, "thinkingLevel": "HIGH"}),
]


@pytest.mark.parametrize(("protocol", "name", "effort", "sent"), BUDGETS)
async def test_effort_is_budget_or_level_by_model(
    gateway: Gateway, protocol: ApiProtocol, name: str, effort: Effort, sent: dict[str, Any]
) -> None:
    gateway.reply(Reply.text("ok"))
    request = Request((user_message("q"),), params=Params(think=effort))
    _, failure = await run_request(provider_config(gateway.url, protocol), request, name=name)
    assert failure is None
    body = gateway.asked[0].body
    assert (body.get("thinking") if protocol is A else camel(body)["generationConfig"]["thinkingConfig"]) == sent


async def test_limit_too_low_for_reasoning_budget_turns_it_off(gateway: Gateway) -> None:
    gateway.reply(Reply.text("ok"))
    request = Request((user_message("q"),), params=Params(think=Effort.HIGH, max_tokens=1000))
    _, failure = await run_request(provider_config(gateway.url, A), request, name="claude-sonnet-4-5")
    assert failure is None
    assert gateway.asked[0].body["thinking"] == {"type": "disabled"}


async def test_claude_4_5_gets_temperature_without_top_p(gateway: Gateway) -> None:
    gateway.reply(Reply.text("ok"))
    request = Request((user_message("q"),), params=Params(temperature=0.25, top_p=0.5))
    await run_request(provider_config(gateway.url, A), request, name="claude-sonnet-4-5")
    assert "0.25" in str(gateway.asked[0].body)
    assert "top_p" not in gateway.asked[0].body


@pytest.mark.parametrize("name", ["gpt-5.2", "gpt-4.1"])
async def test_responses_are_asked_for_encrypted_reasoning_without_effort(gateway: Gateway, name: str) -> None:
    gateway.reply(Reply.text("ok"))
    await run_request(provider_config(gateway.url, R), name=name)
    asked = gateway.asked[0].body.get("include")
    assert asked == (["reasoning.encrypted_content"] if name == "gpt-5.2" else None)


async def test_encrypted_reasoning_refused_is_not_asked_for_again(gateway: Gateway) -> None:
    gateway.reply(fault.status(400, "Encrypted content is not supported with this model."))
    gateway.always(Reply.text("ok"))
    async with registry(provider_config(gateway.url, R)) as providers:
        for _ in range(2):
            provider = await providers.open(ModelRef(R.value, "m"))
            deltas = [delta async for delta in provider.stream(Request((user_message("q"),)), StreamMonitor())]
            assert text_of(deltas) == "ok"
            assert not [delta for delta in deltas if isinstance(delta, ProviderNotice)]
    assert ["include" in request.body for request in gateway.asked] == [True, False, False]


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    ("asked", "reported", "billed"),
    [(None, "", ""), (Speed.FAST, "flex", "flex"), (None, "priority", "priority"), (Speed.NORMAL, "", "")],
)
async def test_service_tier_reported_is_counted_over_requested_one(
    gateway: Gateway, protocol: ApiProtocol, asked: Speed | None, reported: str, billed: str
) -> None:
    gateway.reply(Reply.text("ok", usage=gw.Usage(5, 3, tier=reported)))
    deltas, failure = await run_request(
        provider_config(gateway.url, protocol), Request((user_message("hi"),), params=Params(speed=asked))
    )
    assert failure is None
    assert [delta.usage.tier for delta in deltas if isinstance(delta, UsageDelta)][-1] == billed


async def test_service_tier_unreported_is_the_requested_one(gateway: Gateway) -> None:
    gateway.reply(Reply.text("ok"))
    config = provider_config(gateway.url, ApiProtocol.GEMINI)
    deltas, _ = await run_request(config, Request((user_message("hi"),), params=Params(speed=Speed.FAST)))
    assert [delta.usage.tier for delta in deltas if isinstance(delta, UsageDelta)][-1] == "priority"


async def test_thinking_without_room_below_output_limit_is_told_once_per_chat(gateway: Gateway) -> None:
    gateway.always(Reply.text("ok"))
    config = provider_config(gateway.url, A)
    request = Request((user_message("q"),), params=Params(max_tokens=500, think=Effort.HIGH), chat="one")
    async with registry(config) as providers:
        provider = await providers.open(ModelRef(A.value, "claude-opus-4-1"))
        told = [
            [d.words async for d in provider.stream(request, StreamMonitor()) if isinstance(d, ProviderNotice)]
            for _ in range(2)
        ]
    assert told == [["Thinking is off: an output limit of 500 tokens leaves no room for it. Raise max_tokens."], []]
    assert [asked.body["thinking"] for asked in gateway.asked] == [{"type": "disabled"}] * 2
