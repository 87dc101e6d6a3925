"""Providers for tests: real clients over the real SDKs, pointed at the gateway."""

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

PROTOCOLS = (ApiProtocol.CHAT, ApiProtocol.RESPONSES, ApiProtocol.ANTHROPIC, ApiProtocol.GEMINI)
MODELS = {
    ApiProtocol.CHAT: "gpt-5.2",
    ApiProtocol.RESPONSES: "gpt-5.2",
    ApiProtocol.ANTHROPIC: "claude-opus-5",
    ApiProtocol.GEMINI: "gemini-3-pro-preview",
}
VENDORS = {
    ApiProtocol.CHAT: gw.Protocol.CHAT,
    ApiProtocol.RESPONSES: gw.Protocol.RESPONSES,
    ApiProtocol.ANTHROPIC: gw.Protocol.ANTHROPIC,
    ApiProtocol.GEMINI: gw.Protocol.GEMINI,
}
KEY = "test-key-0123456789"
HELLO = Request((user_message("hello"),))


def base_url(url: str, protocol: ApiProtocol, prefix: str = "") -> str:
    """Base URL of a protocol at the gateway; a `prefix` stands for another provider."""
    versions = {ApiProtocol.CHAT: "/v1", ApiProtocol.RESPONSES: "/v1"}
    return url + prefix + versions.get(protocol, "")


def provider_config(url: str, protocol: ApiProtocol, **fields: Any) -> ProviderConfig:
    """A provider of one protocol, named after it."""
    bases = {protocol: base_url(url, protocol)}
    made = ProviderConfig(protocol.value, key=KEY, base_urls=bases, max_tokens={"*": 4096}, source="test")
    return replace(made, **fields)


def model(protocol: ApiProtocol) -> ModelRef:
    return ModelRef(protocol.value, MODELS[protocol])


class QuickRetryPolicy(RetryPolicy):
    """The retry policy with its delays divided by 1000."""

    def delay(self, failure: Failure, tried: int) -> float | None:
        delay = super().delay(failure, tried)
        return None if delay is None else delay / 1000


def registry_config(*configs: ProviderConfig, env: Mapping[str, str] | None = None, **options: Any) -> RegistryConfig:
    options = {"offline": {}, "aliases": {}, "policy": QuickRetryPolicy()} | options
    return RegistryConfig({p.name: p for p in configs}, Credentials(env or {}), **options)


@asynccontextmanager
async def registry(*configs: ProviderConfig, **options: Any) -> AsyncIterator[ProviderRegistry]:
    """The registry of these configs; all connections are closed at the end."""
    made = ProviderRegistry(registry_config(*configs, **options))
    try:
        yield made
    finally:
        await made.aclose()


async def run_request(
    config: ProviderConfig,
    request: Request = HELLO,
    *,
    name: str = "",
    wire: StreamMonitor | None = None,
    **options: Any,
) -> tuple[list[Delta], Failure | None]:
    """Send one request; return its deltas and its failure, if any."""
    protocol = next(iter(config.base_urls))
    deltas: list[Delta] = []
    async with registry(config, **options) as providers:
        try:
            provider = await providers.open(ModelRef(config.name, name or MODELS[protocol]))
            async with aclosing(provider.stream(request, wire or StreamMonitor())) as stream:
                async for delta in stream:
                    deltas.append(delta)  # noqa: PERF401, deltas before a failure are kept
        except ProviderError as error:
            return deltas, error.failure
    return deltas, None


def text_of(deltas: list[Delta]) -> str:
    return "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))


__all__ = [
    "HELLO",
    "KEY",
    "MODELS",
    "PROTOCOLS",
    "VENDORS",
    "Params",
    "base_url",
    "model",
    "provider_config",
    "registry",
    "registry_config",
    "run_request",
    "text_of",
]
