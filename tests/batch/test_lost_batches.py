"""Submissions that were not answered: nothing is paid twice, and nothing waits longer than it must."""

from __future__ import annotations

import asyncio
import time

import pytest

from termchat.batch.journal import ItemState
from tests.batch.support import TEXTS, Place, paid_once, until
from tests.gateway.batches import BatchPlan


async def test_answer_lost_and_not_settled_is_waited_for_not_sent_again(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.settle = 3600.0
    place.gateway.batches.lose("create", "before")
    for hours in (0, 2, 48):  # the clock is set, as after a start without network
        now = time.time() + 3600 * hours
        with monkeypatch.context() as patched:
            patched.setattr(time, "time", lambda now=now: now)
            async with place.opened() as (run, news):
                looked = place.gateway.batches.steps.count("list")
                running = asyncio.create_task(run.run(wait=False))
                await until(lambda looked=looked: place.gateway.batches.steps.count("list") > looked + 1)
                run.stop()
                await running
        assert ["does not list a batch of 3 prompts" in words for words in news.notices] == [True]
    states = await place.states()
    assert [name for name, state in states.items() if state is ItemState.BATCHED] == ["one", "two", "three"]
    assert len(place.gateway.batches.batches) == 1


async def test_lost_submission_is_sent_again_as_soon_as_it_is_surely_not_there(place: Place) -> None:
    place.settle, place.pace = 2.0, 600.0  # the longest pause between two looks
    place.gateway.batches.default = BatchPlan(polls=0)
    place.gateway.batches.lose("create", "before")
    async with place.opened() as (run, news), asyncio.timeout(60):
        await run.run()
    assert set(news.ends) == set(TEXTS)
    assert paid_once(place)


async def test_detached_run_submits_a_lost_batch_again_before_it_returns(place: Place) -> None:
    place.gateway.batches.default = BatchPlan(polls=100)
    place.gateway.batches.lose("create", "before")
    async with place.opened() as (run, _):
        await run.run(wait=False)
    assert sorted(len(batch.rows) for batch in place.gateway.batches.batches) == [2, 3]


async def test_cancel_waits_until_a_lost_batch_is_surely_not_there(place: Place) -> None:
    place.settle, place.rows = 3600.0, 10
    place.gateway.batches.lose("create", "before")
    async with place.opened() as (run, _):
        running = asyncio.create_task(run.run())
        await until(lambda: "list" in place.gateway.batches.steps)
        run.stop()
        await running
    place.settle = 0.1
    async with place.opened() as (run, _):
        assert await run.cancel() == 0
    assert set((await place.states()).values()) == {ItemState.QUEUED}


async def test_batch_of_the_same_journal_is_not_taken_for_a_lost_one(place: Place) -> None:
    place.vendor, place.texts = "anthropic", (*TEXTS, "six")  # two batches of three rows
    place.gateway.batches.default = BatchPlan(polls=100)
    place.gateway.batches.lose("create", "before")
    async with place.opened() as (run, news):
        await run.run(wait=False)
    assert news.maybe == 0
    assert sorted(row.text for batch in place.gateway.batches.batches for row in batch.rows) == sorted(place.texts)
