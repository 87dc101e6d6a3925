"""Time from a token on the wire to its text on a real pseudo-terminal: `python -m tests.bench.glyph [--tokens 400]`.

The server sends 100 tokens a second of a Markdown reply longer than the screen and notes the time of each. The
terminal's output is read as it comes, and each token holds a word of its own. The floor is the bare SDK that prints
what it receives. Rendered tokens that the terminal never gets whole are left out; more than a tenth is an error.
"""

from __future__ import annotations

import itertools
import re
import sys
import time
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence

from termchat.core.models import ApiProtocol
from tests.bench import peer
from tests.bench.clients import floor_script, new_home, our_chat, our_script
from tests.bench.server import PacedServer, pieces, serving
from tests.bench.table import Goal, Plan, Row, middle, progress, quantile, run
from tests.bench.terminal import NotShownError, Pty

RATE = 100
_QUESTIONS = 5
_WORD = re.compile(rb"w\d{5}")


def markdown_words(count: int) -> list[str]:
    """`count` tokens of a Markdown reply, each with a word that occurs nowhere else."""
    names = (f"w{n:05}" for n in itertools.count())
    made: list[str] = []
    while len(made) < count:
        made += (f"{mark}{next(names)}{end}" for mark, end in _blocks())
    return made[:count]


def _blocks() -> Iterator[tuple[str, str]]:
    yield from (("\n\n## ", ""), (" ", ""), (" ", ""), ("\n\n", ""))
    for n in range(30):
        yield {7: (" **", ""), 8: (" ", "**"), 15: (" `", "`"), 21: (" *", "*")}.get(n, (" ", ""))
    for _ in range(4):
        yield from (("\n- ", ""), *((" ", ""),) * 7)
    yield "\n\n```python\n", " = 1"
    for _ in range(5):
        yield from (("\n", " ="), (" ", " + 2"))
    yield "\n```\n\n", "."


def latencies(
    server: PacedServer, events: Sequence[bytes], command: Sequence[str], env: Mapping[str, str], prompt: bytes
) -> list[float]:
    """Seconds from sending each token to the read of its text; `prompt` is typed after the program is at rest."""
    server.forget()
    with Pty(command, env, keep=True) as terminal:
        if prompt:
            terminal.wait("❯".encode())
            terminal.rest(1.5)
            terminal.write(prompt)
        last = _WORD.findall(b"".join(events))[-1]
        terminal.wait(last)
        terminal.rest(0.1)
    sent = {word: at for event, at in zip(events, server.sent().times, strict=True) for word in _WORD.findall(event)}
    ends = list(itertools.accumulate(len(data) for _, data in terminal.read))
    seen: dict[bytes, float] = {}
    for found in _WORD.finditer(b"".join(data for _, data in terminal.read)):
        seen.setdefault(found[0], terminal.read[bisect_left(ends, found.end())][0])
    if len(seen) < 0.9 * len(sent):
        raise NotShownError(f"{len(sent) - len(seen)} of {len(sent)} tokens never came whole")
    return [seen[word] - at for word, at in sent.items() if word in seen]


def rows(plan: Plan, tokens: int = 400) -> Iterator[Row]:
    """Median and p99 in the REPL and of a script."""
    events = pieces(ApiProtocol.CHAT, markdown_words(tokens))
    with new_home() as home, serving(events, RATE) as server:
        home.serve(server.url)
        commands: dict[str, tuple[Sequence[str], Mapping[str, str], bytes]] = {
            "floor": (floor_script("openai", server.url), home.env, b""),
            "REPL": (our_chat("openai"), home.env, b"go\r"),
            "script": (our_script("openai"), home.env, b""),
        }
        if command := plan.peer.ask(server.url, "hi"):
            commands["peer"] = (command, peer.environment(server.url), b"")
        found: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(max(1, plan.rounds // 4)):
            for name, (program, env, prompt) in commands.items():
                try:
                    found[name] += latencies(server, events, program, env, prompt)
                except NotShownError as error:
                    if name != "peer":
                        raise
                    progress(f"  {plan.peer.name}: {error}")
    for place in ("REPL", "script"):
        for what, reduce, most in (("median", middle, 5), ("p99", _p99, 18)):
            other = reduce(found["peer"]) if found.get("peer") else None
            name = f"token to glyph at {RATE}/s, {place}: {what}"
            yield Row(name, reduce(found[place]), "ms", reduce(found["floor"]), Goal(most=most), other)

    with new_home() as home, serving(pieces(ApiProtocol.CHAT, ["one", " two", " w00000"])) as server:
        home.serve(server.url)
        chats = [enters(server, our_chat("openai"), home.env) for _ in range(max(1, plan.rounds // 3))]
        later = [seconds for taken in chats for seconds in taken[1:]]
        yield Row("Enter to the wire, first question of a chat", middle(taken[0] for taken in chats), "ms")
        yield Row("Enter to the wire, next questions", middle(later), "ms", None, Goal(most=20))
    with new_home() as home, serving(pieces(ApiProtocol.GEMINI, ["one", " two", " w00000"])) as server:
        home.serve(server.url)
        first = middle(enters(server, our_chat("gemini"), home.env)[0] for _ in range(max(1, plan.rounds // 3)))
        yield Row("Enter to the wire, first question of a chat, gemini", first, "ms")


def enters(server: PacedServer, command: Sequence[str], env: Mapping[str, str]) -> list[float]:
    """Seconds from Enter to the request, for each question of one chat whose SDK is loaded."""
    taken: list[float] = []
    with Pty(command, env) as terminal:
        terminal.wait("❯".encode())
        terminal.rest(1.5)
        for _ in range(_QUESTIONS):
            began = time.monotonic()
            terminal.write(b"go\r")
            terminal.wait(b"w00000")
            taken.append(server.sent().arrived - began)
            terminal.rest(0.3)
    return taken


def _p99(values: Sequence[float]) -> float:
    return quantile(values, 0.99)


if __name__ == "__main__":
    sys.exit(run(rows, __doc__, tokens=400))
