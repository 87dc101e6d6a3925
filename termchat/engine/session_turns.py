"""Turns of a session: recorded in its chat, beside it, and several at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing, suppress
from dataclasses import replace
from typing import Protocol

from termchat.core.approval import ApprovalRequest, Decision
from termchat.core.chat_store import Recorder
from termchat.core.errors import internal_error
from termchat.core.events import Event, MessageDone, Notice, Timing, TurnEnded
from termchat.core.messages import Message, Role
from termchat.core.outcomes import Outcome
from termchat.core.session import Offer
from termchat.core.session import Turn as AnyTurn
from termchat.core.usage import Usage
from termchat.engine.compaction import CompactsChat, compact
from termchat.engine.turn import Turn
from termchat.late_dataclass import dataclass

_Item = tuple[int, Event | None]  # the index of a model, and an event of its turn; None after the last one


class AppliesEvents(CompactsChat, Protocol):
    """The session of a turn."""

    def has_conversation(self, conversation_id: str) -> bool:
        """Return True if a conversation is the one in use."""
        ...

    def apply_event(self, event: Event, question: str, conversation_id: str) -> None:
        """Apply one event of a turn to the tree and the totals; `question` is the node the turn answers."""
        ...


class _ControlledTurn:
    """Passes calls on to the turn whose events it follows."""

    __slots__ = ()
    turn: Turn

    @property
    def id(self) -> str:
        return self.turn.id

    def cancel(self) -> None:
        self.turn.cancel()

    def retry_now(self) -> None:
        self.turn.retry_now()

    def answer(self, request: ApprovalRequest, decision: Decision) -> None:
        self.turn.answer(request, decision)

    def cancel_call(self, place: int) -> None:
        self.turn.cancel_call(place)

    def steer(self, message: Message | None) -> None:
        self.turn.steer(message)

    def so_far(self) -> tuple[Message, ...]:
        return self.turn.so_far()


@dataclass(frozen=True, slots=True)
class RecordedTurn(_ControlledTurn):
    """A turn whose events update its session, while that has the conversation of the turn, and are recorded."""

    turn: Turn
    session: AppliesEvents
    recorder: Recorder | None
    question: str
    conversation_id: str

    async def events(self) -> AsyncGenerator[Event, None]:
        """Stream the events of the turn. The question is synced to disk before the first request is sent.

        A message sent in the middle of the turn is yielded, then synced to disk before the next request.
        """
        recording = await self.recorder.begin(self.id, self.question) if self.recorder else None
        try:
            async with aclosing(self.turn.events()) as events:
                async for event in events:
                    if recording:
                        recording.record(event)
                    self.session.apply_event(event, self.question, self.conversation_id)
                    current = self.session.has_conversation(self.conversation_id)
                    ended = event if isinstance(event, TurnEnded) and current else None
                    if ended and (words := compact(self.session, self.question, ended)):
                        yield Notice(self.id, words)
                    yield event
                    if recording and isinstance(event, MessageDone) and event.message.role is Role.USER:
                        await recording.flush_user_message()
        finally:
            if recording:
                recording.close()


@dataclass(frozen=True, slots=True)
class AsideTurn(_ControlledTurn):
    """A turn that answers a side question.

    recorder   records the requests; None when nothing is saved
    count      counts each request and the end of the turn in the totals of the session
    offer      gets the reply, once, after its end
    """

    turn: Turn
    recorder: Recorder | None
    count: Callable[[Event], None]
    offer: Callable[[Message], None]

    async def events(self) -> AsyncGenerator[Event, None]:
        recording = self.recorder.begin_aside(self.id) if self.recorder else None
        reply: Message | None = None
        try:
            async with aclosing(self.turn.events()) as events:
                async for event in events:
                    if recording:
                        recording.record(event)
                    self.count(event)
                    if isinstance(event, MessageDone):
                        reply = event.message
                    if isinstance(event, TurnEnded) and reply:
                        self.offer(reply)
                    yield event
        finally:
            if recording:
                recording.close()


class OffersReplies(Protocol):
    """The session, as a comparison needs it."""

    def offer(self, offer: Offer) -> None:
        """Offer a reply, or replace the offer of the same number."""
        ...


class ConcurrentTurns:
    """Implements `core.session.Comparison`. A turn that fails, by a bug too, ends alone: the others go on."""

    def __init__(self, session: OffersReplies, turns: Sequence[AnyTurn], offers: Sequence[Offer]) -> None:
        self._session = session
        self._turns = tuple(turns)
        self.offers = list(offers)

    def cancel(self) -> None:
        for turn in self._turns:
            turn.cancel()

    async def events(self) -> AsyncGenerator[tuple[int, Event], None]:
        queue: asyncio.Queue[_Item] = asyncio.Queue(maxsize=len(self._turns) * 4)
        tasks = [asyncio.create_task(self._follow(n, turn, queue)) for n, turn in enumerate(self._turns)]
        running = len(tasks)
        try:
            while running:
                n, event = await queue.get()
                if event is None:
                    running -= 1
                else:
                    yield n, event
        finally:
            for task in tasks:
                task.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.gather(*tasks, return_exceptions=True)

    async def _follow(self, n: int, turn: AnyTurn, queue: asyncio.Queue[_Item]) -> None:
        ended = False
        try:
            async with aclosing(turn.events()) as events:
                async for event in events:
                    if isinstance(event, MessageDone):
                        self.offers[n] = replace(self.offers[n], node=event.node)
                        self._session.offer(self.offers[n])
                    ended = ended or isinstance(event, TurnEnded)
                    await queue.put((n, event))
        except Exception as error:
            if not ended:
                await queue.put((n, self._failed(n, turn, error)))
        await queue.put((n, None))

    def _failed(self, n: int, turn: AnyTurn, error: Exception) -> TurnEnded:
        """Return the end of a turn that stopped by a bug."""
        offer = self.offers[n]
        return TurnEnded(
            turn.id,
            Outcome.FAILED,
            offer.model,
            Usage(),
            None,
            Timing(None, 0),
            steps=0,
            has_content=bool(offer.node),
            failure=internal_error(error),
        )
