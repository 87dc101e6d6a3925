"""The pump over a scripted provider: order, bounds, one-call cancel, and that nothing is left behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing

import pytest

from termchat.core.errors import Failure, FailureKind, ProviderError
from termchat.core.events import Delta, Finished, Retrying, TextDelta
from termchat.core.messages import Origin
from termchat.core.models import ApiProtocol, Timeouts
from termchat.core.outcomes import FinishReason
from termchat.core.provider import Request, StreamMonitor
from termchat.core.sanitize import safe_format
from termchat.engine import pump as pumping
from termchat.engine.pump import INTERNAL_ERROR, Pump
from termchat.engine.timeouts import StallDetector

Step = Delta | Exception | Callable[[], Awaitable[object]]
END = Finished(FinishReason.STOP)
CALM = Timeouts()
FAST = Timeouts(first_content=0.2, idle=0.2, no_event=0.4)


class FakeProvider:
    """Says these deltas, raises these errors, waits for these things."""

    origin = Origin("fake", ApiProtocol.DEMO, "fake")

    def __init__(self, *steps: Step) -> None:
        self.steps = steps
        self.closed = False
        self.wire = StreamMonitor()
        self.given = 0

    async def stream(self, request: Request, wire: StreamMonitor) -> AsyncGenerator[Delta, None]:
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


class Clock:
    """A clock that goes on by `step` whenever the pump looks at it, however long that took."""

    def __init__(self, step: float) -> None:
        self.step = step
        self.looks = 0
        self._now = 0.0
        self._looked = asyncio.Event()

    def __call__(self) -> float:
        self.looks += 1
        self._now += self.step
        self._looked.set()
        return self._now

    async def passed(self, seconds: float) -> None:
        """Until so much time has passed on this clock."""
        until = self._now + seconds
        while self._now < until:
            await self.looked()

    async def looked(self) -> None:
        self._looked.clear()
        await self._looked.wait()


def pump(*steps: Step, limits: Timeouts = CALM) -> tuple[Pump, FakeProvider]:
    provider = FakeProvider(*steps)
    return Pump(provider, Request(()), limits), provider


def clocked(*steps: Step, limits: Timeouts = FAST) -> tuple[Pump, FakeProvider, Clock]:
    """A pump by a clock of the test's own, which the machine's load does not touch."""
    provider, clock = FakeProvider(*steps), Clock(StallDetector(limits, 0).tick)
    return Pump(provider, Request(()), limits, clock), provider, clock


async def test_all_deltas_in_order() -> None:
    reader, provider = pump(*(TextDelta(0, str(n)) for n in range(100)), END)
    assert [delta async for delta in reader.deltas()] == [*(TextDelta(0, str(n)) for n in range(100)), END]
    assert (reader.finished, reader.failure, reader.cancelled, provider.closed) == (END, None, False, True)


async def test_a_failure_is_a_value() -> None:
    failure = Failure(FailureKind.CUT, safe_format("cut"))
    reader, _ = pump(TextDelta(0, "a"), ProviderError(failure))
    assert [delta async for delta in reader.deltas()] == [TextDelta(0, "a")]
    assert reader.failure == failure


async def test_a_bug_keeps_what_came_before_it(error_logs: list[str]) -> None:
    reader, _ = pump(TextDelta(0, "a"), KeyError("oops"))
    assert [delta async for delta in reader.deltas()] == [TextDelta(0, "a")]
    assert reader.failure == INTERNAL_ERROR
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
    reader, provider, clock = clocked(*(TextDelta(0, str(n)) for n in range(50)), END)
    async with aclosing(reader.deltas()) as deltas:
        await anext(deltas)
        await clock.passed(3 * FAST.no_event)
        assert provider.given < 25
        rest = [delta async for delta in deltas]
    assert (len(rest), reader.failure) == (50, None)


async def test_silence_before_the_first_content_is_a_stall() -> None:
    reader, provider, _ = clocked(for_ever)
    assert [delta async for delta in reader.deltas()] == []
    assert reader.failure is not None
    assert (reader.failure.kind, "0.2 s" in reader.failure.message, provider.closed) == (
        FailureKind.TIMEOUT,
        True,
        True,
    )


async def test_silence_after_content_is_a_stall_and_what_came_is_kept() -> None:
    reader, _, _ = clocked(TextDelta(0, "a"), for_ever)
    assert [delta async for delta in reader.deltas()] == [TextDelta(0, "a")]
    assert reader.failure is not None
    assert reader.failure.kind is FailureKind.TIMEOUT


async def test_the_wait_between_two_tries_is_no_stall() -> None:
    again = Retrying(2, 3, 0.5, Failure(FailureKind.OVERLOADED, safe_format("busy")))
    reader, provider, clock = clocked()
    provider.steps = (again, lambda: clock.passed(0.5), TextDelta(0, "a"), END)
    assert [delta async for delta in reader.deltas()] == [again, TextDelta(0, "a"), END]


async def test_time_suspended_is_no_stall() -> None:
    reader, provider, clock = clocked()

    async def suspended() -> None:
        """One look comes an hour after the one before."""
        clock.step = 3600
        await clock.looked()
        clock.step = StallDetector(FAST, 0).tick
        await clock.looked()

    provider.steps = (suspended, TextDelta(0, "a"), suspended, TextDelta(0, "b"), END)
    assert [delta async for delta in reader.deltas()] == [TextDelta(0, "a"), TextDelta(0, "b"), END]


@pytest.mark.parametrize(("silent", "kept"), [(5.0, True), (0.4, False)])
async def test_bytes_without_deltas_keep_a_reply_alive_for_a_while(silent: float, kept: bool) -> None:
    limits = Timeouts(first_content=0.2, idle=0.2, no_event=silent)
    reader, provider, clock = clocked(limits=limits)

    async def trickle() -> None:
        until = clock.looks + 40  # a second
        while clock.looks < until:
            provider.wire.bytes_received += 1
            await clock.looked()

    provider.steps = (TextDelta(0, "a"), trickle, END)
    assert [delta async for delta in reader.deltas()] == [TextDelta(0, "a"), *([END] if kept else [])]
    assert reader.failure is None or "0.4 s" in reader.failure.message
    assert kept == (reader.failure is None)
