"""Token prices from genai-prices 0.2, whose table is loaded on a thread while the first reply streams."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from decimal import Decimal
from importlib import import_module

from termchat.core.models import ModelRef, ProviderConfig
from termchat.core.usage import Usage


class PriceTable:
    """The cost of a usage by model. A gateway's model names contain the vendor: `anthropic/claude-sonnet-5.5`."""

    def __init__(self, providers: Mapping[str, ProviderConfig]) -> None:
        self._providers = providers
        self._loading: asyncio.Task[None] | None = None

    def preload(self) -> None:
        """Load the table in the background. Later calls do nothing."""
        if self._loading is None:
            self._loading = asyncio.create_task(asyncio.to_thread(_load))

    async def cost(self, model: ModelRef, usage: Usage) -> Decimal | None:
        """Return the cost of a usage in US dollars; None for an unknown or local model, and for estimated counts."""
        config = self._providers.get(model.provider)
        if config is None or config.local or usage.estimated:
            return None
        self.preload()
        assert self._loading is not None
        await asyncio.shield(self._loading)
        vendor, name = _vendor(config, model.model)
        return _price(vendor, name, usage) if vendor else None


def _vendor(config: ProviderConfig, model: str) -> tuple[str, str]:
    """Return the vendor's id in the table, "" if unknown, and the model's name. Gateways have the vendor's prices."""
    if config.vendor:
        return config.vendor, model
    vendor, slash, name = model.partition("/")
    return (vendor, name) if slash else ("", model)


def _load() -> None:
    import_module("genai_prices")  # about 200 ms with its table; the second import is free


def _price(vendor: str, name: str, usage: Usage) -> Decimal | None:
    from genai_prices import Usage as TableUsage
    from genai_prices import calc_price

    counts = TableUsage(
        input_tokens=usage.input,
        cache_read_tokens=usage.cached or None,
        cache_write_tokens=usage.cache_write or None,
        output_tokens=usage.output,
    )
    try:
        return calc_price(counts, model_ref=name, provider_id=vendor).total_price
    except (LookupError, ValueError):
        return None
