"""The chat store in SQLite: `core.chat_store.ChatStore`.

    store = SqliteChatStore(paths.data / "termchat.db", on_failure)  # None: in memory, for --no-save
    recorder = store.new_recorder(ChatState(model), Location(terminal, os.getcwd()))

The constructor returns at once; the file is opened on the store thread. No method blocks the event loop.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, TypeVar
from uuid import uuid4

from termchat.core.chat_store import Resumed
from termchat.core.chats import (
    ChatInfo,
    ChatPage,
    ChatState,
    ExportFormat,
    FullChat,
    ImportReport,
    Location,
    PastPrompt,
    SearchHit,
    SkippedRecord,
    UsageGroup,
    UsageRow,
)
from termchat.core.errors import Failure, FailureKind
from termchat.core.messages import Message
from termchat.core.models import ModelRef
from termchat.core.provider import Prices
from termchat.core.sanitize import repair_surrogates, safe_format, safe_line
from termchat.core.usage import CostBasis
from termchat.store import chats, deletion, ledger, messages, partial_replies, prompt_history, search, whole_chats
from termchat.store.chats import PendingChat
from termchat.store.messages import Redact
from termchat.store.recorder import SAVE_INTERVAL, RecorderContext, SqliteRecorder
from termchat.store.sqlite import db
from termchat.store.sqlite.db_thread import DatabaseThread, OnFailure, Write
from termchat.store.sqlite.spending import SqliteSpending
from termchat.store.sqlite.watched_chats import FollowMark, SqliteWatch

if TYPE_CHECKING:
    from termchat.core import chat_store

T = TypeVar("T")
Work: TypeAlias = Callable[[sqlite3.Connection, int], object]
_BATCH = 20  # imported chats per transaction, so that a chat in use never waits long
_ID = 16


class SqliteChatStore:
    """All chats in one file, or in memory when `file` is None.

    `on_failure` is called on the event loop, once for each failure to show to the user. `redact` masks keys in
    every text before it is written (core.redact.Redactor).
    """

    def __init__(
        self,
        file: Path | None,
        on_failure: OnFailure,
        *,
        redact: Redact = str,
        every: float = SAVE_INTERVAL,
        vfs: str = "",
    ) -> None:
        self._database = DatabaseThread(file, on_failure, vfs=vfs)
        self.spending = SqliteSpending(self._database)
        mark = FollowMark(file)
        self.watch = SqliteWatch(self._database, mark)
        self._context = RecorderContext(
            self._database, lambda text: redact(repair_surrogates(text)), every, followed=mark.is_set
        )
        self._next, self._left = _new_id(), ""  # id of the next new chat, and its recovered draft
        self._database.submit(Write(partial_replies.finish_orphaned))
        self._database.submit(Write(lambda db: deletion.purge(db, time.time() - deletion.RETENTION)))

    @property
    def is_ephemeral(self) -> bool:
        return self._database.in_memory

    @property
    def trouble(self) -> Failure | None:
        """The failure that prevents saving now, None otherwise; reported again on exit."""
        return self._database.trouble

    def new_recorder(self, state: ChatState, place: Location) -> SqliteRecorder:
        name, left = self._next, self._left
        self._next, self._left = _new_id(), ""
        return SqliteRecorder(self._context, PendingChat(name, _written(place)), state, draft=left)

    async def resume(self, chat: str, place: Location) -> Resumed | Failure:
        chat, place = repair_surrogates(chat), _written(place)
        found = await self._ask(lambda db: self._take(db, chat, place), _unreadable())
        if not isinstance(found, tuple):
            return found
        record, held, draft = found
        if not draft and (question := record.conversation.unanswered()):
            draft = question.message.words
        if held:
            return self._branch(record, record.conversation.head, place, forked=True)[1]
        recorder = SqliteRecorder(self._context, PendingChat(chat, place), record.state, made=True, draft=draft)
        return Resumed(recorder, record.info, record.state, record.conversation, draft)

    async def fork(self, chat: str, head: str | None, place: Location, title: str = "") -> Resumed | Failure:
        record = await self._ask(lambda db: whole_chats.load(db, chat), None)
        if record is None:
            return _no_chat(chat)
        head = head or record.conversation.head
        if head is not None and head not in record.conversation.nodes:
            return _no_chat(chat)
        recorder, resumed = self._branch(record, head, place, forked=False)
        if title:
            recorder.rename(title)
            return replace(resumed, info=replace(resumed.info, title=" ".join(title.split())))
        return resumed

    async def find(self, name: str) -> ChatInfo | Failure:
        return await self._ask(lambda db: chats.find(db, repair_surrogates(name)), _unreadable())

    async def last(self, place: Location) -> ChatInfo | None:
        return await self._ask(lambda db: chats.last_chat(db, _written(place)), None)

    async def chats(
        self, containing: str = "", directory: str | None = None, after: str = "", limit: int = 50
    ) -> ChatPage:
        containing = repair_surrogates(containing)
        if not containing.strip():
            return await self._ask(lambda db: chats.list_page(db, directory, after, limit), ChatPage(()))
        return ChatPage(await self._ask(lambda db: search.matching(db, containing, directory, limit), ()))

    async def last_messages(self, chat: str, limit: int) -> tuple[Message, ...]:
        return await self._ask(lambda db: messages.last_messages(db, chat, limit), ())

    async def search(self, typed: str, limit: int = 50, chat: str = "") -> tuple[SearchHit, ...]:
        typed = repair_surrogates(typed)
        return await self._ask(lambda db: search.search(db, typed, limit, chat), ())

    async def short_id(self, chat: str) -> str:
        return await self._ask(lambda db: chats.short_id(db, chat), chat)

    async def rename(self, chat: str, title: str) -> None:
        await self._change(chat, lambda db, n: chats.set_title(db, n, self._context.redact(title)))

    async def delete(self, chat: str) -> None:
        await self._change(chat, lambda db, n: deletion.delete(db, n, time.time()))

    async def restore(self, chat: str) -> None:
        await self._change(chat, deletion.restore)

    async def deleted_chats(self) -> tuple[ChatInfo, ...]:
        return await self._ask(deletion.deleted, ())

    def remember(self, text: str, place: Location, chat: str = "", *, draft: bool = False) -> None:
        text, place, at = self._context.redact(text), _written(place), time.time()
        self._database.submit(Write(lambda db: prompt_history.remember(db, text, place, chat, at, draft=draft)))

    async def prompts(self, containing: str = "", directory: str = "", limit: int = 500) -> tuple[PastPrompt, ...]:
        return await self._ask(
            lambda db: prompt_history.past(db, repair_surrogates(containing), repair_surrogates(directory), limit), ()
        )

    async def recover_draft(self, place: Location) -> str:
        name, here = self._next, _written(place)
        self._left = await self._ask(lambda db: prompt_history.left_draft(db, name, here, time.time()), "")
        return self._left

    async def price(self, prices: Prices, since: float = 0.0) -> None:
        found = await self._ask(lambda db: ledger.unpriced(db, since), [])
        costs = {
            n: (cost, CostBasis.SIMILAR if prices.is_approximate(model) else CostBasis.LIST)
            for n, at, model, usage in found
            if (cost := await prices.cost(model, usage, at)) is not None
        }
        if costs:
            await self._database.wait(self._database.submit(Write(lambda db: ledger.price(db, costs))))

    async def usage(self, by: UsageGroup, since: float = 0.0) -> tuple[UsageRow, ...]:
        return await self._ask(lambda db: ledger.totals(db, by, since), ())

    async def recent_models(self, limit: int) -> tuple[ModelRef, ...]:
        return await self._ask(lambda db: ledger.recent_models(db, limit), ())

    async def export(
        self, form: ExportFormat, chats: Sequence[str] | None = None, head: str | None = None
    ) -> AsyncGenerator[str | Failure, None]:
        from termchat.store.export import Writer

        writer = Writer(form)
        names = await self._ask(_all_ids, None) if chats is None else chats
        if names is None:
            yield self.trouble or _unreadable()
            return
        for name in names:
            record = await self._ask(lambda db, name=name: whole_chats.load(db, name), None)
            if record is None or whole_chats.is_damaged(record):
                yield _incomplete(name, record.info.title if record else "")
            if record:
                yield writer.chat(whole_chats.branch(record, head) if head else record)
        yield writer.end()

    async def import_file(self, file: Path) -> ImportReport | Failure:
        from termchat.store import importers

        source = await asyncio.to_thread(importers.detect_format, file)
        if isinstance(source, Failure):
            return source
        report = ImportReport(source.name)
        while batch := await asyncio.to_thread(lambda: list(islice(source.records, _BATCH))):
            added = await self._ask(lambda db, batch=batch: self._insert(db, batch), None)
            if added is None:
                return self.trouble or _unreadable()
            report = importers.add_batch(report, added)
            ids = [item.info.id for item in batch if isinstance(item, FullChat)]
            report = replace(report, read=report.read + len(ids), last=[report.last, *ids][-1])
        if not (report.chats or report.known or report.messages or report.skipped):
            return Failure(FailureKind.BAD_REQUEST, safe_format("{file} holds no chats.", file=safe_line(str(file))))
        return report

    async def close(self) -> Failure | None:
        return await self._database.close()

    async def _ask(self, read: Callable[[sqlite3.Connection], T], otherwise: T) -> T:
        return await self._database.query(read, otherwise)

    async def _change(self, chat: str, work: Work) -> None:
        def write(db: sqlite3.Connection) -> None:
            n = chats.row_number(db, chat)
            if n is not None:
                work(db, n)

        await self._database.wait(self._database.submit(Write(write)))

    def _take(self, connection: sqlite3.Connection, chat: str, place: Location) -> tuple[FullChat, bool, str] | Failure:
        """Return the chat, True if another process holds it, and its draft. A read-only file can be read, too."""
        at, n, held = time.time(), chats.row_number(connection, chat), False
        if n is None:
            return _no_chat(chat)
        try:
            with db.transaction(connection):
                held = not chats.acquire(connection, n, at)
                if not held:
                    partial_replies.finish_orphaned(connection)
                    if place != Location():
                        chats.touch(connection, n, place, at)
        except sqlite3.OperationalError:
            pass
        record = whole_chats.load(connection, chat)
        return (record, held, "" if held else prompt_history.draft(connection, chat)) if record else _no_chat(chat)

    def _branch(
        self, record: FullChat, head: str | None, place: Location, *, forked: bool
    ) -> tuple[SqliteRecorder, Resumed]:
        """Return a new chat that branches off at `head`; its row is written with its first message."""
        part = whole_chats.branch(record, head)
        seed = PendingChat(_new_id(), _written(place), record.info.id, head)
        recorder = SqliteRecorder(self._context, seed, part.state)
        return recorder, Resumed(recorder, part.info, part.state, part.conversation, forked=forked)

    def _insert(
        self, connection: sqlite3.Connection, batch: Sequence[FullChat | SkippedRecord]
    ) -> list[tuple[bool, int] | SkippedRecord]:
        with db.transaction(connection):
            return [
                item if isinstance(item, SkippedRecord) else whole_chats.insert(connection, item, self._context.redact)
                for item in batch
            ]


def _written(place: Location) -> Location:
    """Return the location in valid UTF-8; the name of a directory may be any bytes."""
    return Location(repair_surrogates(place.terminal), repair_surrogates(place.directory))


def _all_ids(connection: sqlite3.Connection) -> tuple[str, ...]:
    return tuple(row[0] for row in connection.execute("SELECT id FROM chats WHERE deleted IS NULL ORDER BY n"))


def _new_id() -> str:
    return uuid4().hex[:_ID]


def _no_chat(chat: str) -> Failure:
    return Failure(FailureKind.NOT_FOUND, safe_format("There is no chat {chat}.", chat=safe_line(chat)))


def _incomplete(chat: str, title: str) -> Failure:
    if not title:
        return Failure(FailureKind.STORAGE, safe_format("Cannot read the chat {chat}.", chat=safe_line(chat)))
    words = safe_format('Cannot read all messages of "{title}" ({chat}).', title=safe_line(title), chat=safe_line(chat))
    return Failure(FailureKind.STORAGE, words)


def _unreadable() -> Failure:
    return Failure(
        FailureKind.STORAGE, safe_format("The chats cannot be read now."), safe_format("Try again in a moment.")
    )


if TYPE_CHECKING:
    _proof: type[chat_store.ChatStore] = SqliteChatStore
