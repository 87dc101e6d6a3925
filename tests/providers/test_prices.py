"""Prices: the provider's own, its vendor's list of the day, and those of the vendor behind a gateway."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from termchat.core.models import ApiProtocol, ModelRef, ProviderConfig
from termchat.core.usage import BATCH_TIER, Usage
from termchat.providers.catalog.prices import PriceTable

USAGE = Usage(input=1_000_000, output=1_000_000, cached=400_000, cache_write=100_000)
OWN = {"input": 2.0, "output": 10.0, "cached": 0.2}


def table(**fields: Any) -> PriceTable:
    return PriceTable(
        {"mine": ProviderConfig("mine", **fields), "anthropic": ProviderConfig("anthropic", vendor="anthropic")}
    )


async def test_price_of_gateway_model_is_that_of_its_vendor_and_approximate() -> None:
    prices = table()
    exact = await prices.cost(ModelRef("anthropic", "claude-opus-5-5"), USAGE)
    assert exact
    assert not prices.is_approximate(ModelRef("anthropic", "claude-opus-5-5"))
    for name in ("claude-opus-5-5", "anthropic/claude-opus-5-5", "team/claude-opus-5-5"):
        assert await prices.cost(ModelRef("mine", name), USAGE) == exact
        assert prices.is_approximate(ModelRef("mine", name))


async def test_price_from_configuration_comes_first_and_is_exact() -> None:
    prices = table(prices={"claude-*": OWN})
    model = ModelRef("mine", "claude-opus-5-5")
    assert await prices.cost(model, USAGE) == Decimal("1.0") + Decimal("0.08") + Decimal("0.2") + Decimal(10)
    assert not prices.is_approximate(model)


@pytest.mark.parametrize(
    ("vendor", "name", "tier", "multiple"),
    [
        ("openai", "gpt-5", "flex", "0.5"),
        ("openai", "gpt-5", "default", "1"),
        ("openai", "gpt-5", "scale", None),
        ("openai", "gpt-4.1", "flex", None),
        ("anthropic", "claude-opus-5-5", "standard", "1"),
        ("anthropic", "claude-opus-5-5", "priority", None),
    ],
)
async def test_price_of_service_tier_is_its_own_or_unknown(
    vendor: str, name: str, tier: str, multiple: str | None
) -> None:
    prices = table(vendor=vendor)
    usage = Usage(input=1_000_000, output=1_000_000)
    whole = await prices.cost(ModelRef("mine", name), usage)
    assert whole
    expected = None if multiple is None else whole * Decimal(multiple)
    assert await prices.cost(ModelRef("mine", name), replace(usage, tier=tier)) == expected


async def test_price_of_anthropic_fast_mode_is_above_the_standard_one() -> None:
    prices, model = table(), ModelRef("anthropic", "claude-fable-5-2")
    standard, fast = [await prices.cost(model, Usage(1_000_000, tier=tier)) for tier in ("", "fast")]
    assert standard
    assert fast
    assert fast > standard


async def test_price_of_service_tier_from_configuration_is_the_multiple() -> None:
    prices, model = table(prices={"*": OWN | {"priority": 1.75}}), ModelRef("mine", "any")
    assert await prices.cost(model, Usage(1_000_000, tier="priority")) == Decimal("3.5")
    assert await prices.cost(model, Usage(1_000_000, tier="flex")) is None


@pytest.mark.parametrize("fields", [{}, {"local": True}])
async def test_price_of_unknown_or_local_model_is_unknown(fields: dict[str, bool]) -> None:
    name = "claude-opus-5-5" if fields else "brand-new-model"
    assert await table(**fields).cost(ModelRef("mine", name), USAGE) is None


async def test_price_of_estimated_usage_is_unknown() -> None:
    assert await table().cost(ModelRef("anthropic", "claude-opus-5-5"), Usage(10, 10, estimated=True)) is None


async def test_price_of_demo_is_zero_also_for_estimated_counts() -> None:
    for usage in (USAGE, Usage(input=3, estimated=True)):
        assert await table().cost(ModelRef("demo", "tour"), usage) == 0


async def test_price_is_that_of_the_day_of_the_request() -> None:
    """Until 2026-03-13 a long prompt of this model cost twice as much."""
    model, usage = ModelRef("anthropic", "claude-opus-4-6"), Usage(input=1_000_000)
    march_1, april_1 = 1_772_323_200.0, 1_775_001_600.0
    assert await table().cost(model, usage, march_1) == Decimal(10)
    assert await table().cost(model, usage, april_1) == Decimal(5)


async def test_reply_in_a_batch_costs_half_or_what_the_configuration_says() -> None:
    bases = {ApiProtocol.ANTHROPIC: "http://x"}
    listed = PriceTable({"anthropic": ProviderConfig("anthropic", vendor="anthropic", base_urls=bases)})
    model, in_batch = ModelRef("anthropic", "claude-opus-5-5"), replace(USAGE, tier=BATCH_TIER)
    whole = await listed.cost(model, USAGE)
    assert whole
    assert await listed.cost(model, in_batch) == whole / 2
    own = table(prices={"claude-*": OWN | {"batch": 0.3}})
    mine = ModelRef("mine", "claude-opus-5-5")
    whole = await own.cost(mine, USAGE)
    assert whole
    assert await own.cost(mine, in_batch) == whole * Decimal("0.3")
