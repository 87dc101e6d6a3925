"""Time from a key to its echo, at rest, while a reply streams and on a busy machine: `python -m tests.bench.keys`.

The floor is prompt_toolkit's idle prompt in the same run; on the busy machine it is measured there. On a machine where
the floor itself is above a limit, the goal is a multiple of the floor instead.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from statistics import median

from tests.bench.clients import PROMPT, new_home, our_chat
from tests.bench.table import Goal, Plan, Row, quantile, run
from tests.bench.terminal import Pty

OURS = (sys.executable, "-m", "tests.pty.program")
_LINES = b"lines 100000 5\r", b"L0009"
_LONG = b"long 100000 5\r", b"R0009"
_IDLE = b"", b""


def rows(plan: Plan, keys: int = 0) -> Iterator[Row]:
    """The p95 of `keys` keys each; 0 is fifteen a round."""
    count = keys or 15 * plan.rounds
    floor = echoes(PROMPT, b"?2004h", _IDLE, count)
    for name, first, most in (
        ("idle", _IDLE, 0.0),
        ("200 lines/s stream", _LINES, 5.0),
        ("200 long lines/s stream", _LONG, 15.0),
    ):
        took = echoes(OURS, b"Ask anything", first, count)
        yield Row(f"key echo, {name}: median", 1e3 * median(took), "ms", 1e3 * median(floor))
        least = quantile(floor, 0.95)
        goal = goal_beside(least, most) if most else None
        yield Row(f"key echo, {name}: p95", quantile(took, 0.95), "ms", least, goal)
    took = [seconds for _ in range(max(1, plan.rounds // 2)) for seconds in _while_loading()]
    yield Row("key echo while an SDK is imported: p95", quantile(took, 0.95), goal=Goal(most=40))
    took = [seconds for _ in range(max(1, plan.rounds // 2)) for seconds in _while_server_starts()]
    yield Row("key echo while an MCP server starts: p95", quantile(took, 0.95), goal=Goal(most=40))
    with busy():
        floor = echoes(PROMPT, b"?2004h", _IDLE, count)
        took = echoes(OURS, b"Ask anything", _LINES, count)
    name = "key echo, 200 lines/s stream, every core busy: p95"
    least = quantile(floor, 0.95)
    yield Row(name, quantile(took, 0.95), "ms", least, goal_beside(least, 15))


def goal_beside(floor: float, most: float) -> Goal:
    """Return the limit of `most` ms, or half as much again as the floor on a machine that is slower than that."""
    return Goal(most=most) if floor <= most else Goal(1.5)


def _while_loading() -> list[float]:
    """Seconds from each key to its echo right after the start, while anthropic's SDK is imported."""
    took: list[float] = []
    with new_home() as home:
        home.serve("http://127.0.0.1:9")
        with Pty(our_chat("anthropic"), home.env) as terminal:
            terminal.wait("❯".encode())
            for n in range(20):
                key = b"QXZW"[n % 4 : n % 4 + 1]
                at = time.monotonic()
                terminal.write(key)
                terminal.wait(key)
                took.append(time.monotonic() - at)
                terminal.rest(0.02)
    return took


def _while_server_starts() -> list[float]:
    """Seconds from each key to its echo after a question, while the package mcp is imported and a server starts."""
    took: list[float] = []
    with new_home() as home:
        home.serve("http://127.0.0.1:9")
        with home.config.open("a") as file:
            server = "termchat.tools.mcp.demo_server"
            file.write(f"[mcp.demo]\ncommand = {json.dumps(sys.executable)}\nargs = ['-m', '{server}']\n")
        command = [word for word in our_chat("openai") if word != "--no-tools"]
        with Pty(command, home.env) as terminal:
            terminal.wait("❯".encode())
            terminal.rest(1.0)
            terminal.write(b"/tools\r")  # starts every server, to list its tools
            for n in range(20):
                key = b"QXZW"[n % 4 : n % 4 + 1]
                terminal.rest(0.02)
                at = time.monotonic()
                terminal.write(key)
                terminal.wait(key)
                took.append(time.monotonic() - at)
    return took


@contextmanager
def busy() -> Iterator[None]:
    """Keep every core busy with one process each."""
    spinning = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(os.cpu_count() or 1)]
    try:
        yield
    finally:
        for process in spinning:
            process.kill()
            process.wait()


def echoes(command: Sequence[str], ready: bytes, first: tuple[bytes, bytes], keys: int, again: int = 0) -> list[float]:
    """Seconds from each key to its echo.

    first   text to type once `ready` appears, and the output after which measuring starts
    again   how many times more it is typed, each after the output for the one before
    """
    env = os.environ | {"TERM": "xterm-256color", "LANG": "C.UTF-8", "COLUMNS": "", "LINES": ""}
    rng = random.Random(7)
    typed, begun = first
    with Pty(command, env) as terminal:
        terminal.wait(ready)
        terminal.write(typed)
        terminal.wait(begun)
        for _ in range(again):
            terminal.write(typed)
            terminal.wait(begun)
        took: list[float] = []
        for n in range(keys):
            terminal.rest(rng.uniform(0.03, 0.09))
            # Letters that the stream does not contain, each different from the previous one.
            key = b"QXZW"[n % 4 : n % 4 + 1]
            at = time.monotonic()
            terminal.write(key)
            terminal.wait(key)
            took.append(time.monotonic() - at)
            if n % 40 == 39:
                terminal.write(b"\x15")
        return took


if __name__ == "__main__":
    sys.exit(run(rows, __doc__, keys=0))
