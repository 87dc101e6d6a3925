"""Tool calls: the check of a command by rules, and keys in a chat full of calls: `python -m tests.bench.tools`.

The floor of a check is the shell parser alone, which is a process of its own.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from statistics import median

from tests.bench.keys import OURS, busy, echoes
from tests.bench.table import Goal, Plan, Row, quantile, run

_COMMAND = "git log --oneline | head -3"
_REPLIES, _CALLS = 16, 50  # 800 calls in one chat


def rows(plan: Plan) -> Iterator[Row]:
    """The median of 10 checks a round; the p95 of 5 keys a round."""
    check, parse = asyncio.run(_checks(10 * plan.rounds))
    yield Row("rule check of a pipeline: median", 1e3 * median(check), "ms", 1e3 * median(parse), Goal(most=10))
    calls = f"calls {_CALLS}\r".encode(), b" out"  # the line of tokens ends a reply
    with busy():
        took = echoes(OURS, b"Ask anything", calls, max(15, 5 * plan.rounds), again=_REPLIES - 1)
    name = f"key echo after {_REPLIES * _CALLS} tool calls, every core busy: p95"
    yield Row(name, quantile(took, 0.95), "ms", goal=Goal(most=15))


async def _checks(count: int) -> tuple[list[float], list[float]]:
    """Seconds of each check of a command that rules allow, and of each parse of its text."""
    from termchat.tools.policy.judge_command import judge_command
    from termchat.tools.policy.rules import Rule, Rules
    from termchat.tools.policy.shell_syntax import parse_pipeline

    rules = Rules(allow=(Rule("run_shell", "git log"), Rule("run_shell", "head")))

    async def check() -> object:
        return await judge_command(_COMMAND, rules, cwd=Path.cwd(), path=os.environ["PATH"])

    async def parse() -> object:
        return await parse_pipeline(_COMMAND)

    await check()  # loads the tables
    return [await _seconds(check) for _ in range(count)], [await _seconds(parse) for _ in range(count)]


async def _seconds(work: Callable[[], Awaitable[object]]) -> float:
    at = time.perf_counter()
    await work()
    return time.perf_counter() - at


if __name__ == "__main__":
    sys.exit(run(rows, __doc__))
