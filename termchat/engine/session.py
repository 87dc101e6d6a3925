"""A conversation in use: it takes messages, has them answered, keeps the tree, and has all of it kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from uuid import uuid4

from termchat.core.chat_store import ChatStore, Recorder, Resumed
from termchat.core.chats import ChatState, Location
from termchat.core.conversation import Conversation, Node
from termchat.core.errors import Failure
from termchat.core.events import Event, MessageDone, TurnEnded
from termchat.core.messages import Message, Role
from termchat.core.models import ModelRef
from termchat.core.provider import Effort
from termchat.core.session import ModelUsage, TurnSettings
from termchat.core.usage import Usage, add_costs
from termchat.engine.turn import Turn, TurnConfig


class ChatSession:
    """The engine's side of `core.ports.Session`: every turn's events pass here on their way to the front end.

    `open_library` is called when something is first to be kept, because opening takes imports that the first paint
    does not wait for; without it nothing is kept.
    """

    def __init__(
        self, plan: TurnConfig, open_library: Callable[[], ChatStore] | None = None, place: Location | None = None
    ) -> None:
        self._plan = plan
        self._defaults = plan
        self._open_library = open_library
        self._library: ChatStore | None = None
        self._place = place or Location()
        self._recorder: Recorder | None = None
        self._conversation_id = uuid4().hex  # the conversation, whether or not it is kept
        self._closing: set[asyncio.Task[None]] = set()
        self._totals: dict[ModelRef, ModelUsage] = {}
        self.conversation = Conversation()
        self.failure: Failure | None = None

    @property
    def model(self) -> ModelRef:
        return self._plan.model

    @property
    def system(self) -> str:
        return self._plan.system

    @property
    def totals(self) -> Mapping[ModelRef, ModelUsage]:
        return self._totals

    @property
    def location(self) -> Location:
        return self._place

    @property
    def chat_id(self) -> str:
        """The id of the chat as it is kept; "" while nothing of it is, or when nothing is kept at all."""
        return self._recorder.chat_id if self._recorder and self.conversation.nodes else ""

    @property
    def library(self) -> ChatStore | None:
        """All chats that are kept, opened now if they were not; None when nothing is kept."""
        if self._library is None and self._open_library:
            self._library = self._open_library()
        return self._library

    def switch_model(self, model: ModelRef) -> None:
        self._plan = replace(self._plan, model=model)
        if self._recorder:
            self._recorder.set_state(self._state)

    @property
    def settings(self) -> TurnSettings:
        return _terms(self._plan)

    def update_settings(self, change: Callable[[TurnSettings], TurnSettings], *, lasting: bool) -> None:
        """The turns to come are made with other terms; `lasting`: those of new chats too."""
        self._plan = _on_terms(self._plan, change(self.settings))
        if lasting:
            self._defaults = _on_terms(self._defaults, change(_terms(self._defaults)))
        if self._recorder:
            self._recorder.set_state(self._state)

    def move_head(self, head: str | None) -> None:
        self.conversation = self.conversation.move(head)
        if self._recorder:
            self._recorder.move(head)

    def new(self) -> None:
        """Begin an empty conversation, with the model and the system prompt that new chats have."""
        self._detach()
        self._conversation_id = uuid4().hex
        self._plan = self._defaults
        self.conversation = Conversation()

    def incognito(self) -> None:
        """Begin an empty conversation of which nothing will be left; `new` chats are kept no more either."""
        self.new()
        self._open_library = self._library = None

    async def resume(self, chat: str) -> Resumed | Failure:
        """Go on with a chat that was kept: its tree, its model, its system prompt, its effort."""
        assert self.library, "whoever can name a chat has a library"
        return await self._attach(await self.library.resume(chat, self._place))

    async def fork(self, title: str = "") -> Resumed | Failure:
        """Go on in a chat of its own that shares everything up to the head."""
        assert self.library, "whoever forks a chat has a library"
        return await self._attach(await self.library.fork(self.chat_id, self.conversation.head, self._place, title))

    def draft(self, text: str) -> None:
        """What stands in the input, so that it outlives a crash; "" once it was sent or cleared."""
        recorder = self._recording()
        if recorder:
            recorder.draft(text)

    def remember(self, text: str, *, draft: bool = False) -> None:
        """Add to the history of prompts what was sent, or a draft that was cleared."""
        if self.library:
            self.library.remember(text, self._place, self.chat_id, draft=draft)

    def add(self, message: Message, parent: str | None) -> str:
        node = Node(uuid4().hex, parent, message)
        self.conversation = self.conversation.add(node)
        recorder = self._recording()
        if recorder:
            recorder.add(node)
        return node.id

    def send(self, parent: str, model: ModelRef | None = None, *, wait_for_host: bool = False) -> RecordedTurn:
        plan = replace(self._plan, model=model or self._plan.model, wait_for_host=wait_for_host)
        turn = Turn(plan, self.conversation.history(parent), parent, self._conversation_id)
        return RecordedTurn(turn, self, self._recording(), parent)

    async def close(self) -> Failure | None:
        """Put the chat down and write what waits; the failure says what could not be kept."""
        self._detach()
        await asyncio.gather(*self._closing)
        return await self._library.close() if self._library else None

    def apply_event(self, event: Event, question: str) -> None:
        """Fold one event of a turn into the tree and the totals; `question` is the node the turn answers."""
        match event:
            case MessageDone():
                self.conversation = self.conversation.add(Node(event.node, event.parent, event.message))
            case TurnEnded():
                self.failure = event.failure or self.failure
                asked = self.conversation.nodes[question]
                if not event.has_content and self.conversation.head == question and asked.message.role is Role.USER:
                    self.move_head(asked.parent)
                self._count(event)
            case _:
                pass

    @property
    def _state(self) -> ChatState:
        think = self._plan.params.think
        return ChatState(self._plan.model, self._plan.system, {"think": think.value} if think else {})

    def _recording(self) -> Recorder | None:
        if self._recorder is None and self.library:
            self._recorder = self.library.new_recorder(self._state, self._place)
        return self._recorder

    async def _attach(self, resumed: Resumed | Failure) -> Resumed | Failure:
        if isinstance(resumed, Failure):
            return resumed
        self._detach()
        self._conversation_id = uuid4().hex
        state = resumed.state
        params = replace(self._defaults.params, think=_think(state, self._defaults.params.think))
        self._plan = replace(
            self._defaults, model=state.model or self._defaults.model, system=state.system, params=params
        )
        self._recorder, self.conversation = resumed.recorder, resumed.conversation
        return resumed

    def _detach(self) -> None:
        """Leave the chat; that it is written to its end is waited for when the session closes."""
        recorder, self._recorder = self._recorder, None
        if recorder:
            task = asyncio.get_running_loop().create_task(recorder.close())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    def _count(self, event: TurnEnded) -> None:
        so_far = self._totals.get(event.model, ModelUsage())
        spent = event.usage != Usage()
        cost = add_costs(so_far.cost, event.cost) if spent else so_far.cost
        self._totals[event.model] = ModelUsage(so_far.turns + 1, so_far.usage + event.usage, cost)


def _terms(plan: TurnConfig) -> TurnSettings:
    return TurnSettings(plan.model, plan.system, plan.params, plan.timeouts, plan.max_rounds)


def _on_terms(plan: TurnConfig, terms: TurnSettings) -> TurnConfig:
    return replace(
        plan,
        model=terms.model,
        system=terms.system,
        params=terms.params,
        timeouts=terms.timeouts,
        max_rounds=terms.max_rounds,
    )


def _think(state: ChatState, otherwise: Effort | None) -> Effort | None:
    """The effort that was kept with a chat; of one that kept none, or none that is known, the usual one."""
    kept = state.settings.get("think")
    return next((effort for effort in Effort if effort.value == kept), otherwise)


@dataclass(frozen=True, slots=True)
class RecordedTurn:
    """A turn whose events are folded into its session and kept as they pass."""

    turn: Turn
    session: ChatSession
    recorder: Recorder | None
    question: str

    @property
    def id(self) -> str:
        return self.turn.id

    def cancel(self) -> None:
        self.turn.cancel()

    def retry_now(self) -> None:
        self.turn.retry_now()

    def steer(self, message: Message | None) -> None:
        self.turn.steer(message)

    async def events(self) -> AsyncGenerator[Event, None]:
        """The turn's events; the question is on the disk before the first of them, and so before the request.

        What the user says in the middle is shown first and is on the disk before the request that takes it along.
        """
        recording = await self.recorder.begin(self.id, self.question) if self.recorder else None
        try:
            async with aclosing(self.turn.events()) as events:
                async for event in events:
                    if recording:
                        recording.record(event)
                    self.session.apply_event(event, self.question)
                    yield event
                    if recording and isinstance(event, MessageDone) and event.message.role is Role.USER:
                        await recording.flush_user_message()
        finally:
            if recording:
                recording.close()
