"""Cost of an idle program: `python -m tests.bench.idle [--seconds 10]`.

Prints wake-ups of all threads and processor time, and the same for prompt_toolkit's prompt as the floor. Both are
near zero when nothing is polled.
"""

from __future__ import annotations

import argparse
import os
import pty
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tests.bench.keys import FLOOR, rest, wait
from tests.pty.test_idle import wakeups

OURS = [sys.executable, "-m", "termchat", "-m", "demo/tour"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--seconds", type=float, default=10)
    seconds = parser.parse_args().seconds
    report("floor", [sys.executable, "-c", FLOOR], b"?2004h", seconds)
    report("termchat", OURS, b"Ask anything", seconds)
    report("termchat --plain", [*OURS, "--plain"], b"> ", seconds)


def report(name: str, command: Sequence[str], ready: bytes, seconds: float) -> None:
    with tempfile.TemporaryDirectory() as home:
        child, terminal = pty.fork()
        if child == 0:
            os.environ.update(TERM="xterm-256color", LANG="C.UTF-8", COLUMNS="", LINES="", HOME=home)
            os.execvp(command[0], list(command))
        try:
            wait(terminal, ready)
            rest(terminal, 4)  # let background loading finish
            woken, used = wakeups(child), ticks(child)
            rest(terminal, seconds)
            woken, used = wakeups(child) - woken, ticks(child) - used
        finally:
            os.kill(child, 9)
            os.waitpid(child, 0)
            os.close(terminal)
    took = 1000 * used / os.sysconf("SC_CLK_TCK")
    print(f"{name:18} {woken / seconds:6.1f} wake-ups/s   {took / seconds:6.2f} ms of the processor a second")


def ticks(pid: int) -> int:
    """Processor time used so far, in clock ticks."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


if __name__ == "__main__":
    sys.exit(main())
