"""Test FrameClock: when the pieces of a reply are drawn."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from termchat.ui.terminal.frame_clock import (
    DENSE_RATE,
    MAX_RATE,
    REMOTE_RATE,
    SLOWEST,
    FrameClock,
    frame_rate,
)

GAPS = st.lists(st.floats(0, 0.3), min_size=1, max_size=200)


def simulate(clock: FrameClock, arrivals: list[float], cost: float = 0.0) -> tuple[list[float], list[float]]:
    """Return the times of the frames, and for each piece the seconds until its frame begins."""
    frames: list[float] = []
    waiting: list[float] = []
    waits: list[float] = []
    due = float("inf")

    def draw(at: float) -> None:
        nonlocal due
        frames.append(at)
        waits.extend(at - came for came in waiting)
        waiting.clear()
        clock.drawn(at, at + cost)
        due = float("inf")

    for arrival in arrivals:
        if due < arrival:
            draw(due)
        now = max(arrival, frames[-1] + cost) if frames else arrival
        waiting.append(arrival)
        wait = clock.arrived(now)
        if wait <= 0:
            draw(now)
        else:
            due = min(due, now + wait)
    if waiting:
        draw(due)
    return frames, waits


def at_rate(pieces: int, rate: float) -> list[float]:
    return [100 + index / rate for index in range(pieces)]


@pytest.mark.parametrize("rate", [1, 30, 59])
def test_frame_clock_slow_reply_is_drawn_piece_by_piece_at_once(rate: int) -> None:
    frames, waits = simulate(FrameClock(), at_rate(100, rate))
    assert len(frames) == 100
    assert max(waits) == 0


def test_frame_clock_at_100_pieces_a_second_draws_half_at_once() -> None:
    _, waits = simulate(FrameClock(), at_rate(500, 100))
    assert sorted(waits)[250] == 0
    assert max(waits) <= 0.011


def test_frame_clock_after_pause_draws_at_once() -> None:
    clock = FrameClock()
    simulate(clock, at_rate(300, 100))
    assert clock.arrived(200.0) == 0


@given(GAPS, st.sampled_from([MAX_RATE, REMOTE_RATE, 10]))
def test_frame_clock_draws_each_piece_in_time_and_keeps_rate(gaps: list[float], rate: int) -> None:
    arrivals = [100.0]
    for gap in gaps:
        arrivals.append(arrivals[-1] + gap)
    frames, waits = simulate(FrameClock(rate), arrivals)
    assert len(waits) == len(arrivals)
    assert max(waits) <= max(1 / rate, 1 / DENSE_RATE) + 1e-6
    for begin in frames:
        assert sum(begin <= at < begin + 1 for at in frames) <= rate + 3


def test_frame_clock_dense_reply_halves_the_frames() -> None:
    frames, waits = simulate(FrameClock(), at_rate(2000, 400))
    assert len(frames) == pytest.approx(5 * DENSE_RATE, abs=10)
    assert max(waits) <= 1 / DENSE_RATE + 0.001


def test_frame_clock_slow_frames_lengthen_interval_to_limit() -> None:
    clock = FrameClock()
    for at in range(30):
        clock.drawn(at, at + 0.01)
    assert clock.interval == pytest.approx(0.06, rel=0.01)
    for at in range(30):
        clock.drawn(at, at + 1.0)
    assert clock.interval == SLOWEST


@pytest.mark.parametrize(
    ("wanted", "env", "rate"),
    [
        (0, {}, 60),
        (0, {"SSH_TTY": "/dev/pts/1"}, 30),
        (0, {"SSH_CONNECTION": "a b"}, 30),
        (20, {"SSH_TTY": "x"}, 20),
        (500, {}, 60),
    ],
)
def test_frame_rate_is_the_setting_or_follows_the_line(wanted: int, env: dict[str, str], rate: int) -> None:
    assert frame_rate(wanted, env) == rate
