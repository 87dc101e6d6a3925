"""The providers as a test has them: real clients over the real SDKs, pointed at the gateway."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from typing import Any

from termchat.config.credentials import Credentials
from termchat.core.errors import Failure, ProviderError
from termchat.core.events import Delta, TextDelta
from termchat.core.messages import user_message
from termchat.core.models import ApiProtocol, ModelRef, ProviderConfig
from termchat.core.provider import Params, Request, StreamMonitor
from termchat.providers.http.retry import RetryPolicy
from termchat.providers.registry import ProviderRegistry, RegistryConfig
from tests import gateway as gw

SPEECHES = (ApiProtocol.CHAT, ApiProtocol.RESPONSES, ApiProtocol.ANTHROPIC, ApiProtocol.GEMINI)
MODELS = {
    ApiProtocol.CHAT: "gpt-5.2",
    ApiProtocol.RESPONSES: "gpt-5.2",
    ApiProtocol.ANTHROPIC: "claude-opus-5",
    ApiProtocol.GEMINI: "gemini-3-pro",
}
VENDORS = {
    ApiProtocol.CHAT: gw.Protocol.CHAT,
    ApiProtocol.RESPONSES: gw.Protocol.RESPONSES,
    ApiProtocol.ANTHROPIC: gw.Protocol.ANTHROPIC,
    ApiProtocol.GEMINI: gw.Protocol.GEMINI,
}
KEY = "test-key-0123456789"
HELLO = Request((user_message("hello"),))


def base_url(url: str, speech: ApiProtocol, prefix: str = "") -> str:
    """Where a protocol listens at the gateway; a prefix makes another provider of it."""
    versions = {ApiProtocol.CHAT: "/v1", ApiProtocol.RESPONSES: "/v1"}
    return url + prefix + versions.get(speech, "")


def profile(url: str, speech: ApiProtocol, **fields: Any) -> ProviderConfig:
    """A provider of one protocol, named after it."""
    bases = {speech: base_url(url, speech)}
    made = ProviderConfig(speech.value, key=KEY, base_urls=bases, max_tokens={"*": 4096}, source="test")
    return replace(made, **fields)


def model(speech: ApiProtocol) -> ModelRef:
    return ModelRef(speech.value, MODELS[speech])


class Quick(RetryPolicy):
    """The policy without its waits: what it would have waited is still told, as a thousandth."""

    def delay(self, failure: Failure, tried: int) -> float | None:
        delay = super().delay(failure, tried)
        return None if delay is None else delay / 1000


def setup(*profiles: ProviderConfig, env: Mapping[str, str] | None = None, **options: Any) -> RegistryConfig:
    options = {"offline": {}, "aliases": {}, "policy": Quick()} | options
    return RegistryConfig({p.name: p for p in profiles}, Credentials(env or {}), **options)


@asynccontextmanager
async def registry(*profiles: ProviderConfig, **options: Any) -> AsyncIterator[ProviderRegistry]:
    """The providers of these profiles; all connections are closed at the end."""
    made = ProviderRegistry(setup(*profiles, **options))
    try:
        yield made
    finally:
        await made.aclose()


async def heard(
    profile: ProviderConfig,
    request: Request = HELLO,
    *,
    name: str = "",
    wire: StreamMonitor | None = None,
    **options: Any,
) -> tuple[list[Delta], Failure | None]:
    """One request answered: the deltas, and why they ended when they did not end well."""
    speech = next(iter(profile.base_urls))
    deltas: list[Delta] = []
    async with registry(profile, **options) as providers:
        try:
            provider = await providers.open(ModelRef(profile.name, name or MODELS[speech]))
            async with aclosing(provider.stream(request, wire or StreamMonitor())) as stream:
                async for delta in stream:
                    deltas.append(delta)  # noqa: PERF401, what came before a failure is kept
        except ProviderError as error:
            return deltas, error.failure
    return deltas, None


def text_of(deltas: list[Delta]) -> str:
    return "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))


__all__ = [
    "HELLO",
    "KEY",
    "MODELS",
    "SPEECHES",
    "VENDORS",
    "Params",
    "base_url",
    "heard",
    "model",
    "profile",
    "registry",
    "setup",
    "text_of",
]
