"""What a reply took: as the provider counted it, else a guess that says that it is one."""

from __future__ import annotations

import pytest

from termchat.core.models import ApiProtocol
from tests.engine.support import ask, ended, session
from tests.gateway import Gateway, Quirk, Reply, Usage
from tests.providers.support import SPEECHES


@pytest.mark.parametrize("speech", SPEECHES)
@pytest.mark.parametrize("said", [{"usage": Usage(0, 0)}, {"quirks": {Quirk.NO_USAGE}}], ids=["nothing", "no word"])
async def test_a_count_of_nothing_is_no_count(gateway: Gateway, speech: ApiProtocol, said: dict) -> None:
    gateway.reply(Reply.text("some words of a reply", **said))
    async with session(gateway, speech) as talk:
        usage = ended(await ask(talk, "hello")).usage
    assert usage.estimated
    assert usage.output > 0
