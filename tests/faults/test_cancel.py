"""What hangs is ended by a cancel: the turn ends as an event, and the server sees the connection close.

How soon is measured in `tests/bench/cancel.py`; here a deadline only tells that it happens at all.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from termchat.core.events import Event, Retrying, Streamed
from termchat.core.messages import user_message
from termchat.core.models import ApiProtocol
from termchat.core.outcomes import Outcome
from termchat.core.session import Session
from termchat.providers.http.retry import RetryPolicy
from tests.engine.support import ask, ended, events_of, session
from tests.faults.table import OK, WORDS
from tests.gateway import Gateway, Reasoning, Reply, Stall, Text, fault
from tests.gateway.answers import Answer
from tests.gateway.signals import PATIENCE
from tests.providers.support import PROTOCOLS

_T = TypeVar("_T")
_TCP = Path("/proc/net/tcp")
ALL = pytest.mark.parametrize("speech", PROTOCOLS)
SILENT: dict[str, Answer] = {
    "silence before the headers": fault.silence(),
    "headers at a snail's pace": WORDS.on(header_pace=0.05),
    "headers without end": fault.endless_headers(),
    "silence after the headers": Reply(fault.stall(), Text("never")),
    "pings before any word": Reply(fault.stall(keep_alive="ping"), Text("never")),
}
SPEAKING: dict[str, Answer] = {
    "silence after words": WORDS.after(2, Stall()),
    "silence after a thought": Reply(Reasoning("hm"), Stall(), Text("never")),
    "pings after words": WORDS.after(2, fault.stall(keep_alive="ping")),
    "silence inside an event": Reply(Text("one "), fault.raw(b'data: {"x'), Stall()),
    "words at a snail's pace": Reply(Text(*["word "] * 500)).on(pace=0.05),
}


async def cancelled(talk: Session, when: Callable[[list[Event]], Awaitable[_T]]) -> _T:
    """A question is asked and stopped at a moment; it ends as it should. Gives what the moment gave."""
    turn = talk.send(talk.add(user_message("hello"), None))
    before, seen = asyncio.all_tasks(), list[Event]()
    running = asyncio.create_task(events_of(turn, lambda _, event: seen.append(event)))
    async with asyncio.timeout(PATIENCE):
        given = await when(seen)
        turn.cancel()
        assert ended(await running).outcome is Outcome.CANCELLED
        while {task for task in asyncio.all_tasks() - before if "tests/gateway" not in repr(task.get_coro())}:
            await asyncio.sleep(0)
    return given


async def until_said(seen: list[Event], kind: type) -> None:
    """Until a delta of this kind has come."""
    while not any(isinstance(event, Streamed) and isinstance(event.delta, kind) for event in seen):
        await asyncio.sleep(0)


@ALL
@pytest.mark.parametrize("name", [*SILENT, *SPEAKING])
async def test_cancel_during_hanging_reply_closes_connection(gateway: Gateway, speech: ApiProtocol, name: str) -> None:
    speaks = name in SPEAKING
    gateway.reply(SPEAKING[name] if speaks else SILENT[name])
    async with session(gateway, speech) as talk:

        async def hanging(seen: list[Event]) -> None:
            await gateway.request()
            if speaks:
                await until_said(seen, object)

        await cancelled(talk, hanging)
        await gateway.asked[0].wait_closed()
        gateway.reply(OK)
        assert ended(await ask(talk, "and now?")).outcome is Outcome.COMPLETE


@ALL
async def test_cancel_during_retry_wait_sends_no_second_request(gateway: Gateway, speech: ApiProtocol) -> None:
    gateway.reply(fault.status(429, retry_after="29"))
    async with session(gateway, speech, policy=RetryPolicy()) as talk:
        await cancelled(talk, lambda seen: until_said(seen, Retrying))
    assert len(gateway.asked) == 1


@ALL
async def test_cancel_during_tls_handshake_closes_connection(gateway: Gateway, speech: ApiProtocol) -> None:
    """A server that takes the connection and says nothing, not even hello."""
    loop = asyncio.get_running_loop()
    with socket.create_server(("127.0.0.1", 0)) as mute:
        mute.setblocking(False)

        async def greeted(_: object) -> socket.socket:
            there, _ = await loop.sock_accept(mute)
            there.setblocking(False)
            assert await loop.sock_recv(there, 10_000)
            return there

        async with session(gateway, speech, url=f"https://127.0.0.1:{mute.getsockname()[1]}") as talk:
            with await cancelled(talk, greeted) as there:
                async with asyncio.timeout(PATIENCE):
                    assert await loop.sock_recv(there, 10_000) == b""


@pytest.mark.skipif(not _TCP.exists(), reason="only Linux lists the connections that are being made")
@ALL
async def test_cancel_during_connect_abandons_attempt(gateway: Gateway, speech: ApiProtocol) -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            async with session(gateway, speech, url=f"http://127.0.0.1:{port}") as talk:

                async def connecting(_: object) -> None:
                    while not _is_called(port):
                        await asyncio.sleep(0)

                await cancelled(talk, connecting)
                assert not _is_called(port)


def _is_called(port: int) -> bool:
    """Whether somebody waits for a connection to this port."""
    rows = [line.split() for line in _TCP.read_text().splitlines()[1:]]
    return any(row[2].endswith(f":{port:04X}") and row[3] == "02" for row in rows)
