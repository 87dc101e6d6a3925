"""A batch handed to a vendor of the gateway, whose process may be killed at any write."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

import pytest

from termchat.app.batch.vendor_run import VendorParts, VendorRun
from termchat.app.reply_schema import validate_reply
from termchat.batch.batch_result import BatchResult
from termchat.batch.handed_over import HandedBatch
from termchat.batch.items import BatchItem, identified
from termchat.batch.journal import InputEntry, ItemState, JournalRow
from termchat.batch.vendors import BatchEndpoint, BatchStatus
from termchat.core.errors import Failure
from termchat.core.messages import user_message
from termchat.core.models import ApiProtocol, ModelRef
from termchat.core.provider import Request
from termchat.core.sanitize import Safe
from termchat.providers.catalog.prices import PriceTable
from termchat.providers.registry import ProviderRegistry
from termchat.store.sqlite.batch_journal import SqliteBatchJournal, open_journal
from tests import gateway as gw
from tests.providers.support import MODELS, provider_config, registry

T = TypeVar("T")
TEXTS = ("one", "two", "three", "four", "five")
PRICES = {"*": {"input": 2.0, "output": 8.0}}
VENDORS = {
    "openai": ApiProtocol.CHAT,
    "responses": ApiProtocol.RESPONSES,
    "anthropic": ApiProtocol.ANTHROPIC,
    "gemini": ApiProtocol.GEMINI,
    "openrouter": ApiProtocol.CHAT,
}
every_vendor = pytest.mark.parametrize("vendor", VENDORS)


class KilledError(BaseException):
    """The process ends here."""


class MortalJournal(SqliteBatchJournal):
    """A journal whose process is killed before or after its work number `last`."""

    last = -1
    after = False
    done = 0

    async def _run(self, work: Callable[[], T]) -> T:
        self.done += 1
        if self.done == self.last and not self.after:
            raise KilledError
        found = await super()._run(work)
        if self.done == self.last:
            raise KilledError
        return found


@dataclass
class News:
    """What a front end would show."""

    ends: dict[str, BatchResult] = field(default_factory=dict[str, BatchResult])
    batches: list[HandedBatch] = field(default_factory=list[HandedBatch])
    losses: int = 0
    maybe: int = 0
    notices: list[Safe] = field(default_factory=list[Safe])
    troubles: list[Failure] = field(default_factory=list[Failure])

    def submitted(self, batch: HandedBatch, endpoint: BatchEndpoint) -> None:
        self.batches.append(batch)

    def lost(self, batch: HandedBatch, failure: Failure) -> None:
        self.losses += 1

    def unsure(self, batch: HandedBatch, maybe: Sequence[str]) -> None:
        self.maybe += 1

    def status(self, batch: HandedBatch, status: BatchStatus, endpoint: BatchEndpoint) -> None:
        pass

    def notice(self, words: Safe) -> None:
        self.notices.append(words)

    def trouble(self, failure: Failure) -> None:
        self.troubles.append(failure)

    async def ended(self, row: JournalRow, item: BatchItem | None, result: BatchResult, kept: str) -> None:
        assert row.id not in self.ends
        self.ends[row.id] = result


@dataclass
class Vendors:
    """The batches of a registry, with other limits."""

    registry: ProviderRegistry
    rows: int
    settle: float

    async def batches(self, model: ModelRef) -> BatchEndpoint:
        found = await self.registry.batches(model)
        found.limits = replace(found.limits, rows=self.rows, settle=self.settle)  # pyright: ignore[reportAttributeAccessIssue]
        return found


@dataclass
class Place:
    """A batch of `TEXTS` on disk, and a vendor at the gateway."""

    gateway: gw.Gateway
    file: Path
    vendor: str
    rows: int = 3
    settle: float = 0.0
    pace: float = 0.0
    texts: tuple[str, ...] = TEXTS

    @asynccontextmanager
    async def opened(self, last: int = -1, *, after: bool = False) -> AsyncIterator[tuple[VendorRun, News]]:
        journal = await open_journal(self.file)
        assert isinstance(journal, SqliteBatchJournal)
        journal.__class__ = MortalJournal
        protocol = VENDORS[self.vendor]
        model = ModelRef(self.vendor, MODELS[protocol])
        items = [identified(n, text, model, Request((user_message(text),)), {}) for n, text in enumerate(self.texts, 1)]
        config = provider_config(self.gateway.url, protocol, name=self.vendor, prices=PRICES)
        try:
            async with registry(config) as providers:
                assert not await journal.load([InputEntry(i.line, i.line, i.id, i.digest, True) for i in items])
                news = News()

                async def read(row: JournalRow) -> BatchItem | Failure:
                    return items[row.line - 1]

                async def fit(item: BatchItem) -> BatchItem | Failure:
                    return item

                vendors, prices = Vendors(providers, self.rows, self.settle), PriceTable({self.vendor: config})
                parts = VendorParts(journal, vendors, prices, read, fit, validate_reply, news)
                assert isinstance(journal, MortalJournal)
                journal.done, journal.last, journal.after = 0, last, after
                yield VendorRun(parts, pace=self.pace), news
                journal.last = -1
        finally:
            journal.last = -1  # pyright: ignore[reportAttributeAccessIssue]
            await journal.close()

    async def states(self) -> dict[str, ItemState]:
        journal = await open_journal(self.file)
        assert isinstance(journal, SqliteBatchJournal)
        try:
            return {row.id: row.state for row in await journal.rows(0, 100)}
        finally:
            await journal.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.005)


def paid_once(place: Place) -> bool:
    return place.gateway.batches.paid == dict.fromkeys(TEXTS, 1)
