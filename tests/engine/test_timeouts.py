"""Stall detection with a clock advanced by the test."""

from __future__ import annotations

from termchat.core.models import Timeouts
from termchat.engine.timeouts import StallDetector

LIMITS = Timeouts(first_content=300, idle=60, no_event=300)


class FakeReply:
    """A reply checked every second."""

    def __init__(self, limits: Timeouts = LIMITS) -> None:
        self.clocks = StallDetector(limits, 0.0)
        self.now = 0.0
        self.received = self.events = 0
        self.began = False

    def wait(self, seconds: float, *, held: bool = False, step: float = 1.0) -> float | None:
        """Advance the clock; return the first limit exceeded, else None."""
        for _ in range(round(seconds / step)):
            self.now += step
            late = self.clocks.check(self.now, self.received, self.events, began=self.began, held=held)
            if late is not None:
                return late
        return None

    def bytes(self) -> None:
        self.received += 10

    def delta(self) -> None:
        self.bytes()
        self.events += 1
        self.began = True


def test_stall_detector_allows_five_minutes_for_first_content() -> None:
    reply = FakeReply()
    assert reply.wait(299) is None
    assert reply.wait(1) == 300


def test_stall_detector_pings_do_not_count_as_content() -> None:
    reply = FakeReply()
    for _ in range(29):
        reply.bytes()
        reply.events += 1
        assert reply.wait(10) is None
    assert reply.wait(10) == 300


def test_stall_detector_allows_a_minute_of_silence_after_content() -> None:
    reply = FakeReply()
    reply.wait(200)
    reply.delta()
    assert reply.wait(60) is None  # the content is seen at the first check, after one second
    assert reply.wait(1) == 60


def test_stall_detector_slow_deltas_never_stall() -> None:
    reply = FakeReply()
    for _ in range(100):
        reply.delta()
        assert reply.wait(59) is None


def test_stall_detector_bytes_without_events_stall_after_five_minutes() -> None:
    reply = FakeReply()
    reply.delta()
    passed = 0
    while (late := reply.wait(10)) is None:
        reply.bytes()
        passed += 10
    assert (late, passed) == (300, 300)


def test_stall_detector_ignores_suspended_time() -> None:
    reply = FakeReply()
    reply.wait(290)
    reply.now += 100_000
    assert reply.wait(5) is None
    reply.delta()
    assert reply.wait(50) is None
    reply.now += 3600
    assert reply.wait(8) is None
    assert reply.wait(8) == 60


def test_stall_detector_retry_delay_restarts_clock() -> None:
    reply = FakeReply()
    reply.wait(250)
    reply.clocks.restart(30)
    assert reply.wait(30 + 299) is None
    assert reply.wait(1) == 300


def test_stall_detector_held_reply_never_stalls() -> None:
    reply = FakeReply()
    reply.delta()
    assert reply.wait(1000, held=True) is None
    assert reply.wait(59) is None
    assert reply.wait(2) == 60


def test_stall_detector_tick_is_short_for_short_limits() -> None:
    assert StallDetector(Timeouts(first_content=0.8, idle=60), 0).tick == 0.1
    assert StallDetector(LIMITS, 0).tick == 1.0
