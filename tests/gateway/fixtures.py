"""The gateway for tests: `gateway` in the test's own event loop, `gateway_thread` on a thread."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from tests.gateway.server import Gateway
from tests.gateway.thread import GatewayThread


@pytest_asyncio.fixture
async def gateway() -> AsyncIterator[Gateway]:
    """A fresh gateway; the test fails if it sent a wrong request without `gateway.expect_problems()`."""
    async with Gateway() as running:
        yield running
    running.check()


@pytest.fixture
def gateway_thread() -> Iterator[Gateway]:
    """The same for a test without an event loop, and for programs in another process."""
    with GatewayThread() as running:
        yield running
    running.check()
