"""Signals and the time limit of a script: the first stops the turn, the second abandons it."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Generator
from typing import cast

import pytest

from termchat.core.outcomes import ExitCode
from termchat.core.session import Turn
from termchat.ui.oneshot.stop_signals import keep_exit_code, stopped_by_signals

DEADLINE = 20.0  # seconds


class StubbornTurn:
    """A turn that goes on after it was cancelled, as one whose output nobody reads."""

    def __init__(self) -> None:
        self.cancelled = asyncio.Event()

    def cancel(self) -> None:
        self.cancelled.set()


async def stopped(*numbers: signal.Signals, after: float | None = None) -> tuple[ExitCode | None, bool]:
    """Return the exit code after the signals, or after so many seconds, and True if the turn was abandoned."""
    turn = StubbornTurn()
    limit = None if after is None else time.monotonic() + after
    with stopped_by_signals(cast("Turn", turn), limit) as stop:
        try:
            async with asyncio.timeout(DEADLINE):
                for number in numbers:
                    os.kill(os.getpid(), number)
                    await turn.cancelled.wait()
                if len(numbers) > 1:
                    await asyncio.Event().wait()
                await turn.cancelled.wait()
        except asyncio.CancelledError:
            task = asyncio.current_task()
            assert task and task.uncancel() == 0
        return stop.code, stop.abandoned


@pytest.mark.parametrize(
    ("numbers", "code", "abandoned"),
    [
        ([signal.SIGINT], ExitCode.CANCELLED, False),
        ([signal.SIGTERM], ExitCode.SIGTERM, False),
        ([signal.SIGHUP], ExitCode.SIGHUP, False),
        ([signal.SIGTERM, signal.SIGINT], ExitCode.SIGTERM, True),
        ([signal.SIGINT, signal.SIGINT], ExitCode.CANCELLED, True),
    ],
)
def test_first_signal_stops_turn_and_second_abandons_it(
    numbers: list[signal.Signals], code: ExitCode, abandoned: bool
) -> None:
    began = time.monotonic()
    assert asyncio.run(stopped(*numbers)) == (code, abandoned)
    assert time.monotonic() - began < DEADLINE


@pytest.fixture
def handlers() -> Generator[None]:
    """Restore the handlers of signals after the test."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("handlers")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_signal_after_end_of_run_changes_nothing(number: signal.Signals) -> None:
    async def close() -> str:
        keep_exit_code(ExitCode.COMPLETE)
        os.kill(os.getpid(), number)
        for _ in range(10):
            await asyncio.sleep(0)
        return "closed"

    assert asyncio.run(close()) == "closed"


@pytest.mark.usefixtures("handlers")
def test_signal_after_end_of_run_is_not_written_to_the_loop_that_closes() -> None:
    async def close() -> int:
        with stopped_by_signals(cast("Turn", StubbornTurn())):
            pass
        keep_exit_code(ExitCode.COMPLETE)
        return signal.set_wakeup_fd(-1)

    assert asyncio.run(close()) == -1


def test_time_limit_stops_turn_as_timed_out() -> None:
    assert asyncio.run(stopped(after=0.01)) == (ExitCode.STALLED, False)


async def stopped_after_ignored(number: signal.Signals) -> ExitCode | None:
    """Return the exit code after a signal that is ignored, and then SIGTERM."""
    turn = StubbornTurn()
    with stopped_by_signals(cast("Turn", turn)) as stop:
        os.kill(os.getpid(), number)
        os.kill(os.getpid(), signal.SIGTERM)
        async with asyncio.timeout(DEADLINE):
            await turn.cancelled.wait()
        return stop.code


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT])
def test_signal_ignored_by_parent_stays_ignored(number: signal.Signals) -> None:
    before = signal.signal(number, signal.SIG_IGN)
    try:
        assert asyncio.run(stopped_after_ignored(number)) is ExitCode.SIGTERM
    finally:
        signal.signal(number, before)
