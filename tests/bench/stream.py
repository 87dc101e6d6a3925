"""Processor time of each protocol's stream, without drawing: `python -m tests.bench.stream [--chunks 3000]`.

The floor is the bare SDK's loop over the same bytes. The server is another process; only the time of this one counts.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import aclosing

from termchat.core.models import ApiProtocol, ModelRef
from termchat.core.provider import StreamMonitor
from tests.bench.server import pieces, serving
from tests.bench.table import Goal, Plan, Row, run
from tests.gateway import clients as sdks
from tests.providers.support import HELLO, MODELS, PROTOCOLS, VENDORS, provider_config, registry


async def ours(protocol: ApiProtocol, url: str) -> float:
    """Seconds of the processor for termchat's own loop."""
    async with registry(provider_config(url, protocol)) as providers:
        provider = await providers.open(ModelRef(protocol.value, MODELS[protocol]))
        began = time.process_time()
        async with aclosing(provider.stream(HELLO, StreamMonitor())) as deltas:
            async for _ in deltas:
                pass
        return time.process_time() - began


async def theirs(protocol: ApiProtocol, url: str) -> float:
    """Seconds of the processor for the SDK's."""
    began = time.process_time()
    async with sdks.http() as client:
        ask = sdks._ASKERS[VENDORS[protocol]]
        async for _ in ask(client, url, {}):
            pass
    return time.process_time() - began


async def _both(protocol: ApiProtocol, url: str, rounds: int) -> tuple[float, float]:
    """The medians; the first run of each, with imports and the client's setup, does not count."""
    taken = [(await theirs(protocol, url), await ours(protocol, url)) for _ in range(rounds + 1)][1:]
    bare, own = zip(*taken, strict=True)
    return statistics.median(bare), statistics.median(own)


def rows(plan: Plan, chunks: int = 3000) -> Iterator[Row]:
    """Each protocol."""
    for protocol in PROTOCOLS:
        with serving(pieces(protocol, ["word "] * chunks)) as server:
            floor, own = asyncio.run(_both(protocol, server.url, max(1, plan.rounds // 3)))
        name = f"processor time a token, undrawn, {protocol.value}"
        yield Row(name, own * 1e6 / chunks, "us", floor * 1e6 / chunks, Goal(above=25))


if __name__ == "__main__":
    sys.exit(run(rows, __doc__, chunks=3000))
