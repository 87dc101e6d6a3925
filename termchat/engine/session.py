"""The conversation in use: adds messages, starts turns, keeps the tree and records both."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing
from dataclasses import replace
from uuid import uuid4

from termchat.core.approval import ApprovalRequest, Decision
from termchat.core.chat_store import ChatStore, Recorder, Resumed
from termchat.core.chats import ONE_SHOT, ChatState, Location
from termchat.core.conversation import Conversation, Node
from termchat.core.errors import Failure
from termchat.core.events import Event, MessageDone, StepCounted, TurnEnded
from termchat.core.messages import Message, Role
from termchat.core.models import ModelRef
from termchat.core.provider import Effort, Tools
from termchat.core.session import ModelUsage, SwitchCost, TurnSettings
from termchat.engine.switch_cost import switch_cost
from termchat.engine.turn import Turn, TurnConfig
from termchat.late_dataclass import dataclass


class ChatSession:
    """Implements `core.session.Session`. The events of every turn pass through `apply_event` to the front end.

    `open_store` is called when something is first saved, because opening needs imports that must not delay the first
    paint; None saves nothing. With `one_shot`, new chats are marked so in the list of chats.
    """

    def __init__(
        self,
        config: TurnConfig,
        open_store: Callable[[], ChatStore] | None = None,
        place: Location | None = None,
        *,
        one_shot: bool = False,
    ) -> None:
        self._one_shot = one_shot
        self._config = config
        self._defaults = config
        self._open_store = open_store
        self._store: ChatStore | None = None
        self._set_aside: tuple[Callable[[], ChatStore], ChatStore | None] | None = None  # while incognito
        self._place = place or Location()
        self._recorder: Recorder | None = None
        self._conversation_id = uuid4().hex  # also of conversations that are not saved
        self._closing: set[asyncio.Task[None]] = set()
        self._totals: dict[ModelRef, ModelUsage] = {}
        self._title = ""
        self.conversation = Conversation()
        self.failure: Failure | None = None

    @property
    def model(self) -> ModelRef:
        return self._config.model

    @property
    def system(self) -> str:
        return self._config.system

    @property
    def totals(self) -> Mapping[ModelRef, ModelUsage]:
        return self._totals

    @property
    def tools(self) -> Tools | None:
        return self._config.tools

    @property
    def title(self) -> str:
        return self._title

    @property
    def is_saved(self) -> bool:
        return self._open_store is not None

    @property
    def can_save(self) -> bool:
        return self._set_aside is not None

    def rename(self, title: str) -> None:
        self._title = title

    def note_failure(self, failure: Failure) -> None:
        self.failure = failure

    @property
    def location(self) -> Location:
        return self._place

    @property
    def chat_id(self) -> str:
        """The id of the saved chat, "" before its first message and when nothing is saved."""
        return self._recorder.chat_id if self._recorder and self.conversation.nodes else ""

    @property
    def chat_store(self) -> ChatStore | None:
        """The chat store, opened on first access; None when nothing is saved."""
        if self._store is None and self._open_store:
            self._store = self._open_store()
        return self._store

    def switch_model(self, model: ModelRef) -> None:
        self._config = replace(self._config, model=model)
        if self._recorder:
            self._recorder.set_state(self._state)

    async def switch_cost(self, model: ModelRef) -> SwitchCost | None:
        return await switch_cost(self.conversation.history(), self.system, model, self._config.prices)

    @property
    def settings(self) -> TurnSettings:
        return _settings_of(self._config)

    def update_settings(self, change: Callable[[TurnSettings], TurnSettings], *, lasting: bool) -> None:
        """Change the settings of the next turns; with `lasting` also those of new chats."""
        self._config = _with_settings(self._config, change(self.settings))
        if lasting:
            self._defaults = _with_settings(self._defaults, change(_settings_of(self._defaults)))
        if self._recorder:
            self._recorder.set_state(self._state)

    def move_head(self, head: str | None) -> None:
        self.conversation = self.conversation.move(head)
        if self._recorder:
            self._recorder.move(head)

    def new(self) -> None:
        """Begin an empty conversation with the default model and system prompt."""
        self._detach()
        self._conversation_id = uuid4().hex
        self._config = self._defaults
        self._title = ""
        self.conversation = Conversation()
        self._begin_chat()

    def _begin_chat(self) -> None:
        if self._config.tools:
            self._config.tools.begin_chat()

    def incognito(self) -> None:
        """Begin an empty conversation with the same model, and save nothing from now on, also after `new`."""
        model = self.model
        self.new()
        self.switch_model(model)
        if self._open_store:
            self._set_aside = (self._open_store, self._store)
        self._open_store = self._store = None

    def save_again(self) -> None:
        """Begin an empty conversation with the same model, and save chats again."""
        assert self._set_aside, "save_again needs a session that saved chats before"
        model = self.model
        self.new()
        self.switch_model(model)
        (self._open_store, self._store), self._set_aside = self._set_aside, None

    async def resume(self, chat: str) -> Resumed | Failure:
        """Resume a saved chat: its tree, model, system prompt and reasoning effort."""
        assert self.chat_store, "resume needs a chat store"
        resumed = await self._attach(await self.chat_store.resume(chat, self._place))
        if not isinstance(resumed, Failure):
            self._begin_chat()
        return resumed

    async def fork(self, title: str = "") -> Resumed | Failure:
        """Continue in a new chat that shares all messages up to the head."""
        assert self.chat_store, "fork needs a chat store"
        return await self._attach(await self.chat_store.fork(self.chat_id, self.conversation.head, self._place, title))

    def draft(self, text: str) -> None:
        """Save the text of the input, so that it survives a crash; "" once it was sent or cleared."""
        recorder = self._recording()
        if recorder:
            recorder.draft(text)

    def remember(self, text: str, *, draft: bool = False) -> None:
        """Add a sent prompt, or with `draft` a cleared one, to the prompt history."""
        if self.chat_store:
            self.chat_store.remember(text, self._place, self.chat_id, draft=draft)

    def add(self, message: Message, parent: str | None) -> str:
        node = Node(uuid4().hex, parent, message)
        self.conversation = self.conversation.add(node)
        recorder = self._recording()
        if recorder:
            recorder.add(node)
        return node.id

    def send(self, parent: str, model: ModelRef | None = None, *, wait_for_host: bool = False) -> RecordedTurn:
        config = replace(self._config, model=model or self._config.model, wait_for_host=wait_for_host)
        turn = Turn(config, self.conversation.history(parent), parent, self._conversation_id)
        return RecordedTurn(turn, self, self._recording(), parent, self._conversation_id)

    async def close(self) -> Failure | None:
        """Release the chat and write what is pending. The failure names what could not be saved."""
        self._detach()
        await asyncio.gather(*self._closing)
        store = self._store or (self._set_aside[1] if self._set_aside else None)
        return await store.close() if store else None

    def apply_event(self, event: Event, question: str, conversation_id: str) -> None:
        """Apply one event of a turn to the tree and the totals; `question` is the node the turn answers.

        A turn of another conversation than the one in use counts in the totals only.
        """
        if isinstance(event, StepCounted):
            self._count(event)
        if isinstance(event, TurnEnded):
            so_far = self._totals.get(event.model, ModelUsage())
            self._totals[event.model] = replace(so_far, turns=so_far.turns + 1)
        if conversation_id != self._conversation_id:
            return
        match event:
            case MessageDone():
                head = self.conversation.head
                self.conversation = self.conversation.add(Node(event.node, event.parent, event.message))
                if head != event.parent:  # the user has moved on
                    self.conversation = self.conversation.move(head)
            case TurnEnded():
                self.failure = event.failure or self.failure
                node = self.conversation.nodes[question]
                if not event.has_content and self.conversation.head == question and node.message.role is Role.USER:
                    self.move_head(node.parent)
            case _:
                pass

    @property
    def _state(self) -> ChatState:
        think = self._config.params.think
        return ChatState(self._config.model, self._config.system, {"think": think.value} if think else {})

    def _recording(self) -> Recorder | None:
        if self._recorder is None and self.chat_store:
            state = self._state
            if self._one_shot:
                state = replace(state, settings={**state.settings, ONE_SHOT: True})
            self._recorder = self.chat_store.new_recorder(state, self._place)
        return self._recorder

    async def _attach(self, resumed: Resumed | Failure) -> Resumed | Failure:
        if isinstance(resumed, Failure):
            return resumed
        self._detach()
        self._conversation_id = uuid4().hex
        state = resumed.state
        params = replace(self._defaults.params, think=_think(state, self._defaults.params.think))
        self._config = replace(
            self._defaults, model=state.model or self._defaults.model, system=state.system, params=params
        )
        self._title = resumed.info.title
        self._recorder, self.conversation = resumed.recorder, resumed.conversation
        return resumed

    def _detach(self) -> None:
        """Release the chat in the background; `close` waits until it is written."""
        recorder, self._recorder = self._recorder, None
        if recorder:
            task = asyncio.get_running_loop().create_task(recorder.close())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    def _count(self, event: StepCounted) -> None:
        for request in event.requests:
            model = request.origin.ref
            self._totals[model] = self._totals.get(model, ModelUsage()).with_request(request)


def _settings_of(config: TurnConfig) -> TurnSettings:
    return TurnSettings(config.model, config.system, config.params, config.timeouts, config.max_rounds)


def _with_settings(config: TurnConfig, settings: TurnSettings) -> TurnConfig:
    return replace(
        config,
        model=settings.model,
        system=settings.system,
        params=settings.params,
        timeouts=settings.timeouts,
        max_rounds=settings.max_rounds,
    )


def _think(state: ChatState, otherwise: Effort | None) -> Effort | None:
    """Return the effort saved with a chat, or `otherwise` when none, or an unknown one, is saved."""
    saved = state.settings.get("think")
    return next((effort for effort in Effort if effort.value == saved), otherwise)


@dataclass(frozen=True, slots=True)
class RecordedTurn:
    """A turn whose events update its session, while that has the conversation of the turn, and are recorded."""

    turn: Turn
    session: ChatSession
    recorder: Recorder | None
    question: str
    conversation_id: str

    @property
    def id(self) -> str:
        return self.turn.id

    def cancel(self) -> None:
        self.turn.cancel()

    def retry_now(self) -> None:
        self.turn.retry_now()

    def answer(self, request: ApprovalRequest, decision: Decision) -> None:
        self.turn.answer(request, decision)

    def steer(self, message: Message | None) -> None:
        self.turn.steer(message)

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
                    yield event
                    if recording and isinstance(event, MessageDone) and event.message.role is Role.USER:
                        await recording.flush_user_message()
        finally:
            if recording:
                recording.close()
