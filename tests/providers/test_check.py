"""Test each outcome of a live check of a provider, against the gateway."""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping

import pytest

from termchat.config.credentials import Credentials
from termchat.core.errors import FailureKind
from termchat.core.models import ApiProtocol, ProviderConfig, Timeouts
from termchat.providers.check import ProviderChecks
from tests.gateway import Gateway, Reply, fault
from tests.gateway.fault import Fault
from tests.gateway.script import Call

KEY = "sk-obviously-not-a-real-key-4f2a"
PATHS = {
    ApiProtocol.CHAT: "/v1",
    ApiProtocol.RESPONSES: "/v1",
    ApiProtocol.ANTHROPIC: "/anthropic",
    ApiProtocol.GEMINI: "",
}
MODELS = {
    ApiProtocol.CHAT: "gpt-4.1",
    ApiProtocol.RESPONSES: "gpt-5.2",
    ApiProtocol.ANTHROPIC: "claude-haiku-4-5",
    ApiProtocol.GEMINI: "gemini-2.5-pro",
}
OUTCOMES: Mapping[str, tuple[Fault, FailureKind]] = {
    "wrong key": (fault.bad_key(), FailureKind.AUTH),
    "forbidden": (fault.status(403), FailureKind.PERMISSION),
    "no credit": (fault.quota(), FailureKind.QUOTA),
    "rate limited": (fault.status(429), FailureKind.RATE_LIMITED),
    "not found": (fault.status(404), FailureKind.NOT_FOUND),
    "server error": (fault.status(500), FailureKind.SERVER),
    "a web page": (fault.html_200(), FailureKind.BAD_RESPONSE),
    "redirect": (fault.redirect("https://elsewhere.example/v1/models"), FailureKind.BAD_CONFIG),
    "reset": (fault.reset(), FailureKind.NETWORK),
    "another protocol": (fault.not_http(), FailureKind.NETWORK),
}


def checks() -> ProviderChecks:
    return ProviderChecks(Credentials({}), Timeouts(connect=2.0))


def provider(gateway: Gateway, protocol: ApiProtocol, key: str = KEY) -> ProviderConfig:
    limits = {"*": 64} if protocol is ApiProtocol.ANTHROPIC else {}
    return ProviderConfig(
        "own", title="Own", key=key, base_urls={protocol: gateway.url + PATHS[protocol]}, max_tokens=limits
    )


@pytest.mark.parametrize("protocol", PATHS)
async def test_listing_of_each_protocol_returns_models(gateway: Gateway, protocol: ApiProtocol) -> None:
    found = await checks().list_models(provider(gateway, protocol), protocol)
    assert found.failure is None
    assert MODELS[protocol] in {info.ref.model for info in found.models}
    assert all(info.ref.provider == "own" for info in found.models)


@pytest.mark.parametrize("outcome", OUTCOMES)
async def test_listing_tells_outcome(gateway: Gateway, outcome: str) -> None:
    gateway.models_answer, kind = OUTCOMES[outcome]
    found = await checks().list_models(provider(gateway, ApiProtocol.CHAT), ApiProtocol.CHAT)
    assert found.failure is not None
    assert found.failure.kind is kind
    assert KEY not in found.failure.message + found.failure.hint
    assert len(gateway.requests) == 1  # no check is repeated


async def test_listing_at_wrong_path_names_base_url_and_no_model(gateway: Gateway) -> None:
    gateway.expect_problems()
    config = ProviderConfig("own", key=KEY, base_urls={ApiProtocol.CHAT: gateway.url})  # no /v1
    found = await checks().list_models(config, ApiProtocol.CHAT)
    assert found.failure is not None
    assert found.failure.message == f"{gateway.url} answered 404: Unknown request URL: GET /models."


async def test_listing_without_server_tells_network() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"  # nobody listens, and no other program gets the port
        config = ProviderConfig("own", key=KEY, base_urls={ApiProtocol.CHAT: url})
        found = await checks().list_models(config, ApiProtocol.CHAT)
    assert found.failure is not None
    assert (found.failure.kind, found.failure.unreachable) == (FailureKind.NETWORK, True)


async def test_listing_of_silent_server_ends_in_time(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("termchat.providers.check.LISTING_SECONDS", 0.3)
    gateway.models_answer = fault.silence()
    began = time.monotonic()
    found = await checks().list_models(provider(gateway, ApiProtocol.CHAT), ApiProtocol.CHAT)
    assert found.failure is not None
    assert found.failure.kind is FailureKind.TIMEOUT
    assert time.monotonic() - began < 10


async def test_list_that_needs_key_proves_it(gateway: Gateway) -> None:
    gateway.expect_problems()
    assert not await checks().lists_without_key(provider(gateway, ApiProtocol.CHAT), ApiProtocol.CHAT)


@pytest.mark.parametrize("protocol", PATHS)
async def test_small_request_tells_reply_and_usage(gateway: Gateway, protocol: ApiProtocol) -> None:
    gateway.reply(Reply.text("ok"))
    asked = await checks().ask(provider(gateway, protocol), MODELS[protocol])
    assert asked.failure is None
    assert asked.pieces >= 1
    assert asked.usage is not None
    assert asked.usage.output > 0


@pytest.mark.parametrize("kind", [FailureKind.AUTH, FailureKind.QUOTA, FailureKind.RATE_LIMITED])
async def test_small_request_tells_outcome(gateway: Gateway, kind: FailureKind) -> None:
    faults = {
        FailureKind.AUTH: fault.bad_key(),
        FailureKind.QUOTA: fault.quota(),
        FailureKind.RATE_LIMITED: fault.status(429),
    }
    gateway.reply(faults[kind])
    asked = await checks().ask(provider(gateway, ApiProtocol.CHAT), "gpt-4.1")
    assert asked.failure is not None
    assert asked.failure.kind is kind
    assert len(gateway.asked) == 1


async def test_request_for_call_and_image_are_valid(gateway: Gateway) -> None:
    gateway.reply(Reply(Call("ping", "{}")), Reply.text("blue"))
    config = provider(gateway, ApiProtocol.CHAT)
    called = await checks().ask_for_call(config, "gpt-4.1")
    assert (called.failure, called.called) == (None, True)
    seen = await checks().ask_about_image(config, "gpt-4.1")
    assert (seen.failure, seen.dropped) == (None, ())
    assert "image_url" in str(gateway.asked[-1].body)


async def test_corrected_key_is_used_at_once(gateway: Gateway) -> None:
    gateway.key = KEY
    one = checks()
    wrong = await one.list_models(provider(gateway, ApiProtocol.CHAT, "sk-wrong-0123456789"), ApiProtocol.CHAT)
    right = await one.list_models(provider(gateway, ApiProtocol.CHAT), ApiProtocol.CHAT)
    assert (wrong.failure is None, right.failure is None) == (False, True)
