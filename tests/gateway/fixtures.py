"""Fixtures: `gateway` in the event loop of the test, `gateway_thread` on a thread."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from tests.gateway.server import Gateway
from tests.gateway.thread import GatewayThread


@pytest_asyncio.fixture
async def gateway() -> AsyncIterator[Gateway]:
    """A new gateway; fails the test after an invalid request, unless it called `gateway.expect_problems()`."""
    async with Gateway() as running:
        yield running
    running.check()


@pytest.fixture
def gateway_thread() -> Iterator[Gateway]:
    """A new gateway on a thread, for tests without an event loop and for other processes."""
    with GatewayThread() as running:
        yield running
    running.check()
