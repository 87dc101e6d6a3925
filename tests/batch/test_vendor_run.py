"""Batches handed to vendors: nothing is paid twice and nothing is lost, wherever a run ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from termchat.batch.journal import ItemState
from tests import gateway as gw
from tests.batch.support import TEXTS, KilledError, Place, every_vendor, paid_once
from tests.gateway.batches import EXPIRED, BatchPlan, Ended
from tests.gateway.batches.plan import RowEnd
from tests.gateway.batches.service import When


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


async def test_expired_batch_with_missing_answers_is_fetched_not_paid_again(place: Place) -> None:
    place.gateway.batches.lose("results", "short")
    place.gateway.batches.plans.append(BatchPlan(end=Ended.EXPIRED))  # after its rows were answered
    async with place.opened() as (run, news):
        await run.run()
    assert [failure.message for failure in news.troubles] == ["The vendor sent fewer results than it counts."]
    assert paid_once(place)
