"""Concurrent turns: one connection pool, one rate limit per provider, independent replies."""

from __future__ import annotations

import asyncio

import pytest

from termchat.core.events import Event, Retrying, Streamed
from termchat.core.messages import user_message
from termchat.core.models import ApiProtocol, ModelRef
from termchat.core.outcomes import Outcome
from termchat.providers.http.retry import RetryPolicy
from tests.engine.support import ended, events_of, session, streamed_text
from tests.gateway import Gate, Gateway, Reply, Text, fault
from tests.gateway.requests import RecordedRequest
from tests.providers.support import PROTOCOLS

ALL = pytest.mark.parametrize("protocol", PROTOCOLS)


@ALL
async def test_ten_concurrent_turns_get_their_own_replies(gateway: Gateway, protocol: ApiProtocol) -> None:
    gateway.always(lambda request: Reply(Text(*f"this is {request.model}")))
    async with session(gateway, protocol) as chat:
        question = chat.add(user_message("hello"), None)
        turns = [chat.send(question, ModelRef(protocol.value, f"m{n}")) for n in range(10)]
        replies = await asyncio.gather(*map(events_of, turns))
    assert [streamed_text(events) for events in replies] == [f"this is m{n}" for n in range(10)]
    assert len({event.turn_id for events in replies for event in events}) == 10
    answers = [node for node in chat.conversation.nodes.values() if node.parent == question]
    assert len(answers) == 10


async def test_four_protocols_stream_concurrently_over_one_registry(gateway: Gateway) -> None:
    gates = {protocol: Gate() for protocol in PROTOCOLS}

    def answer(request: RecordedRequest) -> Reply:
        protocol = next(s for s in PROTOCOLS if s.value == request.model)
        return Reply(Text("a "), gates[protocol], Text(protocol.value))

    gateway.always(answer)
    async with session(gateway, PROTOCOLS[0]) as chat:
        question = chat.add(user_message("hello"), None)
        running = [asyncio.create_task(events_of(chat.send(question, ModelRef(s.value, s.value)))) for s in PROTOCOLS]
        for protocol in reversed(PROTOCOLS):
            await gates[protocol].reached.wait()
        for protocol in PROTOCOLS:
            gates[protocol].open()
        assert [streamed_text(await task) for task in running] == [f"a {protocol.value}" for protocol in PROTOCOLS]


@ALL
async def test_rate_limit_delays_other_turns_of_provider(gateway: Gateway, protocol: ApiProtocol) -> None:
    gateway.reply(fault.status(429, headers={"retry-after": "0.4"}))
    gateway.always(Reply.text("ok"))
    limited = asyncio.Event()

    def observe(_: int, event: Event) -> None:
        if isinstance(event, Streamed) and isinstance(event.delta, Retrying):
            limited.set()

    async with session(gateway, protocol, policy=RetryPolicy()) as chat:
        question = chat.add(user_message("hello"), None)
        first = asyncio.create_task(events_of(chat.send(question), observe))
        async with asyncio.timeout(30):
            await limited.wait()
        second = await events_of(chat.send(question))
        assert ended(await first).outcome is ended(second).outcome is Outcome.COMPLETE
    began, *later = [request.at for request in gateway.asked]
    assert len(later) == 2
    assert all(0.35 < at - began < 5 for at in later)
    waits = [e.delta for e in second if isinstance(e, Streamed) and isinstance(e.delta, Retrying)]
    assert [(wait.attempt, wait.tries) for wait in waits] == [(1, 3)]
