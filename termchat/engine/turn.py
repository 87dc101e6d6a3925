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
    """What a turn is made with.

    `own_timeouts` are those of single providers, by name. `max_rounds` bounds the requests of one turn; `prices` is
    None where nobody will look at the cost. `wait_for_host`: a host that cannot be reached is waited for.
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
    """What the steps of a turn add up to."""

    usage: Usage | None = None
    cost: Decimal | None = Decimal(0)
    saved: Decimal = Decimal(0)
    steps: int = 0
    received: bool = False
    first: float | None = None
    streaming: float = 0.0
    began: float = field(default_factory=time.monotonic)


class Turn:
    """A message being answered. Read `events` once; `cancel` may be called at any time."""

    def __init__(self, plan: TurnConfig, history: tuple[Message, ...], parent: str, chat: str = "") -> None:
        self.id = uuid4().hex
        self._chat = chat
        self._plan = plan
        self._messages = list(history)
        self._at = parent
        self._tally = _TurnTotals()
        self._cancelled = False
        self._steering: Message | None = None
        self._stop: Callable[[], object] = lambda: None
        self._hurry: Callable[[], None] = lambda: None

    def cancel(self) -> None:
        """Stop now: what came is kept, and the turn ends as an event."""
        self._cancelled = True
        self._stop()

    def retry_now(self) -> None:
        """Send again at once what waits to be sent again."""
        self._hurry()

    def steer(self, message: Message | None) -> None:
        """Say this too, behind the results of the tools that run; a later one takes its place, None takes it back."""
        self._steering = message

    async def events(self) -> AsyncGenerator[Event, None]:
        """Everything that happens, ending with exactly one TurnEnded."""
        yield TurnStarted(self.id, self._plan.model)
        self._end: TurnEnd | None = None
        async with aclosing(self._steps()) as events:
            try:
                async for event in events:
                    yield event
            except ProviderError as error:
                self._end = TurnEnd(outcome_of(error.failure), error.failure)
            except Exception:
                _log.exception("a turn ended with a bug")
                self._end = TurnEnd(Outcome.FAILED, INTERNAL_ERROR)
        yield self._ended(self._end or TurnEnd(Outcome.CANCELLED))

    async def _steps(self) -> AsyncGenerator[Event, None]:
        provider = await self._open_provider(self._plan.providers.open(self._plan.model))
        if provider and (words := model_switch_notice(self._messages, provider.origin)):
            yield Notice(self.id, words)
        while provider and not self._end:
            if self._tally.steps >= self._plan.max_rounds:
                self._end = TurnEnd(Outcome.LIMIT, round_limit_end(self._plan.max_rounds))
                return
            if joined := self._take_steering():
                yield joined
            self._tally.steps += 1
            yield StepStarted(self.id, self._tally.steps)
            async with aclosing(self._step(provider)) as events:
                async for event in events:
                    yield event

    async def _step(self, provider: Provider) -> AsyncGenerator[Event, None]:
        """One request with its reply, and the calls the reply asks for."""
        assembly = MessageBuilder()
        plan = self._plan
        request = Request(
            tuple(self._messages),
            repair_surrogates(plan.system),
            self._specs(),
            plan.params,
            self._chat,
            plan.wait_for_host,
        )
        own = self._plan.own_timeouts.get(provider.origin.provider, {})
        pump = Pump(provider, request, self._plan.timeouts.overridden_by(own))
        self._stop, self._hurry = pump.cancel, pump.hurry
        async with aclosing(self._stream(pump, assembly)) as events:
            async for event in events:
                yield event
        end = turn_end(pump, assembly)
        message = self._reply(provider, request, assembly, end)
        await self._count(provider.origin.ref, message.usage if message else assembly.usage)  # the empty is billed too
        if message:
            yield self._done(message)
        if end.finish is FinishReason.OTHER and pump.finished:
            yield Notice(
                self.id,
                safe_format("The model stopped for a reason of its own: {why}.", why=truncate(pump.finished.raw, 60)),
            )
        if pump.finished and pump.finished.why and end.outcome in (Outcome.REFUSED, Outcome.FILTERED):
            yield Notice(self.id, safe_format("The reason given: {why}", why=truncate(pump.finished.why, 300)))
        if end.outcome is not Outcome.COMPLETE:
            self._end = end
            return
        if end.finish is FinishReason.PAUSED:
            return
        calls = [call for call in message.calls if call.complete] if message else []
        if not calls or not self._plan.tools:
            self._end = end
            return
        async with aclosing(self._run(calls, self._plan.tools)) as events:
            async for event in events:
                yield event

    async def _stream(self, pump: Pump, assembly: MessageBuilder) -> AsyncGenerator[Event, None]:
        tally, began = self._tally, None
        if self._cancelled:
            pump.cancelled = True
            return
        async with aclosing(self._without_overlap(pump.deltas())) as deltas:
            async for delta in deltas:
                assembly.add(delta)
                if began is None and isinstance(delta, CONTENT_DELTAS):
                    began = time.monotonic()
                    tally.received = True
                    tally.first = tally.first if tally.first is not None else began - tally.began
                    if self._plan.prices:
                        self._plan.prices.preload()
                yield Streamed(self.id, delta)
        tally.streaming += time.monotonic() - began if began is not None else 0.0

    async def _without_overlap(self, deltas: AsyncGenerator[Delta, None]) -> AsyncGenerator[Delta, None]:
        """The deltas, the first words without what they repeat where a stopped reply is gone on with."""
        said = resumable_text(self._messages)
        seam, index = OverlapFilter(said) if said else None, 0
        async with aclosing(deltas):
            async for delta in deltas:
                if seam and isinstance(delta, TextDelta):
                    index, text = delta.index, seam.feed(delta.text)
                    if not text and not delta.provider_data:
                        continue
                    delta = TextDelta(index, text, delta.provider_data)
                elif seam and isinstance(delta, Finished | ToolCallDelta) and (rest := seam.close()):
                    yield TextDelta(index, rest)
                yield delta
        if seam and (rest := seam.close()):
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
        """The provider, or None when the turn was stopped while its SDK was still being loaded."""
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
        """What was to be said behind the results of the tools, now that it is; anywhere else it would break in."""
        if self._steering is None or self._messages[-1].role is not Role.TOOL:
            return None
        message, self._steering = self._steering, None
        return self._done(message)

    def _specs(self):
        return self._plan.tools.specs if self._plan.tools else ()

    def _reply(self, provider: Provider, request: Request, assembly: MessageBuilder, end: TurnEnd) -> Message | None:
        parts = assembly.parts()
        if not parts:
            return None
        usage = usage_or_estimate(assembly, request, parts)
        return Message(Role.ASSISTANT, parts, provider.origin, end.outcome, usage)

    def _done(self, message: Message) -> MessageDone:
        self._messages.append(message)
        node, parent = uuid4().hex, self._at
        self._at = node
        return MessageDone(self.id, node, parent, message)

    async def _count(self, model: ModelRef, usage: Usage | None) -> None:
        if usage is None:
            return
        tally = self._tally
        tally.usage = tally.usage + usage if tally.usage else usage
        cost = usage.cost
        if cost is None and self._plan.prices:
            cost = await self._plan.prices.cost(model, usage)
        tally.cost = add_costs(tally.cost, cost)
        tally.saved += await self._saved(model, usage)

    async def _saved(self, model: ModelRef, usage: Usage) -> Decimal:
        """What the prompt cache saved, by the list prices; what was written into it is paid extra."""
        prices = self._plan.prices if usage.cached or usage.cache_write else None
        paid = await prices.cost(model, usage) if prices else None
        whole = await prices.cost(model, replace(usage, cached=0, cache_write=0)) if prices else None
        return Decimal(0) if paid is None or whole is None else whole - paid

    def _ended(self, end: TurnEnd) -> TurnEnded:
        tally = self._tally
        return TurnEnded(
            self.id,
            end.outcome,
            self._plan.model,
            tally.usage or Usage(),
            tally.cost if tally.usage else None,
            Timing(tally.first, time.monotonic() - tally.began, tally.streaming),
            tally.steps,
            tally.received,
            end.finish,
            end.failure,
            tally.saved,
        )
