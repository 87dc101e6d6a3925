"""The pump over a scripted provider: order, bounds, one-call cancel, and that nothing is left behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing

import pytest

from termchat.core.errors import Failure, Kind, ProviderError
from termchat.core.events import Delta, Finished, Retrying, TextDelta
from termchat.core.messages import Origin
from termchat.core.models import Protocol, Timeouts
from termchat.core.outcomes import Finish
from termchat.core.ports import Request, Wire
from termchat.core.sanitize import say
from termchat.engine import pump as pumping
from termchat.engine.pump import BUG, Pump

Step = Delta | Exception | Callable[[], Awaitable[object]]
END = Finished(Finish.STOP)
CALM = Timeouts()
FAST = Timeouts(first=0.2, idle=0.2, silent=0.4)


class FakeProvider:
    """Says these deltas, raises these errors, waits for these things."""

    origin = Origin("fake", Protocol.DEMO, "fake")

    def __init__(self, *steps: Step) -> None:
        self.steps = steps
        self.closed = False
        self.wire = Wire()
        self.given = 0

    async def stream(self, request: Request, wire: Wire) -> AsyncGenerator[Delta, None]:
        self.wire = wire
        try:
            for step in self.steps:
                if isinstance(step, Exception):
                    raise step
                if callable(step):
                    await step()
                else:
                    yield step
                    self.given += 1
        finally:
            self.closed = True


async def for_ever() -> None:
    await asyncio.Event().wait()


def pump(*steps: Step, limits: Timeouts = CALM) -> tuple[Pump, FakeProvider]:
    provider = FakeProvider(*steps)
    return Pump(provider, Request(()), limits), provider


async def test_all_deltas_in_order() -> None:
    reader, provider = pump(*(TextDelta(0, str(n)) for n in range(100)), END)
    assert [delta async for delta in reader.deltas()] == [*(TextDelta(0, str(n)) for n in range(100)), END]
    assert (reader.finished, reader.failure, reader.cancelled, provider.closed) == (END, None, False, True)


async def test_a_failure_is_a_value() -> None:
    failure = Failure(Kind.CUT, say("cut"))
    reader, _ = pump(TextDelta(0, "a"), ProviderError(failure))
    assert [delta async for delta in reader.deltas()] == [TextDelta(0, "a")]
    assert reader.failure == failure


async def test_a_bug_keeps_what_came_before_it(error_logs: list[str]) -> None:
    reader, _ = pump(TextDelta(0, "a"), KeyError("oops"))
    assert [delta async for delta in reader.deltas()] == [TextDelta(0, "a")]
    assert reader.failure == BUG
    assert "KeyError: 'oops'" in error_logs.pop()


async def test_cancel_hands_out_what_was_read_and_closes_at_once() -> None:
    reader, provider = pump(TextDelta(0, "a"), TextDelta(0, "b"), for_ever)
    seen: list[Delta] = []
    async for delta in reader.deltas():
        seen.append(delta)
        if len(seen) == 2:
            reader.cancel()
    assert seen == [TextDelta(0, "a"), TextDelta(0, "b")]
    assert (reader.cancelled, reader.failure, provider.closed) == (True, None, True)


async def test_a_reader_who_leaves_closes_the_reply() -> None:
    reader, provider = pump(TextDelta(0, "a"), for_ever)
    before = asyncio.all_tasks()
    async with aclosing(reader.deltas()) as deltas:
        await anext(deltas)
    assert provider.closed
    assert asyncio.all_tasks() == before


async def test_cancelling_after_the_end_changes_nothing() -> None:
    reader, _ = pump(TextDelta(0, "a"), END)
    assert len([delta async for delta in reader.deltas()]) == 2
    reader.cancel()
    assert not reader.cancelled


async def test_a_slow_reader_bounds_what_is_read_ahead_and_is_no_stall(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pumping, "_AHEAD", 10)
    reader, provider = pump(*(TextDelta(0, str(n)) for n in range(50)), END, limits=FAST)
    async with aclosing(reader.deltas()) as deltas:
        await anext(deltas)
        began = asyncio.get_running_loop().time()
        while asyncio.get_running_loop().time() < began + 2 * FAST.silent:
            await asyncio.sleep(0.02)
            assert provider.given < 25
        rest = [delta async for delta in deltas]
    assert (len(rest), reader.failure) == (50, None)


async def test_silence_before_the_first_content_is_a_stall() -> None:
    reader, provider = pump(for_ever, limits=FAST)
    assert [delta async for delta in reader.deltas()] == []
    assert reader.failure is not None
    assert (reader.failure.kind, "0.2 s" in reader.failure.message, provider.closed) == (Kind.TIMEOUT, True, True)


async def test_silence_after_content_is_a_stall_and_what_came_is_kept() -> None:
    reader, _ = pump(TextDelta(0, "a"), for_ever, limits=FAST)
    assert [delta async for delta in reader.deltas()] == [TextDelta(0, "a")]
    assert reader.failure is not None
    assert reader.failure.kind is Kind.TIMEOUT


async def test_the_wait_between_two_tries_is_no_stall() -> None:
    again = Retrying(2, 3, 0.5, Failure(Kind.OVERLOADED, say("busy")))

    async def half_a_second() -> None:
        await asyncio.sleep(0.5)

    reader, _ = pump(again, half_a_second, TextDelta(0, "a"), END, limits=FAST)
    assert [delta async for delta in reader.deltas()] == [again, TextDelta(0, "a"), END]


async def test_bytes_without_deltas_keep_a_reply_alive_for_a_while() -> None:
    reader, provider = pump()

    async def trickle() -> None:
        for _ in range(100):
            provider.wire.received += 1
            await asyncio.sleep(0.01)

    provider.steps = (TextDelta(0, "a"), trickle, END)
    reader._timeouts = Timeouts(first=0.2, idle=0.2, silent=5)
    assert [delta async for delta in reader.deltas()] == [TextDelta(0, "a"), END]
    reader, provider = pump(limits=FAST)
    provider.steps = (TextDelta(0, "a"), trickle, END)
    assert [delta async for delta in reader.deltas()] == [TextDelta(0, "a")]
    assert reader.failure is not None
    assert "0.4 s" in reader.failure.message
