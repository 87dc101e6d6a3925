"""Fallback models: used before any text, with a notice, and only for failures of the provider."""

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
from tests.engine.bare_ports import BarePrices
from tests.engine.support import ask, ended, session, streamed_text
from tests.gateway import Call, Gateway, Reply, fault
from tests.gateway.answers import Answer
from tests.providers.support import PROTOCOLS, model

ALL = pytest.mark.parametrize("protocol", PROTOCOLS)


def chain(protocol: ApiProtocol) -> dict[ModelRef, list[str]]:
    """Fallback to the other three protocols, in their order; an unknown name is skipped."""
    return {model(protocol): ["no such model", *(str(model(other)) for other in PROTOCOLS if other is not protocol)]}


def first_fallback(protocol: ApiProtocol) -> ModelRef:
    return next(model(other) for other in PROTOCOLS if other is not protocol)


def provider_notices(events: list[Any]) -> list[str]:
    return [e.delta.words for e in events if isinstance(e, Streamed) and isinstance(e.delta, ProviderNotice)]


class FakePrices(BarePrices):
    """Prices that record the models asked for."""

    def __init__(self) -> None:
        self.asked: list[ModelRef] = []

    async def cost(self, model: ModelRef, usage: Usage, at: float | None = None) -> Decimal | None:
        self.asked.append(model)
        return Decimal(1)


@ALL
@pytest.mark.parametrize("trouble", [fault.status(529), fault.status(500), fault.status(429), fault.reset()], ids=str)
async def test_fallback_on_provider_failure_uses_next_model_with_notice(
    gateway: Gateway, protocol: ApiProtocol, trouble: Answer
) -> None:
    gateway.reply(*[trouble] * 3, Reply(gw.Text("here"), Call("look", {"city": "Bonn"})), Reply.text(" I am"))
    prices = FakePrices()
    async with session(gateway, protocol, fallback=chain(protocol), prices=prices) as chat:
        events = await ask(chat, "hello")
    assert (streamed_text(events), ended(events).outcome) == ("here I am", Outcome.COMPLETE)
    (words,) = provider_notices(events)
    assert words.endswith(f"Switching to {first_fallback(protocol)}.")
    origins = {e.message.origin.ref for e in events if isinstance(e, MessageDone) and e.message.origin}
    assert origins == {first_fallback(protocol)}
    assert prices.asked == [first_fallback(protocol)] * 2


@ALL
@pytest.mark.parametrize("trouble", [fault.status(400), fault.status(401), fault.status(404)], ids=str)
async def test_fallback_on_client_error_is_not_used(gateway: Gateway, protocol: ApiProtocol, trouble: Answer) -> None:
    gateway.reply(trouble)
    async with session(gateway, protocol, fallback=chain(protocol)) as chat:
        assert ended(await ask(chat, "hello")).outcome is Outcome.FAILED
    assert len(gateway.asked) == 1


@ALL
async def test_fallback_after_text_is_not_used(gateway: Gateway, protocol: ApiProtocol) -> None:
    gateway.reply(Reply.text("one two").after(1, fault.error_event(529)))
    async with session(gateway, protocol, fallback=chain(protocol)) as chat:
        events = await ask(chat, "hello")
    assert (streamed_text(events), ended(events).outcome, len(gateway.asked)) == ("one ", Outcome.CUT, 1)


async def test_fallback_exhausted_returns_last_failure(gateway: Gateway) -> None:
    gateway.always(fault.status(529))
    async with session(gateway, PROTOCOLS[0], fallback=chain(PROTOCOLS[0])) as chat:
        events = await ask(chat, "hello")
    failure = ended(events).failure
    assert failure is not None
    assert (failure.kind, len(provider_notices(events)), len(gateway.asked)) == (FailureKind.OVERLOADED, 3, 12)


class Slow:
    """A provider that waits before it fails or answers."""

    def __init__(self, name: str, seconds: float, failure: Failure | None = None) -> None:
        self.origin = Origin(name, ApiProtocol.CHAT, "m")
        self._seconds = seconds
        self._failure = failure

    async def stream(self, request: Request, monitor: StreamMonitor) -> AsyncGenerator[Delta, None]:
        await asyncio.sleep(self._seconds)
        if self._failure:
            raise ProviderError(self._failure)
        yield TextDelta(0, "here")
        yield Finished(FinishReason.STOP)


async def test_fallback_restarts_first_content_timeout() -> None:
    """The first fails after 1 s, the second answers after 1 s, and 1.9 s are allowed."""

    async def second(_: ModelRef) -> Slow:
        return Slow("second", 1)

    first = Slow("first", 1, Failure(FailureKind.OVERLOADED, safe_format("Overloaded.")))
    chain_ = FallbackProvider(first, [ModelRef("second", "m")], second)
    pump = Pump(chain_, Request((user_message("q"),)), Timeouts(first_content=1.9, idle=5, no_event=5))
    words = [delta.text async for delta in pump.deltas() if isinstance(delta, TextDelta)]
    assert (words, pump.failure) == (["here"], None)
