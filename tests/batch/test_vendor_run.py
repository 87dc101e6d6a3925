"""Batches handed to vendors: nothing is paid twice and nothing is lost, wherever a run ends."""

from __future__ import annotations

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
from termchat.core.batches import BatchEndpoint, BatchStatus
from termchat.core.errors import Failure
from termchat.core.messages import user_message
from termchat.core.models import ApiProtocol, ModelRef
from termchat.core.provider import Request
from termchat.core.sanitize import Safe
from termchat.providers.catalog.prices import PriceTable
from termchat.providers.registry import ProviderRegistry
from termchat.store.sqlite.batch_journal import SqliteBatchJournal, open_journal
from tests import gateway as gw
from tests.gateway.batches import EXPIRED, BatchPlan, Ended
from tests.gateway.batches.plan import RowEnd
from tests.gateway.batches.service import When
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
                yield VendorRun(parts, pace=0.0), news
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


@pytest.fixture
def place(gateway: gw.Gateway, tmp_path: Path) -> Place:
    return Place(gateway, tmp_path / "run.journal", "openai")


def paid_once(place: Place) -> bool:
    return place.gateway.batches.paid == dict.fromkeys(TEXTS, 1)


@every_vendor
async def test_run_splits_input_and_keeps_all_results_at_half_price(place: Place, vendor: str) -> None:
    place.vendor = vendor
    async with place.opened() as (run, news):
        await run.run()
    assert run.stopped_by is None
    assert [len(batch.rows) for batch in place.gateway.batches.batches] == [3, 2]
    assert {name: end.text for name, end in news.ends.items()} == {text: f"re: {text}" for text in TEXTS}
    usage, cost = news.ends["one"].usage, news.ends["one"].cost
    assert cost is not None
    assert float(cost) == pytest.approx((usage.input * 2 + usage.output * 8) / 2_000_000)
    assert set((await place.states()).values()) == {ItemState.DONE}
    assert paid_once(place)


@every_vendor
async def test_expired_rows_go_back_to_the_queue_and_failed_ones_do_not(place: Place, vendor: str) -> None:
    place.vendor, place.rows = vendor, 10
    ends: dict[str, RowEnd] = {"one": gw.fault.status(400, "too long"), "two": EXPIRED, "three": EXPIRED}
    first = BatchPlan(row=lambda text: ends.get(text, gw.Reply(gw.Text("fine"))))
    place.gateway.batches.plans.append(first)
    async with place.opened() as (run, news):
        await run.run()
    again = place.gateway.batches.batches[1]
    assert [row.text for row in again.rows] == ["two", "three"]
    failure = news.ends["one"].failure
    assert failure
    assert "too long" in failure.message
    assert sorted(place.gateway.batches.paid.values()) == [1, 1, 1, 1]
    states = await place.states()
    assert states.pop("one") is ItemState.FAILED
    assert set(states.values()) == {ItemState.DONE}


async def test_batch_that_expires_every_time_is_given_up(place: Place) -> None:
    place.rows = 10
    place.gateway.batches.default = BatchPlan(end=Ended.EXPIRED, row=lambda _: EXPIRED)
    async with place.opened() as (run, _):
        await run.run()
    assert run.stopped_by
    assert "expire" in run.stopped_by.message
    assert len(place.gateway.batches.batches) == 4
    assert set((await place.states()).values()) == {ItemState.QUEUED}


async def test_refused_batch_queues_its_prompts_and_says_why(place: Place) -> None:
    place.gateway.batches.default = BatchPlan(end=Ended.FAILED)
    async with place.opened() as (run, news):
        await run.run()
    assert run.stopped_by
    assert "Enqueued token limit" in run.stopped_by.message
    assert set((await place.states()).values()) == {ItemState.QUEUED}
    assert not news.ends


async def test_line_that_is_no_json_fails_its_prompt_alone(place: Place) -> None:
    place.gateway.batches.default = BatchPlan(broken=frozenset(("two",)))
    async with place.opened() as (run, news):
        await run.run()
    assert [name for name, end in news.ends.items() if end.failure] == ["two"]
    assert run.stopped_by is None


@pytest.mark.parametrize("vendor", ["openai", "anthropic"])
async def test_results_shorter_than_the_count_are_fetched_again(place: Place, vendor: str) -> None:
    place.vendor = vendor
    place.gateway.batches.lose("results", "short")
    async with place.opened() as (run, news):
        await run.run()
    assert [failure.message for failure in news.troubles] == ["The vendor sent fewer results than it counts."]
    assert all(end.is_answer for end in news.ends.values())
    assert paid_once(place)


async def test_results_that_are_gone_are_told_and_not_paid_again(place: Place) -> None:
    place.vendor = "anthropic"
    place.gateway.batches.default = BatchPlan(end=Ended.FAILED)  # archived after 29 days
    async with place.opened() as (run, news):
        await run.run()
    assert {str(end.failure and end.failure.message) for end in news.ends.values()} == {
        "The results of the batch are gone: Anthropic keeps them 29 days."
    }
    assert set((await place.states()).values()) == {ItemState.FAILED}
    assert len(place.gateway.batches.batches) == 2


async def test_row_without_a_result_fails_and_is_not_sent_again(place: Place) -> None:
    place.gateway.batches.default = BatchPlan(silent=frozenset(("two",)))
    async with place.opened() as (run, news):
        await run.run()
    failure = news.ends["two"].failure
    assert failure
    assert "no line" in failure.message
    assert len(place.gateway.batches.batches) == 2


@pytest.mark.parametrize("when", ["before", "after", "within"])
@pytest.mark.parametrize("step", ["upload", "create", "list", "status", "results"])
@pytest.mark.parametrize("vendor", ["openai", "anthropic"])
async def test_lost_connection_at_any_step_is_outlasted_and_paid_once(
    place: Place, vendor: str, step: gw.BatchStep, when: When
) -> None:
    place.vendor = vendor
    place.gateway.batches.lose(step, when)
    if step == "list":  # which is asked for after a lost answer only
        place.gateway.batches.lose("create", "after")
    async with place.opened() as (run, news):
        await run.run()
    assert run.stopped_by is None
    assert set(news.ends) == set(TEXTS)
    assert all(end.is_answer for end in news.ends.values())
    assert paid_once(place)


@pytest.mark.parametrize(
    ("vendor", "after", "expires"),
    [("openai", False, 0), ("openai", True, 0), ("anthropic", False, 0), ("gemini", True, 2)],
    ids=lambda value: str(value),
)
async def test_run_killed_at_any_write_is_resumed_and_paid_once(
    place: Place, vendor: str, *, after: bool, expires: int, tmp_path: Path
) -> None:
    """`expires` prompts are not run by the first batch that has them."""
    place.vendor, place.texts, place.rows = vendor, TEXTS[:3], 2
    expired: set[str] = set()

    def end(text: str) -> RowEnd:
        if text in TEXTS[:expires] and text not in expired:
            expired.add(text)
            return EXPIRED
        return gw.Reply(gw.Text(f"re: {text}"))

    place.gateway.batches.default = BatchPlan(row=end)
    last = 1
    while True:
        expired.clear()
        place.file = tmp_path / f"{last}.journal"
        place.gateway.batches.paid.clear()
        place.gateway.batches.batches.clear()
        try:
            async with place.opened(last, after=after) as (run, _):
                await run.run()
            break
        except KilledError:
            pass
        async with place.opened() as (run, _):
            await run.run()
        assert run.stopped_by is None, last
        assert set((await place.states()).values()) == {ItemState.DONE}, last
        assert place.gateway.batches.paid == dict.fromkeys(place.texts, 1), last
        last += 1
    assert last > 15


async def test_detached_run_returns_and_later_run_fetches(place: Place) -> None:
    place.gateway.batches.default = BatchPlan(polls=5)
    async with place.opened() as (run, news):
        await run.run(wait=False)
    assert not news.ends
    assert set((await place.states()).values()) == {ItemState.BATCHED}
    async with place.opened() as (run, news):
        await run.run()
    assert set(news.ends) == set(TEXTS)
    assert paid_once(place)


async def test_cancelled_batches_queue_what_has_not_run(place: Place) -> None:
    place.gateway.batches.default = BatchPlan(polls=5)
    async with place.opened() as (run, _):
        await run.run(wait=False)
    async with place.opened() as (run, _):
        assert await run.cancel() == 2
        await run.run()
    assert run.stopped_by
    assert "cancelled" in run.stopped_by.message
    assert set((await place.states()).values()) == {ItemState.QUEUED}
    assert not place.gateway.batches.paid


async def test_answer_lost_and_not_settled_is_waited_for_not_sent_again(place: Place) -> None:
    place.settle = 3600.0
    place.gateway.batches.lose("create", "before")
    async with place.opened() as (run, news):
        await run.run(wait=False)
    assert (news.losses, set(news.ends)) == (1, {"four", "five"})
    async with place.opened() as (run, news):
        await run.run(wait=False)
    states = await place.states()
    assert [name for name, state in states.items() if state is ItemState.BATCHED] == ["one", "two", "three"]
    assert len(place.gateway.batches.batches) == 1
