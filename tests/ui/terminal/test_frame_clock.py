"""When frames are drawn."""

from __future__ import annotations

import pytest

from termchat.ui.terminal.frame_clock import FASTEST, SLOWEST, FrameClock


def test_the_first_frame_comes_at_once() -> None:
    assert FrameClock().wait(12.5) == 0


def test_after_a_pause_the_next_frame_comes_at_once() -> None:
    clock = FrameClock()
    clock.drawn(1.0, 1.001)
    assert clock.wait(5.0) == 0


def test_frames_are_a_thirtieth_of_a_second_apart() -> None:
    clock = FrameClock()
    clock.drawn(1.0, 1.001)
    assert clock.wait(1.001) == pytest.approx(FASTEST - 0.001)


def test_frames_are_rarer_when_they_are_dear() -> None:
    clock = FrameClock()
    for at in range(30):
        clock.drawn(at, at + 0.01)
    assert clock.interval == pytest.approx(0.06, rel=0.01)
    for at in range(30):
        clock.drawn(at, at + 1.0)
    assert clock.interval == SLOWEST
