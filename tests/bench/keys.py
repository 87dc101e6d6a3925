"""Time from a key to its echo while 200 lines a second stream: `python -m tests.bench.keys [--keys 300]`.

Prints p50, p95 and the maximum in milliseconds of one run each, and the same for prompt_toolkit's idle prompt as the
floor. Compare the ratios; the milliseconds depend on the machine.
"""

from __future__ import annotations

import argparse
import os
import pty
import random
import select
import sys
import time
from collections.abc import Sequence

FLOOR = "from prompt_toolkit import PromptSession; PromptSession().prompt('> ')"
OURS = [sys.executable, "-m", "tests.pty.program"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--keys", type=int, default=300)
    keys = parser.parse_args().keys
    report("floor, idle", echoes([sys.executable, "-c", FLOOR], b"?2004h", b"", b"", keys))
    report("termchat, idle", echoes(OURS, b"Ask anything", b"", b"", keys))
    report("termchat, 200 lines/s", echoes(OURS, b"Ask anything", b"lines 100000 5\r", b"L0009", keys))
    report("termchat, long lines", echoes(OURS, b"Ask anything", b"long 100000 5\r", b"R0009", keys))


def echoes(command: Sequence[str], ready: bytes, first: bytes, begun: bytes, keys: int) -> list[float]:
    """Seconds from each key to its echo. `first` is typed after `ready` appears; measuring starts after `begun`."""
    child, terminal = pty.fork()
    if child == 0:
        os.environ.update(TERM="xterm-256color", LANG="C.UTF-8", COLUMNS="", LINES="")
        os.execvp(command[0], list(command))
    rng = random.Random(7)
    try:
        wait(terminal, ready)
        os.write(terminal, first)
        wait(terminal, begun)
        took: list[float] = []
        for n in range(keys):
            rest(terminal, rng.uniform(0.03, 0.09))
            # Letters that the stream does not contain, each different from the previous one.
            key = b"QXZW"[n % 4 : n % 4 + 1]
            at = time.monotonic()
            os.write(terminal, key)
            wait(terminal, key)
            took.append(time.monotonic() - at)
            if n % 40 == 39:
                os.write(terminal, b"\x15")
        return took
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)
        os.close(terminal)


def wait(terminal: int, wanted: bytes) -> None:
    """Read until the program has written `wanted`."""
    seen, end = b"", time.monotonic() + 20
    while wanted not in seen:
        if time.monotonic() > end:
            raise SystemExit(f"never written: {wanted!r}; the last was {seen[-500:]!r}")
        if select.select([terminal], [], [], 1)[0]:
            seen = seen[-20_000:] + os.read(terminal, 65536)


def rest(terminal: int, seconds: float) -> None:
    """Read and discard output for some seconds."""
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if select.select([terminal], [], [], left)[0]:
            os.read(terminal, 65536)


def report(name: str, took: Sequence[float]) -> None:
    ordered = sorted(1000 * seconds for seconds in took)
    p50, p95 = ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.95)]
    print(f"{name:24} p50 {p50:6.1f}   p95 {p95:6.1f}   longest {ordered[-1]:6.1f} ms")


if __name__ == "__main__":
    main()
