"""Test FrameClock: the wait before the next frame."""

from __future__ import annotations

import pytest

from termchat.ui.terminal.frame_clock import FASTEST, SLOWEST, FrameClock


def test_frame_clock_first_frame_waits_zero() -> None:
    assert FrameClock().wait(12.5) == 0


def test_frame_clock_after_pause_waits_zero() -> None:
    clock = FrameClock()
    clock.drawn(1.0, 1.001)
    assert clock.wait(5.0) == 0


def test_frame_clock_cheap_frame_waits_fastest_interval() -> None:
    clock = FrameClock()
    clock.drawn(1.0, 1.001)
    assert clock.wait(1.001) == pytest.approx(FASTEST - 0.001)


def test_frame_clock_slow_frames_lengthen_interval_to_limit() -> None:
    clock = FrameClock()
    for at in range(30):
        clock.drawn(at, at + 0.01)
    assert clock.interval == pytest.approx(0.06, rel=0.01)
    for at in range(30):
        clock.drawn(at, at + 1.0)
    assert clock.interval == SLOWEST
