"""One browser and one server per module; a context for each test. Tests and fixtures share the loop of the module."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.serve.page.browsing import CHROMIUM, Tab, chromium, tab
from tests.serve.served import Served, running


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    if not CHROMIUM:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    async with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def served(home: Path) -> Iterator[Served]:
    with running(home) as found:
        yield found


@pytest_asyncio.fixture(loop_scope="module")
async def opened(browser: Browser, served: Served) -> AsyncIterator[Tab]:
    """A page without an open chat."""
    served.gateway.forget()
    async with tab(browser, served) as found:
        yield found
