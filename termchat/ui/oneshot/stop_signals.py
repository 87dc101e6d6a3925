"""Stop a turn on Ctrl-C and the signals that end a program, on every platform."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager

from termchat.core.outcomes import ExitCode
from termchat.core.session import Turn

_EXITS = {"SIGINT": ExitCode.CANCELLED, "SIGTERM": ExitCode.SIGTERM, "SIGHUP": ExitCode.SIGHUP}
_SIGNALS = {getattr(signal, name): code for name, code in _EXITS.items() if hasattr(signal, name)}  # Windows has no HUP


@contextmanager
def stopped_by_signals(turn: Turn) -> Generator[Callable[[], ExitCode | None]]:
    """Stop the turn on Ctrl-C and similar signals, so that the received text is still written.

    The yielded function returns the exit code of the signal, None without one.
    """
    seen = list[ExitCode]()

    def stop(code: ExitCode) -> None:
        seen.append(code)
        turn.cancel()

    undo = [restore for number, code in _SIGNALS.items() for restore in _handle(number, stop, code)]
    try:
        yield lambda: seen[0] if seen else None
    finally:
        for restore in undo:
            restore()


def _handle(number: signal.Signals, stop: Callable[[ExitCode], None], code: ExitCode) -> Iterator[Callable[[], object]]:
    """Call `stop(code)` in the event loop on a signal; yield the function that restores its former handling."""
    loop = asyncio.get_running_loop()

    def wake(*_: object) -> None:
        loop.call_soon_threadsafe(stop, code)

    try:
        loop.add_signal_handler(number, stop, code)
        yield lambda: loop.remove_signal_handler(number)
    except NotImplementedError:  # Windows: its event loop wakes up for a plain handler
        before = signal.signal(number, wake)
        yield lambda: signal.signal(number, before)
