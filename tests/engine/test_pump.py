"""The pump over a scripted provider: order, bounds, cancel, timeouts, and no task left."""

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
from termchat.engine.pump import Pump
from termchat.engine.timeouts import StallDetector

Step = Delta | Exception | Callable[[], Awaitable[object]]
END = Finished(FinishReason.STOP)
CALM = Timeouts()
FAST = Timeouts(first_content=0.2, idle=0.2, no_event=0.4)


class FakeProvider:
    """Yield the scripted deltas, raise the scripted errors, await the scripted waits."""

    origin = Origin("fake", ApiProtocol.DEMO, "fake")

    def __init__(self, *steps: Step) -> None:
        self.steps = steps
        self.closed = False
        self.monitor = StreamMonitor()
        self.given = 0

    async def stream(self, request: Request, monitor: StreamMonitor) -> AsyncGenerator[Delta, None]:
        self.monitor = monitor
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
    """A clock that advances by `step` whenever the pump reads it, independent of real time."""

    def __init__(self, step: float) -> None:
        self.step = step
        self.reads = 0
        self._now = 0.0
        self._looked = asyncio.Event()

    def __call__(self) -> float:
        self.reads += 1
        self._now += self.step
        self._looked.set()
        return self._now

    async def passed(self, seconds: float) -> None:
        """Wait until the clock has advanced by `seconds`."""
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
    """A pump with a fake clock, independent of the machine's load."""
    provider, clock = FakeProvider(*steps), Clock(StallDetector(limits, 0).tick)
    return Pump(provider, Request(()), limits, clock), provider, clock


async def test_pump_yields_all_deltas_in_order() -> None:
    reader, provider = pump(*(TextDelta(0, str(n)) for n in range(100)), END)
    assert [delta async for delta in reader.deltas()] == [*(TextDelta(0, str(n)) for n in range(100)), END]
    assert (reader.finished, reader.failure, reader.cancelled, provider.closed) == (END, None, False, True)


async def test_pump_provider_error_becomes_failure() -> None:
    failure = Failure(FailureKind.CUT, safe_format("cut"))
    reader, _ = pump(TextDelta(0, "a"), ProviderError(failure))
    assert [delta async for delta in reader.deltas()] == [TextDelta(0, "a")]
    assert reader.failure == failure


async def test_pump_unexpected_exception_keeps_earlier_deltas(error_logs: list[str]) -> None:
    reader, _ = pump(TextDelta(0, "a"), KeyError("oops"))
    assert [delta async for delta in reader.deltas()] == [TextDelta(0, "a")]
    assert reader.failure
    assert reader.failure.kind is FailureKind.BUG
    assert reader.failure.message == "Internal error in termchat (KeyError)."
    assert reader.failure.details
    assert "KeyError: 'oops'" in reader.failure.details.traceback
    assert "KeyError: 'oops'" in error_logs.pop()


async def test_pump_cancel_yields_read_deltas_and_closes_provider() -> None:
    reader, provider = pump(TextDelta(0, "a"), TextDelta(0, "b"), for_ever)
    seen: list[Delta] = []
    async for delta in reader.deltas():
        seen.append(delta)
        if len(seen) == 2:
            reader.cancel()
    assert seen == [TextDelta(0, "a"), TextDelta(0, "b")]
    assert (reader.cancelled, reader.failure, provider.closed) == (True, None, True)


async def test_pump_deltas_closed_early_closes_provider() -> None:
    reader, provider = pump(TextDelta(0, "a"), for_ever)
    before = asyncio.all_tasks()
    async with aclosing(reader.deltas()) as deltas:
        await anext(deltas)
    assert provider.closed
    assert asyncio.all_tasks() == before


async def test_pump_cancel_after_end_changes_nothing() -> None:
    reader, _ = pump(TextDelta(0, "a"), END)
    assert len([delta async for delta in reader.deltas()]) == 2
    reader.cancel()
    assert not reader.cancelled


async def test_pump_slow_reader_bounds_read_ahead_without_stall(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pumping, "_AHEAD", 10)
    reader, provider, clock = clocked(*(TextDelta(0, str(n)) for n in range(50)), END)
    async with aclosing(reader.deltas()) as deltas:
        await anext(deltas)
        await clock.passed(3 * FAST.no_event)
        assert provider.given < 25
        rest = [delta async for delta in deltas]
    assert (len(rest), reader.failure) == (50, None)


async def test_pump_silence_before_content_times_out() -> None:
    reader, provider, _ = clocked(for_ever)
    assert [delta async for delta in reader.deltas()] == []
    assert reader.failure is not None
    assert (reader.failure.kind, "0.2 s" in reader.failure.message, provider.closed) == (
        FailureKind.TIMEOUT,
        True,
        True,
    )


async def test_pump_silence_after_content_times_out_and_keeps_it() -> None:
    reader, _, _ = clocked(TextDelta(0, "a"), for_ever)
    assert [delta async for delta in reader.deltas()] == [TextDelta(0, "a")]
    assert reader.failure is not None
    assert reader.failure.kind is FailureKind.TIMEOUT


async def test_pump_retry_delay_does_not_time_out() -> None:
    again = Retrying(2, 3, 0.5, Failure(FailureKind.OVERLOADED, safe_format("busy")))
    reader, provider, clock = clocked()
    provider.steps = (again, lambda: clock.passed(0.5), TextDelta(0, "a"), END)
    assert [delta async for delta in reader.deltas()] == [again, TextDelta(0, "a"), END]


async def test_pump_suspended_time_does_not_time_out() -> None:
    reader, provider, clock = clocked()

    async def suspended() -> None:
        """Advance the clock by an hour between two reads."""
        clock.step = 3600
        await clock.looked()
        clock.step = StallDetector(FAST, 0).tick
        await clock.looked()

    provider.steps = (suspended, TextDelta(0, "a"), suspended, TextDelta(0, "b"), END)
    assert [delta async for delta in reader.deltas()] == [TextDelta(0, "a"), TextDelta(0, "b"), END]


@pytest.mark.parametrize(("silent", "kept"), [(5.0, True), (0.4, False)])
async def test_pump_bytes_without_deltas_time_out_at_no_event_limit(silent: float, kept: bool) -> None:
    limits = Timeouts(first_content=0.2, idle=0.2, no_event=silent)
    reader, provider, clock = clocked(limits=limits)

    async def trickle() -> None:
        until = clock.reads + 40  # one second
        while clock.reads < until:
            provider.monitor.bytes_received += 1
            await clock.looked()

    provider.steps = (TextDelta(0, "a"), trickle, END)
    assert [delta async for delta in reader.deltas()] == [TextDelta(0, "a"), *([END] if kept else [])]
    assert reader.failure is None or "0.4 s" in reader.failure.message
    assert kept == (reader.failure is None)
