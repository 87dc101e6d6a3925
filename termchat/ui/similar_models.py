"""A model that is not there: those whose names come closest, among all that could be asked."""

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

_MOST = 3
_PATIENCE = 2.0  # seconds for a provider to list its models, while its refusal waits to be told


async def with_suggestions(ended: TurnEnded, providers: Providers) -> TurnEnded:
    """The end of a turn that failed for want of its model, with those that come closest; any other as it is."""
    failure = ended.failure
    if failure is None or failure.kind is not FailureKind.NOT_FOUND:
        return ended
    found = tuple(similar_models(ended.model, await _offered(providers, ended.model.provider)))
    return replace(ended, failure=replace(failure, suggestions=found)) if found else ended


def similar_models(ref: ModelRef, known: Sequence[ModelRef]) -> list[ModelRef]:
    """Up to three known models whose names are like this one's, those of its own provider first."""
    found: list[ModelRef] = []
    for same in (True, False):
        names = {r.model: r for r in known if (r.provider == ref.provider) is same and r != ref}
        found += (names[name] for name in get_close_matches(ref.model, names, _MOST))
    return found[:_MOST]


async def _offered(providers: Providers, provider: str) -> list[ModelRef]:
    """What the provider lists, and what is known of all that have a key."""
    listed: list[ModelRef] = []
    with suppress(ProviderError, TimeoutError):
        async with asyncio.timeout(_PATIENCE):
            listed = [info.ref for info in await providers.models(provider)]
    usable = set(providers.usable_providers())
    return list(dict.fromkeys([*listed, *(ref for ref in providers.known_models() if ref.provider in usable)]))
