"""Headless Chromium from the distribution's package, driven by Playwright, in front of a running server."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Self

import httpx2
from playwright.async_api import Browser, ConsoleMessage, Locator, Page, async_playwright, expect

from tests.serve.served import TOKEN, Served

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
DEADLINE = 40_000  # milliseconds
DESKTOP, PHONE = {"width": 1280, "height": 800}, {"width": 390, "height": 844}
expect.set_options(timeout=DEADLINE)
_LOOK = 0.02  # seconds between two looks at a condition
_EXPECTED = re.compile(r"status of 4|net::ERR_")  # refusals and broken connections, which tests make
_FLAGS = (
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
)  # fmt: skip


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Run a browser."""
    assert CHROMIUM
    os.environ.setdefault("NODE_NO_WARNINGS", "1")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=list(_FLAGS))
        try:
            yield browser
        finally:
            await browser.close()


class CuttingProxy:
    """A TCP proxy in front of a server. A test can cut its connections; new ones are refused until `mend`.

    After `stall`, streams of events stay open and bring nothing; other connections work.
    """

    def __init__(self, port: int) -> None:
        self._to = port
        self._cut = False
        self._open: set[asyncio.StreamWriter] = set()
        self._streams: dict[asyncio.StreamWriter, asyncio.Event] = {}  # by the end at the server: if data passes

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._connect, "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *exc: object) -> None:
        self.cut()
        self._server.close()

    def cut(self) -> None:
        """Break all connections."""
        self._cut = True
        for writer in self._open:
            writer.transport.abort()
        for passes in self._streams.values():
            passes.set()

    def mend(self) -> None:
        """Accept connections again."""
        self._cut = False

    def stall(self) -> None:
        """Hold what the open streams bring from now on."""
        for passes in self._streams.values():
            passes.clear()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._cut:
            writer.transport.abort()
            return
        inside, outside = await asyncio.open_connection("127.0.0.1", self._to)
        self._open |= {writer, outside}
        with suppress(OSError):
            await asyncio.gather(self._copy(reader, outside, outside), self._copy(inside, writer, outside))
        for end in (writer, outside):  # one direction may have broken before the other
            end.close()
        self._open -= {writer, outside}

    async def _copy(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, outside: asyncio.StreamWriter
    ) -> None:
        while data := await reader.read(65536):
            if b"text/event-stream" in data and outside not in self._streams:
                self._streams[outside] = asyncio.Event()
                self._streams[outside].set()
            if passes := self._streams.get(outside):
                await passes.wait()
            writer.write(data)
            await writer.drain()
        writer.close()


@dataclass
class Tab:
    """A page in a context of its own, and what it complained about."""

    page: Page
    served: Served
    problems: list[str] = field(default_factory=list[str])

    @property
    def message(self) -> Locator:
        return self.page.locator("#message")

    async def chat(self) -> str:
        """Return the id of the open chat."""
        await self.until("location.hash.length > 3")
        return re.sub(r"^#/([^/]+).*$", r"\1", await self.page.evaluate("location.hash"))

    async def until(self, condition: str) -> None:
        """Wait until an expression of JavaScript is true; Playwright's own wait needs `eval`, which is forbidden."""
        until = time.monotonic() + DEADLINE / 1000
        while not await self.page.evaluate(condition):
            assert time.monotonic() < until, condition
            await asyncio.sleep(_LOOK)

    async def wait_idle(self) -> None:
        """Wait until no reply streams and the last message is a reply."""
        await self.page.wait_for_selector("article.reply[aria-busy=false]")
        await self.page.wait_for_selector("button.stop", state="detached")

    async def ask(self, text: str) -> None:
        """Send a message and wait for the end of its reply."""
        await self.send(text)
        await self.wait_idle()

    async def send(self, text: str) -> None:
        """Send a message and wait until it stands in the conversation."""
        before = await self.page.locator("article.user").count()
        await self.message.fill(text)
        await self.message.press("Enter")
        await self.until(f"document.querySelectorAll('article.user').length > {before}")

    async def last_reply(self) -> str:
        """Return the visible text of the last reply."""
        return await self.page.locator("article.reply .markdown").last.inner_text()


@asynccontextmanager
async def tab(browser: Browser, served: Served, port: int = 0, **options: Any) -> AsyncIterator[Tab]:
    """Open the page, at `port` if one is given; at the end it must have violated no policy and raised no error."""
    options = {"viewport": DESKTOP, "locale": "en-US", "reduced_motion": "reduce", **options}
    context = await browser.new_context(**options)
    context.set_default_timeout(DEADLINE)
    opened = Tab(await context.new_page(), served)

    def complain(message: ConsoleMessage) -> None:
        if message.type == "error" and not _EXPECTED.search(message.text):
            opened.problems.append(message.text)

    opened.page.on("console", complain)
    opened.page.on("pageerror", lambda error: opened.problems.append(str(error)))
    try:
        await opened.page.goto(f"http://127.0.0.1:{port or served.port}/#{TOKEN}")
        await opened.page.wait_for_selector(".brand", state="attached")
        yield opened
    finally:
        await context.close()
    assert not opened.problems, opened.problems
    assert csp_reports(served) == []


def csp_reports(served: Served) -> list[Any]:
    """Return the violations of the policy that browsers have reported."""
    headers = {"authorization": f"Bearer {TOKEN}"}
    found = httpx2.get(f"{served.url}/api/csp-reports", headers=headers, trust_env=False, timeout=30)
    return found.raise_for_status().json()["reports"]
