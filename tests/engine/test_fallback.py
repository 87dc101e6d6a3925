"""Chains of models: the next one takes over aloud, before any text, and only from the provider's own trouble."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from decimal import Decimal
from typing import Any

import pytest

from termchat.core.errors import Failure, FailureKind, ProviderError
from termchat.core.events import Delta, Finished, MessageDone, ProviderNotice, Streamed, TextDelta
from termchat.core.messages import Origin, user_message
from termchat.core.models import ApiProtocol, ModelRef, Timeouts
from termchat.core.outcomes import FinishReason, Outcome
from termchat.core.provider import Request, StreamMonitor
from termchat.core.sanitize import safe_format
from termchat.core.usage import Usage
from termchat.engine.pump import Pump
from termchat.providers.fallback import FallbackProvider
from tests import gateway as gw
from tests.engine.support import ask, ended, said, session
from tests.gateway import Call, Gateway, Reply, fault
from tests.gateway.answers import Answer
from tests.providers.support import SPEECHES, model

ALL = pytest.mark.parametrize("speech", SPEECHES)


def chain(speech: ApiProtocol) -> dict[ModelRef, list[str]]:
    """The other three protocols take over, in their order; names that mean nothing are passed over."""
    return {model(speech): ["no such model", *(str(model(other)) for other in SPEECHES if other is not speech)]}


def following(speech: ApiProtocol) -> ModelRef:
    return next(model(other) for other in SPEECHES if other is not speech)


def adapted(events: list[Any]) -> list[str]:
    return [e.delta.words for e in events if isinstance(e, Streamed) and isinstance(e.delta, ProviderNotice)]


class Priced:
    """A price that tells who was asked for it."""

    def __init__(self) -> None:
        self.asked: list[ModelRef] = []

    def preload(self) -> None:
        pass

    async def cost(self, model: ModelRef, usage: Usage) -> Decimal | None:
        self.asked.append(model)
        return Decimal(1)


@ALL
@pytest.mark.parametrize("trouble", [fault.status(529), fault.status(500), fault.status(429), fault.reset()], ids=str)
async def test_the_next_one_takes_over_and_says_so(gateway: Gateway, speech: ApiProtocol, trouble: Answer) -> None:
    gateway.reply(*[trouble] * 3, Reply(gw.Text("here"), Call("look", {"city": "Bonn"})), Reply.text(" I am"))
    prices = Priced()
    async with session(gateway, speech, fallback=chain(speech), prices=prices) as talk:
        events = await ask(talk, "hello")
    assert (said(events), ended(events).outcome) == ("here I am", Outcome.COMPLETE)
    (words,) = adapted(events)
    assert words.endswith(f"{following(speech)} takes over.")
    origins = {e.message.origin.ref for e in events if isinstance(e, MessageDone) and e.message.origin}
    assert origins == {following(speech)}
    assert prices.asked == [following(speech)] * 2


@ALL
@pytest.mark.parametrize("trouble", [fault.status(400), fault.status(401), fault.status(404)], ids=str)
async def test_what_is_wrong_with_us_is_told_and_not_carried_elsewhere(
    gateway: Gateway, speech: ApiProtocol, trouble: Answer
) -> None:
    gateway.reply(trouble)
    async with session(gateway, speech, fallback=chain(speech)) as talk:
        assert ended(await ask(talk, "hello")).outcome is Outcome.FAILED
    assert len(gateway.asked) == 1


@ALL
async def test_never_after_text(gateway: Gateway, speech: ApiProtocol) -> None:
    gateway.reply(Reply.text("one two").after(1, fault.error_event(529)))
    async with session(gateway, speech, fallback=chain(speech)) as talk:
        events = await ask(talk, "hello")
    assert (said(events), ended(events).outcome, len(gateway.asked)) == ("one ", Outcome.CUT, 1)


async def test_when_none_can_the_last_one_is_told(gateway: Gateway) -> None:
    gateway.always(fault.status(529))
    async with session(gateway, SPEECHES[0], fallback=chain(SPEECHES[0])) as talk:
        events = await ask(talk, "hello")
    failure = ended(events).failure
    assert failure is not None
    assert (failure.kind, len(adapted(events)), len(gateway.asked)) == (FailureKind.OVERLOADED, 3, 12)


class Slow:
    """A provider that lets wait before it fails or answers."""

    def __init__(self, name: str, seconds: float, failure: Failure | None = None) -> None:
        self.origin = Origin(name, ApiProtocol.CHAT, "m")
        self._seconds = seconds
        self._failure = failure

    async def stream(self, request: Request, wire: StreamMonitor) -> AsyncGenerator[Delta, None]:
        await asyncio.sleep(self._seconds)
        if self._failure:
            raise ProviderError(self._failure)
        yield TextDelta(0, "here")
        yield Finished(FinishReason.STOP)


async def test_who_takes_over_has_all_the_time_for_the_first_content() -> None:
    """One waits 0.3 s before it gives up, the other 0.3 s before it speaks, and 0.5 s are allowed."""

    async def second(_: ModelRef) -> Slow:
        return Slow("second", 0.3)

    first = Slow("first", 0.3, Failure(FailureKind.OVERLOADED, safe_format("Overloaded.")))
    chain_ = FallbackProvider(first, [ModelRef("second", "m")], second)
    pump = Pump(chain_, Request((user_message("q"),)), Timeouts(first_content=0.5, idle=5, no_event=5))
    words = [delta.text async for delta in pump.deltas() if isinstance(delta, TextDelta)]
    assert (words, pump.failure) == (["here"], None)
