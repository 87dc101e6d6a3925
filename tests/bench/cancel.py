"""Time from a cancel to the closed connection at the server, for every kind of hanging reply, and for a bare client.

python -m tests.bench.cancel [ROUNDS]
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import time

import httpx2

from termchat.core.events import Streamed
from termchat.core.messages import user_message
from termchat.core.models import ApiProtocol
from tests.engine.support import events_of, session
from tests.faults.test_cancel import SILENT, SPEAKING
from tests.gateway import Gateway, fault
from tests.gateway.answers import Answer
from tests.providers.support import PROTOCOLS


async def ours(gateway: Gateway, protocol: ApiProtocol, answer: Answer, *, speaks: bool) -> float:
    """Milliseconds from the cancel of a turn to the closed connection."""
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
        return ((gateway.asked[-1].closed_at or 0.0) - began) * 1e3


async def bare(gateway: Gateway) -> float:
    """Milliseconds for a bare HTTP client that sends a request and cancels it."""
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
        return ((gateway.asked[-1].closed_at or 0.0) - began) * 1e3


async def main(rounds: int) -> None:
    async with Gateway() as gateway:
        floor = statistics.median([await bare(gateway) for _ in range(rounds)])
        print(f"{'a bare client':30} {floor:7.2f} ms, median of {rounds}")
        for name, answer in (SILENT | SPEAKING).items():
            found = []
            for protocol in PROTOCOLS:
                times = [await ours(gateway, protocol, answer, speaks=name in SPEAKING) for _ in range(rounds)]
                found.append(f"{protocol.value} {statistics.median(times):.2f} (worst {max(times):.2f})")
            print(f"{name:30} {' · '.join(found)}")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 7))
