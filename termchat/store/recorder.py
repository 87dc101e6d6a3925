"""Record an open chat: write the session's events to disk.

Only `begin`, `flush_user_message` and `close` wait. Messages and tool results are written as they arrive. A streaming
reply is written once a second to one row, whatever the length of the chat; the complete message replaces that row.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import field, replace
from typing import TypeAlias
from uuid import uuid4

from termchat.core.chats import ChatState
from termchat.core.conversation import Node
from termchat.core.events import (
    CONTENT_DELTAS,
    ApprovalAnswered,
    ApprovalAsked,
    Delta,
    Event,
    MessageDone,
    Notice,
    StepCounted,
    StepStarted,
    Streamed,
    ToolFinished,
    ToolProgress,
    ToolStarted,
    TurnEnded,
    TurnStarted,
)
from termchat.core.messages import Message, Role, ToolResult
from termchat.core.models import ModelRef
from termchat.core.wire.assemble import MessageBuilder
from termchat.late_dataclass import dataclass
from termchat.store import chats, ledger, messages, partial_replies, prompt_history
from termchat.store.chats import PendingChat
from termchat.store.ledger import Entry
from termchat.store.ledger_recording import LedgerRecording, RequestStep
from termchat.store.messages import EncodedMessage, Redact, encode_node
from termchat.store.partial_replies import Partial
from termchat.store.sqlite.db_thread import DatabaseThread, Write

_Work: TypeAlias = Callable[[sqlite3.Connection, int], object]
SAVE_INTERVAL = 1.0  # seconds between two saves of a streaming reply or a draft
_FOLLOWED_INTERVAL = 0.25  # seconds, of a reply that another process shows
_MANY = 1000  # deltas that wait for the next save, at most: each takes dozens of times the memory of its text
_LONGEST_WAIT = 5.0  # seconds that a request waits for the disk


@dataclass(frozen=True, slots=True)
class RecorderContext:
    """Shared parts of recorders: the store thread, the masking of keys, the interval between saved drafts.

    open      number of recorders of each chat: the last one to close releases the chat
    followed  returns True while another process shows replies as they are saved
    """

    database: DatabaseThread
    redact: Redact = str
    every: float = SAVE_INTERVAL
    open: Counter[str] = field(default_factory=Counter[str])
    followed: Callable[[], bool] = lambda: False

    def pause(self) -> float:
        """Return the seconds until a streaming reply is saved again."""
        return min(self.every, _FOLLOWED_INTERVAL) if self.followed() else self.every


class SqliteRecorder:
    """Implements `core.chat_store.Recorder`. `made` is True if the chat exists already, `draft` its saved draft."""

    def __init__(
        self, context: RecorderContext, seed: PendingChat, state: ChatState, *, made: bool = False, draft: str = ""
    ) -> None:
        self._context = context
        self._database = context.database
        self._seed = seed
        self._state = state
        self._made = made
        self._head = seed.branch_point  # of a chat that is not created yet
        self._text = ""
        self._saved_text = draft
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False
        context.open[seed.id] += 1

    @property
    def chat_id(self) -> str:
        return self._seed.id

    def add(self, node: Node) -> None:
        self._post(_AddMessage(node, time.time(), self._context.redact).write, make=True)

    def move(self, head: str | None) -> None:
        self._head = head
        if self._made:
            self._post(lambda db, n: chats.move(db, n, head))

    def label(self, node: str, text: str) -> None:
        words = self._context.redact(text)
        self._post(lambda db, _: messages.set_label(db, node, words))

    def set_state(self, state: ChatState) -> None:
        if state == self._state:
            return
        self._state = state
        if self._made:
            saved = self._redacted(state)
            self._post(lambda db, n: chats.set_state(db, n, saved))

    def rename(self, title: str) -> None:
        """Set the title that the user chose; this creates the chat."""
        words = self._context.redact(title)
        self._post(lambda db, n: chats.set_title(db, n, words), make=True)

    def draft(self, text: str) -> None:
        self._text = text
        if self._timer is None and text != self._saved_text:
            self._timer = asyncio.get_running_loop().call_later(self._context.every, self._save_draft)

    async def begin(self, turn_id: str, question: str) -> ReplyRecording:
        model = self._state.model or ModelRef("", "")
        partial = Partial(turn_id, self.chat_id, question, uuid4().hex, model, 1, time.time())
        posted = self._post(
            lambda db, _: partial_replies.save(db, partial, str), key=f"partial {turn_id}", durable=True, make=True
        )
        await self.written(posted)
        return ReplyRecording(self, self._context, partial)

    def begin_aside(self, turn_id: str) -> LedgerRecording:
        chat = self.chat_id
        model = self._state.model or ModelRef("", "")

        def add(entry: Entry) -> None:  # the chat may not exist yet
            write = Write(lambda db: ledger.add_entry(db, chats.row_number(db, chat), entry), durable=True)
            self._database.submit(write)

        return LedgerRecording(turn_id, model, add)

    async def close(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._save_draft()
        if self._closed:
            return
        self._closed = True
        chat, users = self.chat_id, self._context.open
        users[chat] -= 1
        is_last = users[chat] == 0

        def release(db: sqlite3.Connection) -> None:
            if is_last:
                chats.release(db, chat)

        await self._database.wait(self._database.submit(Write(release)))

    def add_reply(self, node: Node, entry: Entry | None, turn_id: str) -> Future[bool]:
        """Save a complete message over its partial reply, and add its request to the ledger."""
        own = node.message.role is Role.USER
        return self._post(_AddMessage(node, time.time(), self._context.redact, turn_id, entry).write, durable=own)

    async def written(self, posted: Future[bool]) -> None:
        """Wait for a write before a request is sent, up to a limit."""
        with suppress(TimeoutError):  # the user was warned already
            await asyncio.wait_for(self._database.wait(posted), _LONGEST_WAIT)

    def record_request(self, entry: Entry) -> None:
        self._post(lambda db, n: ledger.add_entry(db, n, entry))

    def _post(self, work: _Work, *, key: str = "", durable: bool = False, make: bool = False) -> Future[bool]:
        """Queue a write of this chat; with `make`, create the chat first if it does not exist."""
        seed, state, head, at = self._seed, self._redacted(self._state), self._head, time.time()
        making = make and not self._made
        self._made = self._made or make

        def write(db: sqlite3.Connection) -> None:
            n = chats.create(db, seed, state, head, at) if making else chats.row_number(db, seed.id)
            if n is not None:
                work(db, n)

        return self._database.submit(Write(write, key, durable))

    def _redacted(self, state: ChatState) -> ChatState:
        return replace(state, system=self._context.redact(state.system))

    def _save_draft(self) -> None:
        self._timer = None
        self._saved_text = self._text
        text = self._context.redact(self._text)
        chat, place, at = self.chat_id, self._seed.place, time.time()
        self._database.submit(Write(lambda db: prompt_history.save_draft(db, chat, text, place, at), f"draft {chat}"))


@dataclass(slots=True)
class _AddMessage:
    """A queued message; it is encoded once, on the store thread.

    `turn` and `entry` are those of a reply, which is added at the head and replaces its partial row.
    """

    node: Node
    at: float
    redact: Redact
    turn: str = ""
    entry: Entry | None = None
    encoded: EncodedMessage | None = None

    def write(self, db: sqlite3.Connection, n: int) -> None:
        self.encoded = self.encoded or encode_node(self.node, self.at, self.redact)
        chats.add_message(db, n, self.encoded, follow=bool(self.turn))
        if self.node.message.role is Role.USER:
            chats.set_default_title(db, n, self.redact(chats.title(self.node.message)))
        if self.turn:
            partial_replies.drop(db, self.turn)
        if self.entry:
            ledger.add_entry(db, n, self.entry)


class ReplyRecording:
    """Implements `core.chat_store.Recording`."""

    def __init__(self, chat: SqliteRecorder, context: RecorderContext, partial: Partial) -> None:
        self._chat = chat
        self._context = context
        self._database = context.database
        self._partial = partial
        self._assembly = MessageBuilder()
        self._deltas: list[Delta] = []
        self._results: list[ToolResult] = []
        self._step: RequestStep | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._ended = False
        self._user_message: Future[bool] | None = None

    async def flush_user_message(self) -> None:
        if self._user_message:
            await self._chat.written(self._user_message)

    def record(self, event: Event) -> None:
        match event:
            case Streamed():
                self._stream(event.delta)
            case TurnStarted():
                self._partial = replace(self._partial, model=event.model)
            case StepStarted():
                self._step = RequestStep(event.step, time.time(), time.monotonic())
                self._partial = replace(self._partial, step=event.step)
                if event.step > 1:
                    self._save()  # the request is billed even if termchat crashes now
            case ToolFinished():
                self._results.append(event.result)
                self._save()
            case StepCounted():
                self._count(event)
            case MessageDone():
                self._done(event)
            case TurnEnded():
                self._end(event)
            case ToolStarted() | ApprovalAsked() | ApprovalAnswered() | ToolProgress() | Notice():
                pass

    def close(self) -> None:
        if self._ended:
            return
        self._ended = True
        self._cancel_timer()
        partial, redact = self._current(), self._context.redact
        self._database.submit(Write(lambda db: partial_replies.finish(db, partial, redact), self._key, durable=True))

    @property
    def _key(self) -> str:
        return f"partial {self._partial.turn}"

    def _stream(self, delta: Delta) -> None:
        self._deltas.append(delta)
        if len(self._deltas) >= _MANY:
            self._assemble()
        if self._step and self._step.first is None and isinstance(delta, CONTENT_DELTAS):
            self._step.first = time.monotonic() - self._step.began
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._context.pause(), self._save)

    def _save(self) -> None:
        self._cancel_timer()
        partial, redact = self._unjoined(), self._context.redact
        self._database.submit(Write(lambda db: partial_replies.save(db, partial, redact), self._key))

    def _cancel_timer(self) -> None:
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _current(self) -> Partial:
        """Return the partial reply as received so far."""
        self._assemble()
        message = None
        if self._results:
            message = Message(Role.TOOL, tuple(self._results))
        elif parts := self._assembly.parts():
            message = Message(Role.ASSISTANT, parts, usage=self._assembly.usage)
        return replace(self._partial, message=message)

    def _unjoined(self) -> Partial:
        """Return the partial reply to be saved, whose texts are not joined: the store thread encodes their blocks."""
        if self._results:
            return self._current()
        self._assemble()
        parts = self._assembly.encoded_parts()
        if not parts:
            return replace(self._partial, message=None)
        message = Message(Role.ASSISTANT, tuple(part for part, _ in parts), usage=self._assembly.usage)
        return replace(self._partial, message=message, blocks=tuple(blocks for _, blocks in parts))

    def _assemble(self) -> None:
        for delta in self._deltas:
            self._assembly.add(delta)
        self._deltas.clear()

    def _done(self, event: MessageDone) -> None:
        self._cancel_timer()
        self._assembly, self._deltas, self._results = MessageBuilder(), [], []
        entry = None
        if self._step and event.message.role is Role.ASSISTANT:
            entry = self._step.entry(event.turn_id, event, self._partial.model)
            self._step = None
        self._user_message = self._chat.add_reply(Node(event.node, event.parent, event.message), entry, event.turn_id)
        self._partial = replace(self._partial, parent=event.node, node=uuid4().hex)

    def _count(self, event: StepCounted) -> None:
        if not self._step:
            return
        *earlier, self._step.last = event.requests
        for number, request in enumerate(earlier, 1):
            self._chat.record_request(self._step.earlier_entry(event.turn_id, number, request))

    def _end(self, event: TurnEnded) -> None:
        self._cancel_timer()
        self._ended = True
        if self._step and self._step.was_sent(event):
            self._chat.record_request(self._step.entry(event.turn_id, event, event.model))
        turn, cost = event.turn_id, event.cost

        def settle(db: sqlite3.Connection) -> None:
            partial_replies.drop(db, turn)
            ledger.split_turn_cost(db, turn, cost)

        self._database.submit(Write(settle, self._key, durable=True))
