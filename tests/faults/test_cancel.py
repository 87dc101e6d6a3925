"""Test that cancel ends a hanging request: the turn ends and the server sees the connection close.

`tests/bench/cancel.py` measures the delay; the deadline here only bounds a failing test.
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
ALL = pytest.mark.parametrize("protocol", PROTOCOLS)
SILENT: dict[str, Answer] = {
    "silence before the headers": fault.silence(),
    "slow headers": WORDS.on(header_pace=0.05),
    "headers without end": fault.endless_headers(),
    "silence after the headers": Reply(fault.stall(), Text("never")),
    "pings before any word": Reply(fault.stall(keep_alive="ping"), Text("never")),
}
SPEAKING: dict[str, Answer] = {
    "silence after words": WORDS.after(2, Stall()),
    "silence after a thought": Reply(Reasoning("hm"), Stall(), Text("never")),
    "pings after words": WORDS.after(2, fault.stall(keep_alive="ping")),
    "silence inside an event": Reply(Text("one "), fault.raw(b'data: {"x'), Stall()),
    "slow words": Reply(Text(*["word "] * 500)).on(pace=0.05),
}


async def cancelled(chat: Session, when: Callable[[list[Event]], Awaitable[_T]]) -> _T:
    """Send a question, wait for `when`, cancel the turn and check that it ends; return the result of `when`.

    The deadline is PATIENCE seconds, for the end of all tasks of the turn too.
    """
    turn = chat.send(chat.add(user_message("hello"), None))
    before, seen = asyncio.all_tasks(), list[Event]()
    running = asyncio.create_task(events_of(turn, lambda _, event: seen.append(event)))
    async with asyncio.timeout(PATIENCE):
        result = await when(seen)
        turn.cancel()
        assert ended(await running).outcome is Outcome.CANCELLED
        while {task for task in asyncio.all_tasks() - before if "tests/gateway" not in repr(task.get_coro())}:
            await asyncio.sleep(0)
    return result


async def until_delta(seen: list[Event], kind: type) -> None:
    """Wait until a delta of this kind has arrived."""
    while not any(isinstance(event, Streamed) and isinstance(event.delta, kind) for event in seen):
        await asyncio.sleep(0)


@ALL
@pytest.mark.parametrize("name", [*SILENT, *SPEAKING])
async def test_cancel_during_hanging_reply_closes_connection(
    gateway: Gateway, protocol: ApiProtocol, name: str
) -> None:
    speaks = name in SPEAKING
    gateway.reply(SPEAKING[name] if speaks else SILENT[name])
    async with session(gateway, protocol) as chat:

        async def hanging(seen: list[Event]) -> None:
            await gateway.request()
            if speaks:
                await until_delta(seen, object)

        await cancelled(chat, hanging)
        await gateway.asked[0].wait_closed()
        gateway.reply(OK)
        assert ended(await ask(chat, "and now?")).outcome is Outcome.COMPLETE


@ALL
async def test_cancel_during_retry_wait_sends_no_second_request(gateway: Gateway, protocol: ApiProtocol) -> None:
    gateway.reply(fault.status(429, retry_after="29"))
    async with session(gateway, protocol, policy=RetryPolicy()) as chat:
        await cancelled(chat, lambda seen: until_delta(seen, Retrying))
    assert len(gateway.asked) == 1


@ALL
async def test_cancel_during_tls_handshake_closes_connection(gateway: Gateway, protocol: ApiProtocol) -> None:
    """The server accepts the connection and never answers the client hello."""
    loop = asyncio.get_running_loop()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.setblocking(False)

        async def client_hello(_: object) -> socket.socket:
            peer, _ = await loop.sock_accept(listener)
            peer.setblocking(False)
            assert await loop.sock_recv(peer, 10_000)
            return peer

        async with session(gateway, protocol, url=f"https://127.0.0.1:{listener.getsockname()[1]}") as chat:
            with await cancelled(chat, client_hello) as peer:
                async with asyncio.timeout(PATIENCE):
                    assert await loop.sock_recv(peer, 10_000) == b""


@pytest.mark.skipif(not _TCP.exists(), reason="only Linux lists connecting sockets in /proc/net/tcp")
@ALL
async def test_cancel_during_connect_abandons_attempt(gateway: Gateway, protocol: ApiProtocol) -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        port = full.getsockname()[1]
        with socket.create_connection(("127.0.0.1", port)):
            async with session(gateway, protocol, url=f"http://127.0.0.1:{port}") as chat:

                async def connecting(_: object) -> None:
                    while not _is_connecting(port):
                        await asyncio.sleep(0)

                await cancelled(chat, connecting)
                assert not _is_connecting(port)


def _is_connecting(port: int) -> bool:
    """Return True if a socket is connecting to this local port (state SYN_SENT in /proc/net/tcp)."""
    rows = [line.split() for line in _TCP.read_text().splitlines()[1:]]
    return any(row[2].endswith(f":{port:04X}") and row[3] == "02" for row in rows)
