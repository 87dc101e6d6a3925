"""One turn: request -> reply -> tool calls -> request ..., as one stream of events."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from decimal import Decimal
from uuid import uuid4

from termchat.core.assemble import MessageBuilder
from termchat.core.errors import ProviderError, outcome_of
from termchat.core.events import (
    CONTENT_DELTAS,
    Delta,
    Event,
    Finished,
    MessageDone,
    Notice,
    StepStarted,
    Streamed,
    TextDelta,
    Timing,
    ToolCallDelta,
    TurnEnded,
    TurnStarted,
)
from termchat.core.history import model_switch_notice
from termchat.core.messages import Message, Role, ToolCall
from termchat.core.models import ModelRef, Timeouts
from termchat.core.outcomes import FinishReason, Outcome
from termchat.core.provider import Params, Prices, Provider, Providers, Request, Tools
from termchat.core.sanitize import repair_surrogates, safe_format
from termchat.core.text import truncate
from termchat.core.usage import Usage, add_costs
from termchat.engine.continuation import OverlapFilter, resumable_text
from termchat.engine.estimate import usage_or_estimate
from termchat.engine.outcome import TurnEnd, round_limit_end, turn_end
from termchat.engine.pump import INTERNAL_ERROR, Pump
from termchat.engine.tool_calls import ToolRunner

_log = logging.getLogger("termchat")


@dataclass(frozen=True, slots=True)
class TurnConfig:
    """The configuration of a turn.

    own_timeouts    timeouts of single providers in seconds, by provider and field of `Timeouts`
    max_rounds      limit of requests in one turn
    prices          price table, None when nothing reads the cost
    wait_for_host   retry without limit while the host is unreachable
    """

    model: ModelRef
    providers: Providers
    tools: Tools | None = None
    prices: Prices | None = None
    system: str = ""
    params: Params = field(default_factory=Params)
    timeouts: Timeouts = field(default_factory=Timeouts)
    own_timeouts: Mapping[str, Mapping[str, float]] = field(default_factory=dict[str, Mapping[str, float]])
    max_rounds: int = 25
    wait_for_host: bool = False


@dataclass(slots=True)
class _TurnTotals:
    """The totals of a turn over its steps."""

    usage: Usage | None = None
    cost: Decimal | None = Decimal(0)
    saved: Decimal = Decimal(0)
    steps: int = 0
    received: bool = False
    first: float | None = None
    streaming: float = 0.0
    began: float = field(default_factory=time.monotonic)


class Turn:
    """The answer to one message. Read `events` once; `cancel` may be called at any time."""

    def __init__(self, config: TurnConfig, history: tuple[Message, ...], parent: str, chat: str = "") -> None:
        self.id = uuid4().hex
        self._chat = chat
        self._config = config
        self._messages = list(history)
        self._at = parent
        self._totals = _TurnTotals()
        self._cancelled = False
        self._steering: Message | None = None
        self._stop: Callable[[], object] = lambda: None
        self._hurry: Callable[[], None] = lambda: None

    def cancel(self) -> None:
        """Stop now. Received content is kept, and the turn ends with TurnEnded."""
        self._cancelled = True
        self._stop()

    def retry_now(self) -> None:
        """Skip the wait before the next attempt."""
        self._hurry()

    def steer(self, message: Message | None) -> None:
        """Add a user message after the next tool results. A later call replaces the message, None withdraws it."""
        self._steering = message

    async def events(self) -> AsyncGenerator[Event, None]:
        """Stream the events, ending with exactly one TurnEnded."""
        yield TurnStarted(self.id, self._config.model)
        self._end: TurnEnd | None = None
        async with aclosing(self._steps()) as events:
            try:
                async for event in events:
                    yield event
            except ProviderError as error:
                self._end = TurnEnd(outcome_of(error.failure), error.failure)
            except Exception:
                _log.exception("internal error in a turn")
                self._end = TurnEnd(Outcome.FAILED, INTERNAL_ERROR)
        yield self._ended(self._end or TurnEnd(Outcome.CANCELLED))

    async def _steps(self) -> AsyncGenerator[Event, None]:
        provider = await self._open_provider(self._config.providers.open(self._config.model))
        if provider and (words := model_switch_notice(self._messages, provider.origin)):
            yield Notice(self.id, words)
        while provider and not self._end:
            if self._totals.steps >= self._config.max_rounds:
                self._end = TurnEnd(Outcome.LIMIT, round_limit_end(self._config.max_rounds))
                return
            if steering := self._take_steering():
                yield steering
            self._totals.steps += 1
            yield StepStarted(self.id, self._totals.steps)
            async with aclosing(self._step(provider)) as events:
                async for event in events:
                    yield event

    async def _step(self, provider: Provider) -> AsyncGenerator[Event, None]:
        """Send one request, stream its reply and run the tool calls of the reply."""
        builder = MessageBuilder()
        config = self._config
        request = Request(
            tuple(self._messages),
            repair_surrogates(config.system),
            self._specs(),
            config.params,
            self._chat,
            config.wait_for_host,
        )
        own = self._config.own_timeouts.get(provider.origin.provider, {})
        pump = Pump(provider, request, self._config.timeouts.overridden_by(own))
        self._stop, self._hurry = pump.cancel, pump.hurry
        async with aclosing(self._stream(pump, builder)) as events:
            async for event in events:
                yield event
        end = turn_end(pump, builder)
        message = self._reply(provider, request, builder, end)
        usage = message.usage if message else builder.usage  # an empty reply is billed too
        await self._count(provider.origin.ref, usage)
        if message:
            yield self._done(message)
        if end.finish is FinishReason.OTHER and pump.finished:
            yield Notice(
                self.id,
                safe_format("The model stopped for an unknown reason: {why}.", why=truncate(pump.finished.raw, 60)),
            )
        if pump.finished and pump.finished.why and end.outcome in (Outcome.REFUSED, Outcome.FILTERED):
            yield Notice(
                self.id, safe_format("Reason given by the provider: {why}", why=truncate(pump.finished.why, 300))
            )
        if end.outcome is not Outcome.COMPLETE:
            self._end = end
            return
        if end.finish is FinishReason.PAUSED:
            return
        calls = [call for call in message.calls if call.complete] if message else []
        if not calls or not self._config.tools:
            self._end = end
            return
        async with aclosing(self._run(calls, self._config.tools)) as events:
            async for event in events:
                yield event

    async def _stream(self, pump: Pump, builder: MessageBuilder) -> AsyncGenerator[Event, None]:
        totals, began = self._totals, None
        if self._cancelled:
            pump.cancelled = True
            return
        async with aclosing(self._without_overlap(pump.deltas())) as deltas:
            async for delta in deltas:
                builder.add(delta)
                if began is None and isinstance(delta, CONTENT_DELTAS):
                    began = time.monotonic()
                    totals.received = True
                    totals.first = totals.first if totals.first is not None else began - totals.began
                    if self._config.prices:
                        self._config.prices.preload()
                yield Streamed(self.id, delta)
        totals.streaming += time.monotonic() - began if began is not None else 0.0

    async def _without_overlap(self, deltas: AsyncGenerator[Delta, None]) -> AsyncGenerator[Delta, None]:
        """Remove from the deltas of a continuation the overlap with the stopped reply."""
        before = resumable_text(self._messages)
        overlap, index = OverlapFilter(before) if before else None, 0
        async with aclosing(deltas):
            async for delta in deltas:
                if overlap and isinstance(delta, TextDelta):
                    index, text = delta.index, overlap.feed(delta.text)
                    if not text and not delta.provider_data:
                        continue
                    delta = TextDelta(index, text, delta.provider_data)
                elif overlap and isinstance(delta, Finished | ToolCallDelta) and (rest := overlap.close()):
                    yield TextDelta(index, rest)
                yield delta
        if overlap and (rest := overlap.close()):
            yield TextDelta(index, rest)

    async def _run(self, calls: list[ToolCall], tools: Tools) -> AsyncGenerator[Event, None]:
        running = ToolRunner(self.id, calls, tools)
        self._stop = running.cancel
        if not self._cancelled:
            async with aclosing(running.events()) as events:
                async for event in events:
                    yield event
        yield self._done(running.results_message())
        if self._cancelled:
            self._end = TurnEnd(Outcome.CANCELLED)

    async def _open_provider(self, opening: Awaitable[Provider]) -> Provider | None:
        """Return the provider, or None when the turn was cancelled while its SDK was loading."""
        task = asyncio.ensure_future(opening)
        self._stop = task.cancel
        if self._cancelled:
            task.cancel()
        try:
            return await task
        except asyncio.CancelledError:
            if not self._cancelled:
                raise
            return None
        finally:
            task.cancel()

    def _take_steering(self) -> MessageDone | None:
        """Return the steering message as sent. It may follow tool results only: elsewhere it would split a reply."""
        if self._steering is None or self._messages[-1].role is not Role.TOOL:
            return None
        message, self._steering = self._steering, None
        return self._done(message)

    def _specs(self):
        return self._config.tools.specs if self._config.tools else ()

    def _reply(self, provider: Provider, request: Request, builder: MessageBuilder, end: TurnEnd) -> Message | None:
        parts = builder.parts()
        if not parts:
            return None
        usage = usage_or_estimate(builder, request, parts)
        return Message(Role.ASSISTANT, parts, provider.origin, end.outcome, usage)

    def _done(self, message: Message) -> MessageDone:
        self._messages.append(message)
        node, parent = uuid4().hex, self._at
        self._at = node
        return MessageDone(self.id, node, parent, message)

    async def _count(self, model: ModelRef, usage: Usage | None) -> None:
        if usage is None:
            return
        totals = self._totals
        totals.usage = totals.usage + usage if totals.usage else usage
        cost = usage.cost
        if cost is None and self._config.prices:
            cost = await self._config.prices.cost(model, usage)
        totals.cost = add_costs(totals.cost, cost)
        totals.saved += await self._saved(model, usage)

    async def _saved(self, model: ModelRef, usage: Usage) -> Decimal:
        """Return the US dollars saved by the prompt cache at list prices; negative when writes cost more than reads."""
        prices = self._config.prices if usage.cached or usage.cache_write else None
        paid = await prices.cost(model, usage) if prices else None
        whole = await prices.cost(model, replace(usage, cached=0, cache_write=0)) if prices else None
        return Decimal(0) if paid is None or whole is None else whole - paid

    def _ended(self, end: TurnEnd) -> TurnEnded:
        totals = self._totals
        return TurnEnded(
            self.id,
            end.outcome,
            self._config.model,
            totals.usage or Usage(),
            totals.cost if totals.usage else None,
            Timing(totals.first, time.monotonic() - totals.began, totals.streaming),
            totals.steps,
            totals.received,
            end.finish,
            end.failure,
            totals.saved,
        )
