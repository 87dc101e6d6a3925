"""One turn: request -> reply -> tool calls -> request ..., as one stream of events."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, suppress
from dataclasses import field, replace
from decimal import Decimal
from uuid import uuid4

from termchat.core.approval import ApprovalRequest, Decision, ToolLimits
from termchat.core.chats import Compared
from termchat.core.conversation import ContextMarks
from termchat.core.errors import Failure, ProviderError, internal_error, outcome_of
from termchat.core.events import (
    CONTENT_DELTAS,
    Delta,
    Event,
    MessageDone,
    Notice,
    RequestCost,
    StepCounted,
    StepStarted,
    Streamed,
    Timing,
    TurnEnded,
    TurnStarted,
)
from termchat.core.messages import Message, Origin, Role, Text
from termchat.core.models import ModelRef, Timeouts
from termchat.core.outcomes import FinishReason, Outcome
from termchat.core.provider import Params, PendingTools, Prices, Provider, Providers, Request, Tools, ToolSpec
from termchat.core.sanitize import Safe, repair_surrogates
from termchat.core.session import ActiveRole
from termchat.core.usage import CostBasis, Usage, add_costs
from termchat.core.wire.assemble import MessageBuilder
from termchat.core.wire.history import model_switch_notice
from termchat.engine.budget import TurnGate
from termchat.engine.continuation import OverlapFilter, resumable_text
from termchat.engine.estimate import usage_or_estimate
from termchat.engine.outcome import TurnEnd, end_notices, received_parts, round_limit_end, turn_end
from termchat.engine.pump import Pump
from termchat.engine.tool_calls import CallCounter, ToolRunner
from termchat.late_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class TurnConfig:
    """The configuration of a turn.

    own_timeouts    timeouts of single providers in seconds, by provider and field of `Timeouts`
    max_rounds      limit of requests in one turn
    tool_limits     limits of the tool calls
    max_cost        limit of a chat in US dollars as the setting holds it, "" for none; max_cost_day of all of a day
    unpriced        allow models without a known price under a limit
    marks, fit      messages that are left out or kept, and how a long chat is fitted
    notices         what the user has to know about the messages of this turn
    compared        the last comparison of the chat
    refusal         the failure of a turn whose messages cannot be sent
    client_tools    tools whose calls end the turn, because the client runs them
    prices          price table, None when nothing reads the cost; budget_prices is for limits, also then
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
    tool_limits: ToolLimits = field(default_factory=ToolLimits)
    wait_for_host: bool = False
    max_cost: str = ""
    max_cost_day: str = ""
    unpriced: bool = False
    marks: ContextMarks = field(default_factory=ContextMarks)
    fit: bool = False
    notices: tuple[Safe, ...] = ()
    refusal: Failure | None = None
    budget_prices: Prices | None = None
    role: ActiveRole | None = None
    compared: Compared | None = None
    client_tools: tuple[ToolSpec, ...] = ()


@dataclass(slots=True)
class _TurnTotals:
    """The totals of a turn over its steps; times in monotonic seconds."""

    usage: Usage | None = None
    cost: Decimal | None = Decimal(0)
    about: bool = False
    model: ModelRef | None = None  # of the last request
    saved: Decimal = Decimal(0)
    steps: int = 0
    received: bool = False
    first: float | None = None
    streaming: float = 0.0
    began: float = field(default_factory=time.monotonic)
    reply_began: float | None = None  # first content of the current reply

    def begin_reply(self) -> None:
        """Note the first content of a reply."""
        self.reply_began = time.monotonic()
        self.received = True
        if self.first is None:
            self.first = self.reply_began - self.began

    def end_reply(self) -> None:
        """Add the time since the first content of the reply."""
        if self.reply_began is not None:
            self.streaming += time.monotonic() - self.reply_began
        self.reply_began = None


class Turn:
    """The answer to one message. Read `events` once; `cancel` may be called at any time.

    gate   admits every request of the turn, or stops it at a limit on spending
    """

    def __init__(
        self,
        config: TurnConfig,
        history: tuple[Message, ...],
        parent: str,
        chat: str,
        gate: TurnGate,
    ) -> None:
        self.id = uuid4().hex
        self._chat = chat
        self._gate = gate
        self._config = config
        self._messages = list(history)
        self._at = parent
        self._totals = _TurnTotals()
        self._steering: Message | None = None
        self._cancelled = False
        self._current: asyncio.Task[Provider] | PendingTools | Pump | ToolRunner | None = None
        self._end: TurnEnd | None = None
        self._counter = CallCounter()
        self._builder: MessageBuilder | None = None  # of the reply that is being received

    def cancel(self) -> None:
        """Stop now. Received content is kept, and the turn ends with TurnEnded."""
        self._cancelled = True
        if self._current is not None:
            self._current.cancel()

    def retry_now(self) -> None:
        """Skip the wait before the next attempt."""
        if isinstance(self._current, Pump):
            self._current.skip_wait()

    def answer(self, request: ApprovalRequest, decision: Decision) -> None:
        """Answer an `ApprovalAsked`. A question that was answered, withdrawn or cancelled ignores it."""
        if isinstance(self._current, ToolRunner):
            self._current.answer(request, decision)

    def cancel_call(self, place: int) -> None:
        """Cancel one running tool call, by its place in the reply; the turn goes on with its result."""
        if isinstance(self._current, ToolRunner):
            self._current.cancel_call(place)

    def steer(self, message: Message | None) -> None:
        """Add a user message after the next tool results. A later call replaces the message, None withdraws it."""
        self._steering = message

    def so_far(self) -> tuple[Message, ...]:
        """Return the messages up to now, with the text received so far; without a question that has no reply yet."""
        parts = self._builder.parts() if self._builder else ()
        texts = tuple(part for part in parts if isinstance(part, Text))
        messages = tuple(self._messages)
        if any(part.text.strip() for part in texts):
            return (*messages, Message(Role.ASSISTANT, texts, outcome=Outcome.CANCELLED))
        while messages and messages[-1].role is Role.USER:
            messages = messages[:-1]
        return messages

    async def events(self) -> AsyncGenerator[Event, None]:
        """Stream the events, ending with exactly one TurnEnded."""
        try:
            async with aclosing(self._events()) as events:
                async for event in events:
                    yield event
        finally:
            self._gate.close()

    async def _events(self) -> AsyncGenerator[Event, None]:
        yield TurnStarted(self.id, self._config.model)
        for words in self._config.notices:
            yield Notice(self.id, words)
        if refusal := self._config.refusal:
            yield self._ended(TurnEnd(outcome_of(refusal), refusal))
            return
        try:
            provider = await self._open_provider()
            if provider and (words := model_switch_notice(self._messages, provider.origin)):
                yield Notice(self.id, words)
            while provider and not self._end:
                if self._totals.steps >= self._config.max_rounds:
                    self._end = TurnEnd(Outcome.LIMIT, round_limit_end(self._config.max_rounds))
                    break
                if steering := self._take_steering():
                    yield steering
                for words in await self._prepare_tools():
                    yield Notice(self.id, words)
                self._totals.steps += 1
                yield StepStarted(self.id, self._totals.steps)
                async with aclosing(self._step(provider)) as events:
                    async for event in events:
                        yield event
        except ProviderError as error:
            self._end = TurnEnd(outcome_of(error.failure), error.failure)
        except Exception as error:
            self._end = TurnEnd(Outcome.FAILED, internal_error(error))
            if message := self._received():
                yield self._done(message)
        yield self._ended(self._end or TurnEnd(Outcome.CANCELLED))

    async def _step(self, provider: Provider) -> AsyncGenerator[Event, None]:
        """Send one request, stream its reply and run the tool calls of the reply."""
        builder, request = MessageBuilder(), self._request()
        self._builder = builder
        overlap = OverlapFilter(resumable_text(self._messages) or "")
        pump = Pump(provider, request, self._timeouts(provider), gate=self._gate)
        self._begin(pump)
        async with aclosing(pump.deltas()) as deltas:
            async for delta in deltas:
                for new in overlap.filter_delta(delta):
                    yield self._streamed(builder, new)
        for rest in overlap.held_deltas():
            yield self._streamed(builder, rest)
        self._totals.end_reply()
        end = turn_end(pump, builder, has_tools=self._offers_tools())
        message = self._reply(provider, request, builder, end)
        yield await self._count(provider.origin, builder, message, end)
        if message:
            yield self._done(message)
        for words in end_notices(pump, end):
            yield Notice(self.id, words)
        if end.outcome is Outcome.COMPLETE and end.finish is FinishReason.PAUSED:
            return  # the next request continues the reply
        calls = [call for call in message.calls if call.complete] if message else []
        if end.outcome is not Outcome.COMPLETE or not calls or not self._config.tools:
            self._end = end
            return
        runner = ToolRunner(self.id, calls, self._config.tools, self._config.tool_limits, self._counter)
        self._begin(runner)
        async with aclosing(runner.events()) as tool_events:
            async for event in tool_events:
                yield event
        yield self._done(runner.results_message())
        if self._cancelled:
            self._end = TurnEnd(Outcome.CANCELLED)

    def _begin(self, current: asyncio.Task[Provider] | PendingTools | Pump | ToolRunner) -> None:
        """Make `current` the activity that `cancel` stops; a cancelled turn stops it before it starts."""
        self._current = current
        if self._cancelled:
            current.cancel()

    def _streamed(self, builder: MessageBuilder, delta: Delta) -> Streamed:
        if self._totals.reply_began is None and isinstance(delta, CONTENT_DELTAS):
            self._totals.begin_reply()
            if self._config.prices:
                self._config.prices.preload()
        builder.add(delta)
        return Streamed(self.id, delta)

    async def _open_provider(self) -> Provider | None:
        """Return the provider, or None when the turn was cancelled while its SDK was loading."""
        task = asyncio.ensure_future(self._config.providers.open(self._config.model))
        self._begin(task)
        try:
            return await task
        except asyncio.CancelledError:
            if not self._cancelled:
                raise
            return None
        finally:
            task.cancel()

    async def _prepare_tools(self) -> tuple[Safe, ...]:
        """Wait for tools that are still loading; return notices about them."""
        pending = self._config.tools.prepare() if self._config.tools else None
        if pending is None:
            return ()
        self._begin(pending)
        try:
            return await pending
        except asyncio.CancelledError:
            if not self._cancelled:
                raise
            return ()
        finally:
            pending.cancel()

    def _take_steering(self) -> MessageDone | None:
        """Return the steering message as sent. It may follow tool results only: elsewhere it would split a reply."""
        if self._steering is None or self._messages[-1].role is not Role.TOOL:
            return None
        message, self._steering = self._steering, None
        return self._done(message)

    def _offers_tools(self) -> bool:
        return self._config.tools is not None or bool(self._config.client_tools)

    def _request(self) -> Request:
        config = self._config
        specs = config.tools.specs if config.tools else config.client_tools
        system = repair_surrogates(config.system)
        return Request(tuple(self._messages), system, specs, config.params, self._chat, config.wait_for_host)

    def _timeouts(self, provider: Provider) -> Timeouts:
        own = self._config.own_timeouts.get(provider.origin.provider, {})
        return self._config.timeouts.overridden_by(own)

    def _reply(self, provider: Provider, request: Request, builder: MessageBuilder, end: TurnEnd) -> Message | None:
        parts = received_parts(builder, end)
        if not parts:
            return None
        usage = usage_or_estimate(builder, request, parts)
        reply_id = builder.finished.reply_id if builder.finished else ""
        return Message(Role.ASSISTANT, parts, builder.origin or provider.origin, end.outcome, usage, reply_id)

    def _received(self) -> Message | None:
        """Return the reply that an internal error stopped, as far as it came."""
        builder = self._builder
        with suppress(Exception):  # the error may be in it
            if builder and (parts := builder.parts()):
                return Message(Role.ASSISTANT, parts, builder.origin, Outcome.FAILED, builder.usage)
        return None

    def _done(self, message: Message) -> MessageDone:
        self._messages.append(message)
        self._builder = None
        node, parent = uuid4().hex, self._at
        self._at = node
        return MessageDone(self.id, node, parent, message)

    async def _count(
        self, origin: Origin, builder: MessageBuilder, message: Message | None, end: TurnEnd
    ) -> StepCounted:
        """Count the requests of a step: what a server counted is billed, also without a reply."""
        requests = [await self._priced(*earlier) for earlier in builder.earlier]
        usage = message.usage if message else builder.usage
        last = builder.origin or origin
        if usage is None and builder.origin is None and (builder.refused or end.outcome is Outcome.FAILED):
            requests.append(RequestCost(last, None, Decimal(0), CostBasis.LIST))  # rejected: nothing is billed
        else:
            requests.append(await self._priced(last, usage))
        self._totals.model = last.ref
        self._gate.count(requests)
        self._gate.note(last, usage or Usage())
        return StepCounted(self.id, tuple(requests))

    async def _priced(self, origin: Origin, usage: Usage | None) -> RequestCost:
        """Return a request with its cost, and add both to the totals of the turn."""
        if usage is None:
            return RequestCost(origin, None, None)
        totals, prices = self._totals, self._config.prices
        totals.usage = totals.usage + usage if totals.usage else usage
        cost, basis = usage.cost, CostBasis.BILLED
        if cost is None and prices:
            cost = await prices.cost(origin.ref, usage)
            basis = CostBasis.SIMILAR if prices.is_approximate(origin.ref) else CostBasis.LIST
        totals.cost = add_costs(totals.cost, cost)
        totals.about |= basis is CostBasis.SIMILAR and cost is not None
        totals.saved += await self._saved(origin.ref, usage)
        return RequestCost(origin, usage, cost, CostBasis.UNKNOWN if cost is None else basis)

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
            totals.model or self._config.model,
            totals.usage or Usage(),
            totals.cost if totals.usage else None,
            Timing(totals.first, time.monotonic() - totals.began, totals.streaming),
            totals.steps,
            totals.received,
            end.finish,
            end.failure,
            totals.saved,
            totals.about,
        )
