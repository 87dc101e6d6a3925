"""Waiting for an unreachable host, only when the user asked for it."""

from __future__ import annotations

from contextlib import aclosing

import pytest

from termchat.core.errors import FailureKind
from termchat.core.events import Event, Retrying, Streamed
from termchat.core.messages import user_message
from termchat.core.models import ApiProtocol
from termchat.core.outcomes import Outcome
from tests.engine.support import ask, ended, events_of, session, streamed_text
from tests.gateway import Gateway, Reply, Text, fault
from tests.providers.support import PROTOCOLS

ALL = pytest.mark.parametrize("protocol", PROTOCOLS)


def retries(events: list[Event]) -> list[Retrying]:
    return [event.delta for event in events if isinstance(event, Streamed) and isinstance(event.delta, Retrying)]


@ALL
async def test_wait_for_host_retries_until_it_answers(gateway: Gateway, protocol: ApiProtocol) -> None:
    """Skip the delays and check their announced lengths."""
    gateway.reply(Reply(Text("Back.")))
    await gateway.down()
    async with session(gateway, protocol) as chat:
        turn = chat.send(chat.add(user_message("hello"), None), wait_for_host=True)
        events: list[Event] = []
        async with aclosing(turn.events()) as stream:
            async for event in stream:
                events.append(event)
                if retries([event]) and len(retries(events)) == 5:
                    await gateway.up()
                turn.retry_now()
    assert ended(events).outcome is Outcome.COMPLETE
    assert streamed_text(events) == "Back."
    assert [(retry.attempt, retry.tries, retry.delay) for retry in retries(events)][:5] == [
        *((2, 0, 1), (3, 0, 2), (4, 0, 4), (5, 0, 8), (6, 0, 16)),
    ]


async def test_unreachable_host_without_wait_fails_after_three_tries(gateway: Gateway) -> None:
    await gateway.down()
    async with session(gateway, ApiProtocol.CHAT) as chat:
        events = await ask(chat, "hello")
    failure = ended(events).failure
    assert failure
    assert (failure.kind, failure.unreachable) == (FailureKind.NETWORK, True)
    assert [retry.tries for retry in retries(events)] == [3, 3]


async def test_wait_for_host_ends_for_host_that_was_reached(gateway: Gateway) -> None:
    """A request that was sent may be billed, so waiting would risk a second charge."""
    gateway.always(fault.close())
    async with session(gateway, ApiProtocol.CHAT) as chat:
        events = await events_of(chat.send(chat.add(user_message("hello"), None), wait_for_host=True))
    failure = ended(events).failure
    assert failure
    assert not failure.unreachable
    assert all(retry.tries == 3 for retry in retries(events))


async def test_wait_for_host_can_be_cancelled(gateway: Gateway) -> None:
    await gateway.down()
    async with session(gateway, ApiProtocol.CHAT) as chat:
        turn = chat.send(chat.add(user_message("hello"), None), wait_for_host=True)
        events = await events_of(turn, lambda n, event: retries([event]) and turn.cancel())
        assert ended(events).outcome is Outcome.CANCELLED
        assert chat.conversation.head is None
