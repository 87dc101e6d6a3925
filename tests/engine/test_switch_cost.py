"""Test what the next question costs after a switch of models, against real counts of the loopback gateway."""

from __future__ import annotations

from decimal import Decimal

import pytest

from termchat.core.messages import Message, Origin, Role, Text, user_message
from termchat.core.models import ApiProtocol, ModelRef
from termchat.core.session import SwitchCost
from termchat.core.usage import Usage
from termchat.engine.switch_cost import switch_cost
from tests.engine.bare_ports import BarePrices
from tests.ui.fakes import FakeTools

OLD, NEW = ModelRef("anthropic", "claude-opus-5"), ModelRef("openai", "gpt-6.1-sol")


class Prices(BarePrices):
    """A price of one dollar per million input tokens, unknown for local models."""

    async def cost(self, model: ModelRef, usage: Usage, at: float | None = None) -> Decimal | None:
        return None if model.provider == "ollama" else Decimal(usage.input) / 1_000_000


def chat(usage: Usage | None) -> list[Message]:
    origin = Origin(OLD.provider, ApiProtocol.ANTHROPIC, OLD.model)
    reply = Message(Role.ASSISTANT, (Text("Green tea. " * 40),), origin=origin, usage=usage)
    return [user_message("tea?"), reply]


async def test_switch_cost_is_size_of_last_request_and_reply() -> None:
    usage = Usage(input=12_000, output=900, reasoning=500, cached=8_000, cache_write=3_000)
    found = await switch_cost(chat(usage), "", NEW, Prices())
    assert found == SwitchCost(12_400, Decimal("0.0124"), OLD, 11_000)


@pytest.mark.parametrize("usage", [None, Usage()])
async def test_switch_cost_without_count_is_estimate(usage: Usage | None) -> None:
    found = await switch_cost(chat(usage), "Be brief.", NEW, Prices())
    assert found is not None
    assert 100 < found.tokens < 150
    assert found.cached == 0


async def test_switch_cost_without_count_includes_tools() -> None:
    alone = await switch_cost(chat(None), "", NEW, Prices())
    found = await switch_cost(chat(None), "", NEW, Prices(), FakeTools())
    assert alone and found and 60 < found.tokens - alone.tokens < 140


async def test_switch_cost_unknown_price_stays_unknown() -> None:
    found = await switch_cost(chat(Usage(100, 10)), "", ModelRef("ollama", "qwen"), Prices())
    assert found == SwitchCost(110, None, OLD, 0)


async def test_switch_cost_of_same_model_or_empty_chat_is_none() -> None:
    assert await switch_cost(chat(Usage(100, 10)), "", OLD, Prices()) is None
    assert await switch_cost([], "", NEW, Prices()) is None
    assert await switch_cost([user_message("tea?")], "", NEW, Prices()) is None
