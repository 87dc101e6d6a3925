"""Stop a turn on Ctrl-C, the signals that end a program, and a time limit, on every platform."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager

from termchat.core.outcomes import ExitCode
from termchat.core.session import Turn

_EXITS = {"SIGINT": ExitCode.CANCELLED, "SIGTERM": ExitCode.SIGTERM, "SIGHUP": ExitCode.SIGHUP}
_SIGNALS = {getattr(signal, name): code for name, code in _EXITS.items() if hasattr(signal, name)}  # Windows has no HUP
PATIENCE = 3.0  # seconds for a reader that takes nothing, and for tools, after a turn was stopped


class Stop:
    """The stop of a turn: the first one ends the reply, so that what came is written and saved.

    The turn is abandoned, with a cancellation of the task, when it has not ended three seconds later or at the second
    signal, as when nobody reads the output. The third signal ends the process.
    """

    def __init__(self, turn: Turn) -> None:
        self._turn = turn
        self._task = asyncio.current_task()
        self._loop = asyncio.get_running_loop()
        self._timers: list[asyncio.TimerHandle] = []
        self._count = 0
        self.code: ExitCode | None = None
        self.abandoned = False

    def at(self, deadline: float) -> None:
        """Stop at a time of the monotonic clock, as timed out."""
        self._timers.append(self._loop.call_at(deadline, self.stop, ExitCode.STALLED))

    def stop(self, code: ExitCode) -> None:
        """Stop the turn, or abandon it; the exit code is that of the first reason."""
        self._count += 1
        if self.code is None:
            self.code = code
            self._timers.append(self._loop.call_later(PATIENCE, self._abandon))
            self._turn.cancel()
        elif self._count == 2:
            self._abandon()
        else:
            os._exit(self.code)

    def _abandon(self) -> None:
        if self._task and not self.abandoned:
            self.abandoned = True
            self._task.cancel()

    def close(self) -> None:
        """Forget all timers."""
        for timer in self._timers:
            timer.cancel()


@contextmanager
def stopped_by_signals(turn: Turn, deadline: float | None = None) -> Generator[Stop]:
    """Stop the turn on Ctrl-C and similar signals, and at a time of the monotonic clock if there is one."""
    stop = Stop(turn)
    if deadline is not None:
        stop.at(deadline)
    undo = [restore for number, code in _SIGNALS.items() for restore in _handle(number, stop.stop, code)]
    try:
        yield stop
    finally:
        stop.close()
        for restore in undo:
            restore()


@contextmanager
def handled_signals(stop: Callable[[ExitCode], None]) -> Generator[None]:
    """Call `stop` with the exit code of each Ctrl-C and similar signal, in the event loop."""
    undo = [restore for number, code in _SIGNALS.items() for restore in _handle(number, stop, code)]
    try:
        yield
    finally:
        for restore in undo:
            restore()


def keep_exit_code(code: ExitCode) -> None:
    """Let a run that has ended exit with its code, whatever signal comes while its chat is closed.

    The second signal ends the process at once, with the same code. The handlers are not those of the event loop: while
    that is closed, a signal would be written to a socket that is closed already. They stay until the process ends.
    """
    seen: list[int] = []

    def hurry(number: int, _: object) -> None:
        if seen:
            os._exit(code)
        seen.append(number)

    for number in _SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, hurry)


def _handle(number: signal.Signals, stop: Callable[[ExitCode], None], code: ExitCode) -> Iterator[Callable[[], object]]:
    """Call `stop(code)` in the event loop on a signal; yield the function that restores its former handling.

    A signal that was ignored stays so: nohup ignores SIGHUP, and a shell SIGINT in a background command of a script.
    """
    if signal.getsignal(number) is signal.SIG_IGN:
        return
    loop = asyncio.get_running_loop()

    def wake(*_: object) -> None:
        loop.call_soon_threadsafe(stop, code)

    try:
        loop.add_signal_handler(number, stop, code)
        yield lambda: loop.remove_signal_handler(number)
    except NotImplementedError:  # Windows: its event loop wakes up for a plain handler
        before = signal.signal(number, wake)
        yield lambda: signal.signal(number, before)
