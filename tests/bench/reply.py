"""Cost of a whole process for a reply of 100,000 tokens: `python -m tests.bench.reply [--tokens 100000]`.

The reply is mixed Markdown and comes as fast as it is read, on a pseudo-terminal: peak memory, processor time and
bytes written. The floor of a script is the bare SDK that prints what it receives, that of the REPL the same with the
prompt of prompt_toolkit.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from termchat.core.models import ApiProtocol
from tests.bench import peer
from tests.bench.clients import floor_chat, floor_script, new_home, our_chat, our_script
from tests.bench.corpus import corpus
from tests.bench.server import pieces, serving
from tests.bench.table import Goal, Plan, Row, progress, run
from tests.bench.terminal import NotShownError, Pty

_END = "thelastword"
_SHORT = 100  # tokens of the reply whose cost is that of start and end
_SAVED = 1.5  # seconds after the last word in which the reply is saved
_LONGEST = 240.0  # seconds


class Cost(NamedTuple):
    """Of one process: peak memory in MB, seconds of the processor, bytes written to the terminal."""

    memory: float
    cpu: float
    written: int


def cost(command: Sequence[str], env: Mapping[str, str]) -> Cost:
    """Run a script to its end."""
    with Pty(command, env) as terminal:
        used = terminal.finish(_LONGEST)
        return Cost(terminal.memory, used.ru_utime + used.ru_stime, terminal.written)


def chat_memory(command: Sequence[str], env: Mapping[str, str]) -> float:
    """Peak memory in MB of a chat that has received the reply once and saved it."""
    with Pty(command, env) as terminal:
        terminal.wait("❯".encode())
        terminal.rest(1.5)
        terminal.write(b"go\r")
        terminal.wait(_END.encode(), _LONGEST)
        terminal.rest(_SAVED)
        terminal.look()
        return terminal.memory


def rows(plan: Plan, tokens: int = 100_000) -> Iterator[Row]:
    """Of a script, and the memory of a chat."""
    long = [*corpus(tokens - 1), f"\n\n{_END}"]
    runs = max(1, plan.rounds // 9)
    with new_home() as home:
        found: dict[str, list[list[Cost]]] = {}
        chats: list[float] = []
        bare: list[float] = []
        for text in (long[-_SHORT:], long):
            with serving(pieces(ApiProtocol.CHAT, text)) as server:
                home.serve(server.url)
                commands: dict[str, tuple[Sequence[str], Mapping[str, str]]] = {}
                commands["floor"] = (floor_script("openai", server.url), home.env)
                commands["termchat"] = (our_script("openai"), home.env)
                if command := plan.peer.ask(server.url, "hi"):
                    commands["peer"] = (command, peer.environment(server.url))
                for name, (program, env) in commands.items():
                    try:
                        found.setdefault(name, []).append([cost(program, env) for _ in range(runs)])
                    except NotShownError as error:
                        if name != "peer":
                            raise
                        progress(f"  {plan.peer.name}: {error}")
                if text is long:
                    chats = [chat_memory(our_chat("openai"), home.env) for _ in range(runs)]
                    bare = [chat_memory(floor_chat(server.url), home.env) for _ in range(runs)]
    size = len("".join(long).encode())
    values = {name: _figures(costs, tokens, size) for name, costs in found.items() if len(costs) == 2}
    own, floor, other = values["termchat"], values["floor"], values.get("peer", [None] * 3)
    what = f"{tokens:,}-token reply"
    yield Row(f"peak memory, {what}, script", own[0], "MB", floor[0], Goal(above=15), other[0])
    yield Row(f"peak memory, {what}, REPL", statistics.median(chats), "MB", statistics.median(bare), Goal(above=15))
    yield Row(f"processor time a token, {what}, script", own[1], "us", floor[1], Goal(above=25), other[1])
    yield Row(f"bytes written for a byte of text, {what}, script", own[2], "", floor[2], Goal(most=1.3), other[2])


def _figures(costs: list[list[Cost]], tokens: int, size: int) -> list[float]:
    """Memory in MB, microseconds a token without start and end, bytes written over bytes of text."""
    short, long = ([statistics.median(column) for column in zip(*runs, strict=True)] for runs in costs)
    return [long[0], 1e6 * (long[1] - short[1]) / (tokens - _SHORT), long[2] / size]


if __name__ == "__main__":
    sys.exit(run(rows, __doc__, tokens=100_000))
