"""Keys that a command prints, read again after a rejection: by requests together, and beside a new configuration."""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path

from termchat.core.models import ApiProtocol, ModelRef, ProviderConfig
from termchat.core.provider import Provider, StreamMonitor
from tests.gateway import Gateway, Reply, fault
from tests.providers.support import HELLO, provider_config, registry, text_of

FIRST = "key-number-1-abc"


def numbered_keys(gateway: Gateway, place: Path) -> ProviderConfig:
    """A provider whose command prints another key each time, at a gateway that rejects the first one."""
    counter, command = place / "asked", place / "key"
    command.write_text(f'#!/bin/sh\necho x >> "{counter}"\necho key-number-$(wc -l < "{counter}")-abc | tr -d " "\n')
    command.chmod(stat.S_IRWXU)
    gateway.always(lambda request: fault.status(401) if request.key == FIRST else Reply.text("ok"))
    return provider_config(gateway.url, ApiProtocol.CHAT, key=f"cmd:{command}")


async def ask(provider: Provider) -> str:
    return text_of([delta async for delta in provider.stream(HELLO, StreamMonitor())])


async def test_requests_rejected_together_run_key_command_once(gateway: Gateway, tmp_path: Path) -> None:
    async with registry(numbered_keys(gateway, tmp_path)) as providers:
        opened = [await providers.open(ModelRef("openai", "gpt-5.2")) for _ in range(3)]
        assert await asyncio.gather(*map(ask, opened)) == ["ok"] * 3
    assert {request.key for request in gateway.asked} == {FIRST, "key-number-2-abc"}


async def test_key_renewed_for_old_configuration_does_not_replace_new_one(gateway: Gateway, tmp_path: Path) -> None:
    old = numbered_keys(gateway, tmp_path)
    async with registry(old) as providers:
        before = await providers.open(ModelRef("openai", "gpt-5.2"))
        providers.configure(provider_config(gateway.url, ApiProtocol.CHAT, key="key-of-the-new-configuration"))
        await providers.open(ModelRef("openai", "gpt-5.2"))
        assert await ask(before) == "ok"
        assert await ask(await providers.open(ModelRef("openai", "gpt-5.2"))) == "ok"
    keys = [request.key for request in gateway.asked]
    assert keys == [FIRST, "key-number-2-abc", "key-of-the-new-configuration"]
