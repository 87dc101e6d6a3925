"""Time from a cancel to the closed connection at the server, for every kind of hanging reply: `... tests.bench.cancel`.

The floor is a bare HTTP client that cancels its request. The figure is the slowest of the protocols' medians.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterator

import httpx2

from termchat.core.events import Streamed
from termchat.core.messages import user_message
from termchat.core.models import ApiProtocol
from tests.bench.clients import new_home, our_chat
from tests.bench.table import Goal, Plan, Row, middle, run
from tests.bench.terminal import Pty
from tests.engine.support import events_of, session
from tests.faults.test_cancel import SILENT, SPEAKING
from tests.gateway import Gateway, GatewayThread, Reply, Stall, Text, fault
from tests.gateway.answers import Answer
from tests.providers.support import PROTOCOLS


async def ours(gateway: Gateway, protocol: ApiProtocol, answer: Answer, *, speaks: bool) -> float:
    """Seconds from the cancel of a turn to the closed connection."""
    async with session(gateway, protocol) as chat:
        gateway.reply(answer)
        turn, streaming = chat.send(chat.add(user_message("hello"), None)), asyncio.Event()
        running = asyncio.create_task(
            events_of(turn, lambda _, event: streaming.set() if isinstance(event, Streamed) else None)
        )
        await gateway.request(len(gateway.requests) + 1)
        if speaks:
            await streaming.wait()
        began = time.monotonic()
        turn.cancel()
        await running
        await gateway.asked[-1].wait_closed()
        return (gateway.asked[-1].closed_at or 0.0) - began


async def bare(gateway: Gateway) -> float:
    """Seconds for a bare HTTP client that sends a request and cancels it."""
    async with httpx2.AsyncClient(timeout=None) as client:
        gateway.reply(fault.silence())
        body = {"model": "m", "stream": True, "messages": [{"role": "user", "content": "hello"}]}
        headers = {"authorization": "Bearer k"}
        asking = asyncio.create_task(client.post(f"{gateway.url}/v1/chat/completions", json=body, headers=headers))
        await gateway.request(len(gateway.requests) + 1)
        began = time.monotonic()
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await gateway.asked[-1].wait_closed()
        return (gateway.asked[-1].closed_at or 0.0) - began


async def _measure(rounds: int) -> tuple[float, dict[str, float]]:
    found: dict[str, float] = {}
    async with Gateway() as gateway:
        floor = middle([await bare(gateway) for _ in range(rounds)])
        for name, answer in (SILENT | SPEAKING).items():
            for protocol in PROTOCOLS:
                taken = [await ours(gateway, protocol, answer, speaks=name in SPEAKING) for _ in range(rounds)]
                found[name] = max(found.get(name, 0.0), middle(taken))
    return floor, found


def rows(plan: Plan) -> Iterator[Row]:
    """Each kind of reply."""
    floor, found = asyncio.run(_measure(plan.rounds))
    for name, value in found.items():
        yield Row(f"cancel to closed connection: {name}", value, "ms", floor, Goal(most=20))
    yield Row("Ctrl-C to a free prompt in the REPL", middle(_prompts(plan.rounds)), goal=Goal(most=100))


def _prompts(rounds: int) -> list[float]:
    """Seconds from Ctrl-C during a reply to the prompt that takes the next question."""
    taken: list[float] = []
    with new_home() as home, GatewayThread() as gateway:
        gateway.always(Reply(Text("one"), Stall()))
        home.serve(gateway.url)
        with Pty(our_chat("openai"), home.env) as terminal:
            terminal.wait("❯".encode())
            for _ in range(rounds):
                terminal.write(b"go\r")
                terminal.wait(b"one")
                terminal.rest(0.3)
                began = time.monotonic()
                terminal.write(b"\x03")
                terminal.wait(b"/ commands")
                taken.append(time.monotonic() - began)
    return taken


if __name__ == "__main__":
    sys.exit(run(rows, __doc__))
