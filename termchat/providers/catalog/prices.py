"""Token prices from genai-prices 0.2, whose table is loaded on a thread while the first reply streams."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from importlib import import_module
from typing import TYPE_CHECKING

from termchat.core.models import ModelRef, ProviderConfig
from termchat.core.usage import BATCH_TIER, Usage

if TYPE_CHECKING:
    from genai_prices.types import PriceVariant

STANDARD_TIERS = frozenset(("", "standard", "default", "auto", "on_demand", "standard_only"))


class PriceTable:
    """The cost of a usage by model, in this order: `prices` of the provider, its vendor's list, the model's vendor.

    A gateway's model has the list price of the vendor's model of that name, which is approximate.
    """

    def __init__(self, providers: Mapping[str, ProviderConfig]) -> None:
        self._providers = providers
        self._loading: asyncio.Task[None] | None = None

    def preload(self) -> None:
        """Load the table in the background. Later calls do nothing."""
        if self._loading is None:
            self._loading = asyncio.create_task(asyncio.to_thread(_load))

    async def cost(self, model: ModelRef, usage: Usage, at: float | None = None) -> Decimal | None:
        """Return the cost of a usage in US dollars at a time (Unix time, default now).

        None for an unknown or local model without `prices`, for a service tier without a known price, and for
        estimated counts. The demo costs nothing; a reply in a batch has a part of the standard price.
        """
        if model.provider == "demo":
            return Decimal(0)
        config = self._providers.get(model.provider)
        if config is None or usage.estimated:
            return None
        own = config.prices_for(model.model)
        if usage.tier == BATCH_TIER and BATCH_TIER not in own:
            from termchat.providers.catalog.batch_vendors import batch_vendor

            cost = await self.cost(model, replace(usage, tier=""), at)
            vendor = batch_vendor(config.name, config.protocol_for(model.model))
            return None if cost is None or vendor is None else cost * vendor.limits.price
        if own:
            return _own_price(own, usage)
        if config.local:
            return None
        self.preload()
        assert self._loading is not None
        await asyncio.shield(self._loading)
        moment = datetime.fromtimestamp(time.time() if at is None else at, UTC)
        prices = (_list_price(vendor, name, usage, moment) for vendor, name in _names(config, model.model))
        return next((price for price in prices if price is not None), None)

    def is_approximate(self, model: ModelRef) -> bool:
        """Return True when the price of a model is that of the vendor behind a gateway."""
        config = self._providers.get(model.provider)
        return config is not None and not config.vendor and not config.prices_for(model.model)

    def is_free(self, model: ModelRef) -> bool:
        """Return True when nobody bills the model: the demo, and a server that runs models on this machine."""
        config = self._providers.get(model.provider)
        if config is None or not config.local:
            return model.provider == "demo"
        return "proxy" not in config.quirks and not config.prices_for(model.model)


def _names(config: ProviderConfig, model: str) -> Iterator[tuple[str | None, str]]:
    """Yield the vendors in the table and the model's names there, the likeliest first; None is any vendor."""
    if config.vendor:
        yield config.vendor, model
        return
    vendor, slash, name = model.partition("/")
    if slash:
        yield vendor, name
    yield None, model.rpartition("/")[2]


def _load() -> None:
    import_module("genai_prices")  # about 200 ms with its table; the second import is free


def _own_price(prices: Mapping[str, float], usage: Usage) -> Decimal | None:
    """Return the cost by the prices of a configuration, in US dollars per million tokens.

    The price of another service tier than the standard one is the multiple under its name, None without one.
    """
    multiple = 1.0 if usage.tier in STANDARD_TIERS else prices.get(usage.tier)
    if multiple is None:
        return None
    dollars = {name: Decimal(str(price)) for name, price in prices.items()}
    sent, received = dollars.get("input", Decimal(0)), dollars.get("output", Decimal(0))
    fresh = max(usage.input - usage.cached - usage.cache_write, 0)
    read, written = dollars.get("cached", sent), dollars.get("cache_write", sent)
    whole = fresh * sent + usage.cached * read + usage.cache_write * written + usage.output * received
    return whole * Decimal(str(multiple)) / 1_000_000


def _list_price(vendor: str | None, name: str, usage: Usage, at: datetime) -> Decimal | None:
    from genai_prices import Usage as TableUsage
    from genai_prices import calc_price

    counts = TableUsage(
        input_tokens=usage.input,
        cache_read_tokens=usage.cached or None,
        cache_write_tokens=usage.cache_write or None,
        output_tokens=usage.output,
    )
    context = {} if usage.tier in STANDARD_TIERS else {"service_tier": usage.tier, "speed": usage.tier}
    try:
        found = calc_price(
            counts, model_ref=name, provider_id=vendor, genai_request_timestamp=at, price_context=context
        )
    except (LookupError, ValueError):
        return None
    if context and not any(_applies(variant, context, at) for variant in found.model.price_variants or ()):
        return None
    return found.total_price


def _applies(variant: PriceVariant, context: Mapping[str, str], at: datetime) -> bool:
    """Return True if a variant is the price of a service tier at a time."""
    is_active = variant.constraint is None or variant.constraint.active(at)
    return is_active and all(context.get(name) == value for name, value in variant.when.items())
