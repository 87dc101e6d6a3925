"""Similar names for a model that was not found, among all usable models."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from difflib import get_close_matches

from termchat.core.errors import FailureKind, ProviderError
from termchat.core.events import TurnEnded
from termchat.core.models import ModelRef
from termchat.core.provider import Providers

_MAX_FOUND = 3
_LIST_TIMEOUT = 2.0  # seconds for a provider to list its models; the failure is shown only afterwards


async def with_suggestions(ended: TurnEnded, providers: Providers) -> TurnEnded:
    """Add similar models to the end of a turn whose model was not found; return any other end unchanged."""
    failure = ended.failure
    if failure is None or failure.kind is not FailureKind.NOT_FOUND:
        return ended
    found = tuple(similar_models(ended.model, await _offered(providers, ended.model.provider)))
    return replace(ended, failure=replace(failure, suggestions=found)) if found else ended


def similar_models(ref: ModelRef, known: Sequence[ModelRef]) -> list[ModelRef]:
    """Return up to three known models with similar names, those of the same provider first."""
    found: list[ModelRef] = []
    for same in (True, False):
        names = {r.model: r for r in known if (r.provider == ref.provider) is same and r != ref}
        found += (names[name] for name in get_close_matches(ref.model, names, _MAX_FOUND))
    return found[:_MAX_FOUND]


async def _offered(providers: Providers, provider: str) -> list[ModelRef]:
    """Return the models that the provider lists, and the known models of all providers with a key."""
    listed: list[ModelRef] = []
    with suppress(ProviderError, TimeoutError):
        async with asyncio.timeout(_LIST_TIMEOUT):
            listed = [info.ref for info in await providers.models(provider)]
    usable = set(providers.usable_providers())
    return list(dict.fromkeys([*listed, *(ref for ref in providers.known_models() if ref.provider in usable)]))
