"""Usage of a reply: the provider's count, else an estimate marked as such."""

from __future__ import annotations

import pytest

from termchat.core.models import ApiProtocol
from tests.engine.support import ask, ended, session
from tests.gateway import Gateway, Quirk, Reply, Usage
from tests.providers.support import PROTOCOLS


@pytest.mark.parametrize("protocol", PROTOCOLS)
@pytest.mark.parametrize(
    "reply_options", [{"usage": Usage(0, 0)}, {"quirks": {Quirk.NO_USAGE}}], ids=["nothing", "no word"]
)
async def test_usage_missing_or_zero_is_estimated(gateway: Gateway, protocol: ApiProtocol, reply_options: dict) -> None:
    gateway.reply(Reply.text("some words of a reply", **reply_options))
    async with session(gateway, protocol) as chat:
        usage = ended(await ask(chat, "hello")).usage
    assert usage.estimated
    assert usage.output > 0
