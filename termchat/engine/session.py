"""The conversation in use: adds messages, starts turns, keeps the tree and records both."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from uuid import uuid4

from termchat.core.chat_store import ChatStore, Recorder, Resumed
from termchat.core.chats import ONE_SHOT, ChatState, Compared, Location
from termchat.core.conversation import Conversation, Node, is_summary_request, kept_messages
from termchat.core.errors import Failure
from termchat.core.events import Event, MessageDone, StepCounted, TurnEnded
from termchat.core.messages import Message, Role
from termchat.core.models import ModelRef
from termchat.core.provider import Effort, Tools
from termchat.core.session import ModelUsage, Offer, Rates, SwitchCost, TurnSettings
from termchat.core.session import Turn as AnyTurn
from termchat.core.usage import BudgetState
from termchat.engine.budget import TurnGate
from termchat.engine.chat_settings import restored, saved_state, settings_of, with_model, with_settings
from termchat.engine.context import prepare_context
from termchat.engine.session_budget import SessionBudget, chat_config
from termchat.engine.session_turns import AsideTurn, ConcurrentTurns, RecordedTurn
from termchat.engine.switch_cost import rates, switch_cost
from termchat.engine.turn import Turn, TurnConfig


class ChatSession:
    """Implements `core.session.Session`. The events of every turn pass through `apply_event` to the front end.

    `open_store` is called when something is first saved, because opening needs imports that must not delay the first
    paint; None saves nothing. With `one_shot`, new chats are marked so in the list of chats, and `max_cost` limits this
    run. `open_shared` opens the store of all chats for the limit of a day when nothing is saved.
    """

    def __init__(
        self,
        config: TurnConfig,
        open_store: Callable[[], ChatStore] | None = None,
        place: Location | None = None,
        *,
        one_shot: bool = False,
        open_shared: Callable[[], ChatStore] | None = None,
    ) -> None:
        self._one_shot = one_shot
        stores = (lambda: self.chat_store or self._saved_store), open_shared
        self._spending = SessionBudget(config, lambda: self._config, *stores, one_shot=one_shot)
        self._config = self._defaults = chat_config(config, one_shot=one_shot)
        self._open_store = open_store
        self._store: ChatStore | None = None
        self._set_aside: tuple[Callable[[], ChatStore], ChatStore | None] | None = None  # while incognito
        self._place = place or Location()
        self._recorder: Recorder | None = None
        self._conversation_id = uuid4().hex  # also of conversations that are not saved
        self._closing: set[asyncio.Task[None]] = set()
        self._totals: dict[ModelRef, ModelUsage] = {}
        self._title, self._owns_store = "", True
        self._offers: dict[int, Offer] = {}
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

    def reserve_chat(self) -> str:
        """Return the id that the chat is saved under from its first message on, "" when nothing is saved."""
        return recorder.chat_id if (recorder := self._recording()) else ""

    @property
    def chat_store(self) -> ChatStore | None:
        """The chat store, opened on first access; None when nothing is saved."""
        if self._store is None and self._open_store:
            self._store = self._open_store()
        return self._store

    def switch_model(self, model: ModelRef, think: Effort | None = None) -> None:
        self._configure(with_model(self._config, model, think))

    def _configure(self, config: TurnConfig) -> None:
        self._config = config
        if self._recorder:
            self._recorder.set_state(self._state)

    @property
    def _saved_store(self) -> ChatStore | None:
        """The store that is open, also while incognito."""
        return self._store or (self._set_aside[1] if self._set_aside else None)

    async def switch_cost(self, model: ModelRef) -> SwitchCost | None:
        return await switch_cost(self.conversation.history(), self.system, model, self._config.prices, self.tools)

    async def rates(self, model: ModelRef) -> Rates | None:
        return await rates(model, self._config.prices)

    @property
    def settings(self) -> TurnSettings:
        return settings_of(self._config)

    def update_settings(self, change: Callable[[TurnSettings], TurnSettings], *, lasting: bool) -> None:
        """Change the settings of the next turns; with `lasting` also those of new chats."""
        if lasting:
            self._defaults = with_settings(self._defaults, change(settings_of(self._defaults)))
        self._configure(with_settings(self._config, change(self.settings)))

    def move_head(self, head: str | None) -> None:
        self.conversation = self.conversation.move(head)
        if self._recorder:
            self._recorder.move(head)

    def label(self, node: str, text: str) -> None:
        self.conversation = self.conversation.label(node, text)
        if self._recorder:
            self._recorder.label(node, text)

    def new(self) -> None:
        """Begin an empty conversation with the default model and system prompt."""
        self._detach()
        self._conversation_id = uuid4().hex
        self._config = self._defaults
        self._title, self.conversation = "", Conversation()
        self._spending.new_chat()
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
            if self.budget.limits:
                await self.read_budget()
        return resumed

    async def fork(self, title: str = "") -> Resumed | Failure:
        """Continue in a new chat that shares all messages up to the head."""
        assert self.chat_store, "fork needs a chat store"
        return await self._attach(await self.chat_store.fork(self.chat_id, self.conversation.head, self._place, title))

    def draft(self, text: str) -> None:
        """Save the text of the input, so that it survives a crash; "" once it was sent or cleared."""
        if recorder := self._recording():
            recorder.draft(text)

    def remember(self, text: str, *, draft: bool = False) -> None:
        """Add a sent prompt, or with `draft` a cleared one, to the prompt history."""
        if self.chat_store:
            self.chat_store.remember(text, self._place, self.chat_id, draft=draft)

    def add(self, message: Message, parent: str | None) -> str:
        node = Node(uuid4().hex, parent, message)
        self.conversation = self.conversation.add(node)
        if recorder := self._recording():
            recorder.add(node)
        return node.id

    def send(
        self,
        parent: str,
        model: ModelRef | None = None,
        *,
        think: Effort | None = None,
        wait_for_host: bool = False,
        tools: bool = True,
    ) -> RecordedTurn:
        asks_summary = is_summary_request(self.conversation.nodes[parent].message)
        offered = self._config.tools if tools and not asks_summary else None
        config = replace(with_model(self._config, model, think), wait_for_host=wait_for_host, tools=offered)
        context = prepare_context(self.conversation.path(parent), config)
        config = replace(config, notices=context.notices, refusal=context.refusal)
        turn = self._turn(context.messages, parent, config)
        return RecordedTurn(turn, self, self._recording(), parent, self._conversation_id)

    def _turn(self, history: tuple[Message, ...], parent: str, config: TurnConfig) -> Turn:
        return Turn(config, history, parent, self._conversation_id, self._gate(config))

    @property
    def offers(self) -> tuple[Offer, ...]:
        return tuple(self._offers.values())

    def offer(self, offer: Offer) -> None:
        """Offer a reply, or replace the offer of the same number."""
        self._offers[offer.number] = offer

    def compare(
        self, question: str, models: Sequence[ModelRef], efforts: Sequence[Effort | None] = ()
    ) -> ConcurrentTurns:
        """Answer the node `question` with several models at once, without tools; the head does not stay on it."""
        if self.conversation.head == question:
            self.move_head(self.conversation.nodes[question].parent)
        self._configure(replace(self._config, compared=Compared(question, tuple(map(str, models)))))
        first, thinks = len(self._offers) + 1, efforts or [None] * len(models)
        offers = [Offer(first + n, model, think=thinks[n]) for n, model in enumerate(models)]
        self._offers.update({offer.number: offer for offer in offers})
        turns = [self.send(question, offer.model, think=offer.think, tools=False) for offer in offers]
        return ConcurrentTurns(self, turns, offers)

    def ask_aside(self, question: Message, model: ModelRef | None = None, during: AnyTurn | None = None) -> AsideTurn:
        """Answer a question with the context of the chat, but outside of it and without tools."""
        path = self.conversation.path()
        history = during.so_far() if during else kept_messages(path, self._config.marks.dropped)
        beside, chat = self.conversation.head, self._conversation_id
        turn = self._turn((*history, question), "", replace(with_model(self._config, model, None), tools=None))

        def offer(reply: Message) -> None:
            if chat == self._conversation_id:
                self.offer(Offer(len(self._offers) + 1, model or self.model, beside=beside, messages=(question, reply)))

        return AsideTurn(turn, self._recording(), self.count, offer)

    async def fork_aside(self, model: ModelRef, title: str = "") -> ChatSession | Failure:
        """Copy the chat up to the head into a session of its own, which answers with `model`."""
        other = ChatSession(self._config, self._open_store, self._place, open_shared=self._spending.open_shared)
        other._store, other._owns_store, other._totals = self.chat_store, False, self._totals
        if self.chat_store and self.chat_id:
            head = self.conversation.head
            forked = await other._attach(await self.chat_store.fork(self.chat_id, head, self._place, title))
            if isinstance(forked, Failure):
                return forked
        else:
            other.conversation = self.conversation
        self._spending.share(other._spending, self._recorder.chat_id if self._recorder else self._conversation_id)
        other._config = self._config
        other.switch_model(model)
        return other

    def adopt(self, number: int) -> bool:
        """Make an offered reply a part of the chat; return True if the head is now there."""
        offer = self._offers[number]
        if offer.messages:
            return self._add_aside(offer)
        if not offer.node:
            raise KeyError(number)
        self.move_head(offer.node)
        return True

    def _add_aside(self, offer: Offer) -> bool:
        """Add a side question and its reply below the turn that it was asked beside."""
        before, at = self.conversation.head, offer.beside
        if at is not None:
            last = self.conversation.turn(at)[-1]
            at = last.parent if last.message.role is Role.USER else last.id
        goes_on = before == at
        for message in offer.messages:
            at = self.add(message, at)
        self.offer(replace(offer, node=at or "", messages=()))
        if not goes_on:
            self.move_head(before)
        return goes_on

    def _gate(self, config: TurnConfig) -> TurnGate:
        """Return the gate of a turn; the limits of its chat may change while it runs."""
        recorder, chat = self._recording(), self._conversation_id
        return self._spending.gate(
            recorder.chat_id if recorder else chat,
            lambda: self._config if self._conversation_id == chat else config,
            recorded=recorder is not None,
        )

    @property
    def budget(self) -> BudgetState:
        return self._spending.state

    async def read_budget(self) -> BudgetState:
        return await self._spending.read(self._recorder.chat_id if self._recorder else self._conversation_id)

    async def release(self) -> None:
        """Release the chat and write what is pending; the store stays open."""
        self._detach()
        await asyncio.gather(*self._closing)
        await self._spending.close()

    async def close(self) -> Failure | None:
        """Release the chat and write what is pending. The failure names what could not be saved."""
        await self.release()
        store = self._saved_store
        return await store.close() if store and self._owns_store else None

    def has_conversation(self, conversation_id: str) -> bool:
        return conversation_id == self._conversation_id

    def apply_event(self, event: Event, question: str, conversation_id: str) -> None:
        """Apply one event of a turn to the tree and the totals; `question` is the node the turn answers.

        A turn of another conversation than the one in use counts in the totals only.
        """
        self.count(event)
        if conversation_id != self._conversation_id:
            return
        if isinstance(event, MessageDone):
            head, grown = self.conversation.head, self.conversation.add(Node(event.node, event.parent, event.message))
            self.conversation = grown if head == event.parent else grown.move(head)  # the user has moved on
        elif isinstance(event, TurnEnded):
            self.failure = event.failure or self.failure
            node = self.conversation.nodes[question]
            if not event.has_content and self.conversation.head == question and node.message.role is Role.USER:
                self.move_head(node.parent)

    @property
    def _state(self) -> ChatState:
        return saved_state(self._config, self._defaults)

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
        self._config = restored(resumed.state, self._defaults)
        self._spending.new_chat()
        self._title = resumed.info.title
        self._recorder, self.conversation = resumed.recorder, resumed.conversation
        return resumed

    def _detach(self) -> None:
        """Release the chat in the background; `close` waits until it is written."""
        self._offers = {}
        recorder, self._recorder = self._recorder, None
        if recorder:
            task = asyncio.get_running_loop().create_task(recorder.close())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    def count(self, event: Event) -> None:
        """Count the requests of a step and the end of a turn in the totals."""
        if isinstance(event, StepCounted):
            for one in event.requests:
                self._totals[one.origin.ref] = self._totals.get(one.origin.ref, ModelUsage()).with_request(one)
        if isinstance(event, TurnEnded):
            so_far = self._totals.get(event.model, ModelUsage())
            self._totals[event.model] = replace(so_far, turns=so_far.turns + 1)
