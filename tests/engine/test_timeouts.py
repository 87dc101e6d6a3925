"""When a reply has stalled, by the clock that a test turns itself."""

from __future__ import annotations

from termchat.core.models import Timeouts
from termchat.engine.timeouts import StallDetector

LIMITS = Timeouts(first_content=300, idle=60, no_event=300)


class Watched:
    """A reply looked at every second."""

    def __init__(self, limits: Timeouts = LIMITS) -> None:
        self.clocks = StallDetector(limits, 0.0)
        self.now = 0.0
        self.received = self.events = 0
        self.began = False

    def wait(self, seconds: float, *, held: bool = False, step: float = 1.0) -> float | None:
        """Time passes; the first limit that ran out."""
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


def test_five_minutes_for_the_first_content() -> None:
    reply = Watched()
    assert reply.wait(299) is None
    assert reply.wait(1) == 300


def test_headers_pings_and_usage_are_not_content() -> None:
    reply = Watched()
    for _ in range(29):
        reply.bytes()
        reply.events += 1
        assert reply.wait(10) is None
    assert reply.wait(10) == 300


def test_a_minute_without_a_byte_once_content_began() -> None:
    reply = Watched()
    reply.wait(200)
    reply.delta()
    assert reply.wait(60) is None  # the look that sees the content is at its first second
    assert reply.wait(1) == 60


def test_slow_but_alive_is_no_stall() -> None:
    reply = Watched()
    for _ in range(100):
        reply.delta()
        assert reply.wait(59) is None


def test_bytes_without_events_are_life_for_five_minutes() -> None:
    reply = Watched()
    reply.delta()
    passed = 0
    while (late := reply.wait(10)) is None:
        reply.bytes()
        passed += 10
    assert (late, passed) == (300, 300)


def test_time_asleep_counts_for_nothing() -> None:
    reply = Watched()
    reply.wait(290)
    reply.now += 100_000
    assert reply.wait(5) is None
    reply.delta()
    assert reply.wait(50) is None
    reply.now += 3600
    assert reply.wait(8) is None
    assert reply.wait(8) == 60


def test_the_wait_for_another_try_counts_for_nothing_and_starts_the_clock_anew() -> None:
    reply = Watched()
    reply.wait(250)
    reply.clocks.restart(30)
    assert reply.wait(30 + 299) is None
    assert reply.wait(1) == 300


def test_a_reply_that_waits_for_its_reader_is_no_stall() -> None:
    reply = Watched()
    reply.delta()
    assert reply.wait(1000, held=True) is None
    assert reply.wait(59) is None
    assert reply.wait(2) == 60


def test_short_limits_are_looked_at_often() -> None:
    assert StallDetector(Timeouts(first_content=0.8, idle=60), 0).tick == 0.1
    assert StallDetector(LIMITS, 0).tick == 1.0
