"""Several turns at once: one pool, one limit a provider, and none in the way of another."""

from __future__ import annotations

import asyncio

import pytest

from termchat.core.events import Event, Retrying, Streamed
from termchat.core.messages import user_message
from termchat.core.models import ApiProtocol, ModelRef
from termchat.core.outcomes import Outcome
from termchat.providers.http.retry import RetryPolicy
from tests.engine.support import ended, events_of, said, session
from tests.gateway import Gate, Gateway, Reply, Text, fault
from tests.gateway.requests import RecordedRequest
from tests.providers.support import SPEECHES

ALL = pytest.mark.parametrize("speech", SPEECHES)


@ALL
async def test_ten_turns_at_once_each_get_their_own_reply(gateway: Gateway, speech: ApiProtocol) -> None:
    gateway.always(lambda request: Reply(Text(*f"this is {request.model}")))
    async with session(gateway, speech) as talk:
        question = talk.add(user_message("hello"), None)
        turns = [talk.send(question, ModelRef(speech.value, f"m{n}")) for n in range(10)]
        replies = await asyncio.gather(*map(events_of, turns))
    assert [said(events) for events in replies] == [f"this is m{n}" for n in range(10)]
    assert len({event.turn_id for events in replies for event in events}) == 10
    answers = [node for node in talk.conversation.nodes.values() if node.parent == question]
    assert len(answers) == 10


async def test_all_four_protocols_at_once_over_one_registry(gateway: Gateway) -> None:
    gates = {speech: Gate() for speech in SPEECHES}

    def answer(request: RecordedRequest) -> Reply:
        speech = next(s for s in SPEECHES if s.value == request.model)
        return Reply(Text("a "), gates[speech], Text(speech.value))

    gateway.always(answer)
    async with session(gateway, SPEECHES[0]) as talk:
        question = talk.add(user_message("hello"), None)
        running = [asyncio.create_task(events_of(talk.send(question, ModelRef(s.value, s.value)))) for s in SPEECHES]
        for speech in reversed(SPEECHES):
            await gates[speech].reached.wait()
        for speech in SPEECHES:
            gates[speech].open()
        assert [said(await task) for task in running] == [f"a {speech.value}" for speech in SPEECHES]


@ALL
async def test_a_rate_limit_holds_for_the_other_turns_of_its_provider(gateway: Gateway, speech: ApiProtocol) -> None:
    gateway.reply(fault.status(429, headers={"retry-after": "0.4"}))
    gateway.always(Reply.text("ok"))
    limited = asyncio.Event()

    def look(_: int, event: Event) -> None:
        if isinstance(event, Streamed) and isinstance(event.delta, Retrying):
            limited.set()

    async with session(gateway, speech, policy=RetryPolicy()) as talk:
        question = talk.add(user_message("hello"), None)
        first = asyncio.create_task(events_of(talk.send(question), look))
        async with asyncio.timeout(5):
            await limited.wait()
        second = await events_of(talk.send(question))
        assert ended(await first).outcome is ended(second).outcome is Outcome.COMPLETE
    began, *later = [request.at for request in gateway.asked]
    assert len(later) == 2
    assert all(0.35 < at - began < 5 for at in later)
    waits = [e.delta for e in second if isinstance(e, Streamed) and isinstance(e.delta, Retrying)]
    assert [(wait.attempt, wait.tries) for wait in waits] == [(1, 3)]
