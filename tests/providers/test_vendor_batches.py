"""Batches of every vendor over the real SDKs, through their course, with connections lost at every step."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import pytest

from termchat.batch.vendors import BatchEndpoint, BatchIntent, BatchPhase, NotSubmittedError, RowResult
from termchat.config.credentials import Credentials
from termchat.core.errors import FailureKind, ProviderError
from termchat.core.events import TextDelta, UsageDelta
from termchat.core.messages import user_message
from termchat.core.models import ApiProtocol, Timeouts
from termchat.core.provider import Params, Request, Speed
from termchat.core.usage import BATCH_TIER
from termchat.providers.catalog.batch_vendors import batch_vendor
from termchat.providers.catalog.model_cache import ModelCache
from termchat.providers.client_pool import ClientPool
from tests import gateway as gw
from tests.gateway.batches import EXPIRED, BatchPlan, Ended
from tests.gateway.batches.plan import RowEnd
from tests.gateway.batches.service import When
from tests.providers.support import MODELS, QuickRetryPolicy, provider_config, run_request

TEXTS = ("one", "two", "three")


@dataclass(frozen=True, slots=True)
class Vendor:
    """A vendor.

    file         forces the rows of Gemini into a file
    uploads      rows are in a file
    keeps_token  a batch has metadata
    """

    name: str
    protocol: ApiProtocol
    file: bool = False
    uploads: bool = False
    keeps_token: bool = True
    cancels: bool = True


VENDORS = (
    Vendor("openai", ApiProtocol.CHAT, uploads=True),
    Vendor("responses", ApiProtocol.RESPONSES, uploads=True),
    Vendor("anthropic", ApiProtocol.ANTHROPIC, keeps_token=False),
    Vendor("gemini", ApiProtocol.GEMINI),
    Vendor("gemini-file", ApiProtocol.GEMINI, file=True, uploads=True),
    Vendor("openrouter", ApiProtocol.CHAT, keeps_token=False, cancels=False),
)
every_vendor = pytest.mark.parametrize("vendor", VENDORS, ids=lambda vendor: vendor.name)


@asynccontextmanager
async def batches(
    gateway: gw.Gateway, vendor: Vendor, timeouts: Timeouts | None = None
) -> AsyncIterator[BatchEndpoint]:
    """The batches of a vendor at the gateway."""
    found = batch_vendor(vendor.name, vendor.protocol)
    assert found
    found = replace(found, inline=0) if vendor.file else found
    config = provider_config(gateway.url, vendor.protocol, name=vendor.name)
    pool = ClientPool(Credentials({}), timeouts or Timeouts(), QuickRetryPolicy(), lambda _: {}, ModelCache(None))
    try:
        yield await pool.batches(config, vendor.protocol, MODELS[vendor.protocol], found)
    finally:
        await pool.aclose()


async def rows_of(endpoint: BatchEndpoint, intent: BatchIntent) -> list[bytes]:
    return [await endpoint.row(intent.row_id(n), Request((user_message(text),))) for n, text in enumerate(TEXTS)]


def new_intent() -> BatchIntent:
    return BatchIntent("0123456789abcdef", time.time(), len(TEXTS))


async def finished(endpoint: BatchEndpoint, batch_id: str) -> BatchPhase:
    """Ask for the status until the batch has ended."""
    for _ in range(10):
        status = await endpoint.status(batch_id)
        if status.phase is not BatchPhase.RUNNING:
            return status.phase
    raise AssertionError("the batch does not end")


async def results_of(endpoint: BatchEndpoint, intent: BatchIntent, batch_id: str) -> dict[int, RowResult]:
    return {result.number: result async for result in endpoint.results(intent, batch_id)}


def text_of(result: RowResult) -> str:
    return "".join(delta.text for delta in result.deltas if isinstance(delta, TextDelta))


@every_vendor
async def test_batch_runs_its_course_to_replies(gateway: gw.Gateway, vendor: Vendor) -> None:
    gateway.batches.default = BatchPlan(polls=3)
    async with batches(gateway, vendor) as endpoint:
        intent = new_intent()
        batch_id = await endpoint.submit(intent, await rows_of(endpoint, intent))
        running = await endpoint.status(batch_id)
        assert (running.phase, running.id) == (BatchPhase.RUNNING, batch_id)
        assert await finished(endpoint, batch_id) is BatchPhase.ENDED
        ended = await endpoint.status(batch_id)
        assert (ended.total, ended.done, ended.failed) == (3, 3, 0)
        results = await results_of(endpoint, intent, batch_id)
    assert [text_of(results[n]) for n in range(3)] == ["re: one", "re: two", "re: three"]
    usage = [delta.usage for delta in results[0].deltas if isinstance(delta, UsageDelta)]
    assert usage[-1].output > 0
    assert usage[-1].tier == BATCH_TIER
    assert gateway.batches.paid == dict.fromkeys(TEXTS, 1)


@every_vendor
async def test_row_of_batch_is_the_request_without_streaming(gateway: gw.Gateway, vendor: Vendor) -> None:
    request = Request((user_message("one"),), "Be brief.", params=Params(max_tokens=50, speed=Speed.FAST))
    gateway.allow_plain()
    gateway.reply(gw.Reply(gw.Text("hi")))
    config = provider_config(gateway.url, vendor.protocol, name=vendor.name, stream=False)
    await run_request(config, replace(request, params=Params(max_tokens=50)), name=MODELS[vendor.protocol])
    alone = dict(gateway.asked[-1].body)
    alone.pop("stream", None)
    async with batches(gateway, vendor) as endpoint:
        intent = new_intent()
        row = await endpoint.row(intent.row_id(0), request)
        await endpoint.submit(replace(intent, rows=1), [row])
    assert gateway.batches.batches[-1].rows[0].body == alone


@every_vendor
async def test_errors_and_expired_rows_of_batch_stay_apart(gateway: gw.Gateway, vendor: Vendor) -> None:
    ends: dict[str, RowEnd] = {"one": gw.fault.status(400, "too long"), "two": EXPIRED}
    gateway.batches.default = BatchPlan(row=lambda text: ends.get(text, gw.Reply(gw.Text("fine"))))
    async with batches(gateway, vendor) as endpoint:
        intent = new_intent()
        batch_id = await endpoint.submit(intent, await rows_of(endpoint, intent))
        await finished(endpoint, batch_id)
        results = await results_of(endpoint, intent, batch_id)
    failed, expired, answered = (results[n] for n in range(3))
    assert failed.failure
    assert "too long" in failed.failure.message
    assert not failed.failure.retryable
    assert (failed.unrun, expired.unrun, answered.unrun) == (False, True, False)
    assert (text_of(answered), answered.failure) == ("fine", None)


@every_vendor
async def test_expired_and_refused_batches_end_as_such(gateway: gw.Gateway, vendor: Vendor) -> None:
    gateway.batches.plans.extend((BatchPlan(end=Ended.EXPIRED, row=lambda _: EXPIRED), BatchPlan(end=Ended.FAILED)))
    async with batches(gateway, vendor) as endpoint:
        intent = new_intent()
        rows = await rows_of(endpoint, intent)
        first = await endpoint.submit(intent, rows)
        phase = await finished(endpoint, first)
        results = await results_of(endpoint, intent, first)
        second = await endpoint.submit(intent, rows)
        assert await finished(endpoint, second) is BatchPhase.FAILED
        assert (await endpoint.status(second)).failure
    by_row = vendor.protocol is ApiProtocol.ANTHROPIC  # whose batches only end
    assert phase is (BatchPhase.ENDED if by_row else BatchPhase.EXPIRED)
    assert all(result.unrun for result in results.values())
    assert not gateway.batches.paid


@every_vendor
async def test_cancelled_batch_reports_rows_that_did_not_run(gateway: gw.Gateway, vendor: Vendor) -> None:
    async with batches(gateway, vendor) as endpoint:
        intent = new_intent()
        batch_id = await endpoint.submit(intent, await rows_of(endpoint, intent))
        if not vendor.cancels:
            with pytest.raises(ProviderError, match="cannot cancel"):
                await endpoint.cancel(batch_id)
            return
        await endpoint.cancel(batch_id)
        assert await finished(endpoint, batch_id) is BatchPhase.CANCELLED
        assert all(row.unrun for row in (await results_of(endpoint, intent, batch_id)).values())
    assert not gateway.batches.paid


@pytest.mark.parametrize("when", ["before", "after", "within"])
@every_vendor
async def test_lost_answer_to_submit_is_found_again(gateway: gw.Gateway, vendor: Vendor, when: When) -> None:
    gateway.batches.lose("create", when)
    async with batches(gateway, vendor) as endpoint:
        intent = new_intent()
        rows = await rows_of(endpoint, intent)
        with pytest.raises(ProviderError) as lost:
            await endpoint.submit(intent, rows)
        assert not isinstance(lost.value, NotSubmittedError)
        found = await endpoint.find(intent)
        if when == "before":
            assert (found.id, found.maybe) == ("", ())
            return
        (batch,) = gateway.batches.batches
        if not vendor.keeps_token:  # its rows are told only when it has ended
            assert (found.id, found.maybe) == ("", (batch.id,))
            await finished(endpoint, batch.id)
            found = await endpoint.find(intent)
        assert found.id == batch.id
        other = BatchIntent("fedcba9876543210", intent.at, len(TEXTS))
        assert (await endpoint.find(other)).id == ""


@every_vendor
async def test_lost_batch_is_found_by_a_clock_that_is_hours_ahead(gateway: gw.Gateway, vendor: Vendor) -> None:
    gateway.batches.default = BatchPlan(polls=0)
    gateway.batches.lose("create", "after")
    async with batches(gateway, vendor) as endpoint:
        intent = BatchIntent("0123456789abcdef", time.time() + 14 * 3600, len(TEXTS))
        with pytest.raises(ProviderError):
            await endpoint.submit(intent, await rows_of(endpoint, intent))
        (batch,) = gateway.batches.batches
        assert (await endpoint.find(intent)).id == batch.id


STEPS: dict[gw.BatchStep, Callable[[BatchEndpoint, BatchIntent, str], Awaitable[object]]] = {
    "status": lambda endpoint, _, batch_id: endpoint.status(batch_id),
    "list": lambda endpoint, intent, _: endpoint.find(intent),
    "results": lambda endpoint, intent, batch_id: results_of(endpoint, intent, batch_id),
}


@pytest.mark.parametrize("when", ["before", "after", "within"])
@every_vendor
async def test_lost_connection_at_a_step_loses_nothing(gateway: gw.Gateway, vendor: Vendor, when: When) -> None:
    gateway.batches.default = BatchPlan(polls=0)
    async with batches(gateway, vendor) as endpoint:
        intent = new_intent()
        rows = await rows_of(endpoint, intent)
        if vendor.uploads:
            gateway.batches.lose("upload", when)
            with pytest.raises(NotSubmittedError):
                await endpoint.submit(intent, rows)
        batch_id = await endpoint.submit(intent, rows)
        for step, call in STEPS.items():
            if step == "results" and vendor.name == "gemini":  # whose replies are in its status
                step = "status"
            gateway.batches.lose(step, when)
            with pytest.raises(ProviderError) as lost:
                await call(endpoint, intent, batch_id)
            assert lost.value.failure.kind in (FailureKind.NETWORK, FailureKind.CUT)
            await call(endpoint, intent, batch_id)
        assert sorted(await results_of(endpoint, intent, batch_id)) == [0, 1, 2]
        assert (await endpoint.find(intent)).id == batch_id
    assert len(gateway.batches.batches) == 1
    assert gateway.batches.paid == dict.fromkeys(TEXTS, 1)


@pytest.mark.parametrize("step", ["status", "list", "results"])
@every_vendor
async def test_silent_server_at_a_step_is_waited_for_only_so_long(
    gateway: gw.Gateway, vendor: Vendor, step: gw.BatchStep
) -> None:
    gateway.batches.default = BatchPlan(polls=0)
    intent = new_intent()
    async with batches(gateway, vendor) as endpoint:
        batch_id = await endpoint.submit(intent, await rows_of(endpoint, intent))
        await finished(endpoint, batch_id)
    gateway.batches.lose("status" if step == "results" and vendor.name == "gemini" else step, "silent")
    async with batches(gateway, vendor, Timeouts(first_content=1.0)) as endpoint:
        with pytest.raises(ProviderError, match="did not answer in time") as late:
            await STEPS[step](endpoint, intent, batch_id)
    assert (late.value.failure.kind, late.value.failure.retryable) == (FailureKind.TIMEOUT, True)


async def test_part_that_the_model_does_not_take_is_told_once(gateway: gw.Gateway) -> None:
    request = Request((user_message("one"),), params=Params(temperature=0.5))
    async with batches(gateway, VENDORS[2]) as endpoint:
        rows = [await endpoint.row(f"x-{n}", request) for n in range(2)]
        (notice,) = endpoint.take_notices()
        assert not endpoint.take_notices()
    assert "temperature" in notice
    assert all(b"temperature" not in row for row in rows)
