"""Cost of an idle program: `python -m tests.bench.idle [--seconds 5]`.

Wake-ups of all threads, and the same for prompt_toolkit's prompt as the floor. Both are near zero when nothing polls.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence

from tests.bench.clients import OURS, PROMPT, Home, new_home
from tests.bench.table import Goal, Plan, Row, run
from tests.bench.terminal import Pty
from tests.pty.test_idle import wakeups

_TOUR = (*OURS, "-m", "demo/tour")
_SETTLE = 4.0  # seconds in which background loading finishes


def rows(plan: Plan, seconds: int = 5) -> Iterator[Row]:
    """Wake-ups a second, in the REPL and the plain front end."""
    with new_home() as home:
        floor = _wakeups(PROMPT, b"?2004h", home, seconds)
        for name, command, ready in (
            ("REPL", _TOUR, b"Ask anything"),
            ("plain front end", (*_TOUR, "--plain"), b"> "),
        ):
            yield Row(
                f"wake-ups of the idle {name}", _wakeups(command, ready, home, seconds), "/s", floor, Goal(most=0.5)
            )


def _wakeups(command: Sequence[str], ready: bytes, home: Home, seconds: int) -> float:
    with Pty(command, home.env) as terminal:
        terminal.wait(ready)
        terminal.rest(_SETTLE)
        before = wakeups(terminal.pid)
        terminal.rest(seconds)
        return (wakeups(terminal.pid) - before) / seconds


if __name__ == "__main__":
    sys.exit(run(rows, __doc__, seconds=5))
