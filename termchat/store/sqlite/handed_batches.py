"""The batches of vendors in the journal of a batch: two tables, and the items that are in one."""

from __future__ import annotations

import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TypeVar

from termchat.batch.handed_over import HandedBatch
from termchat.batch.journal import ItemState, JournalRow
from termchat.batch.vendors import BatchIntent
from termchat.store.sqlite import db

T = TypeVar("T")
TABLES = """
    CREATE TABLE batches (
        token TEXT PRIMARY KEY,
        model TEXT NOT NULL,
        at REAL NOT NULL,
        rows INTEGER NOT NULL,
        vendor_id TEXT NOT NULL DEFAULT '',
        closed INTEGER NOT NULL DEFAULT 0
    ) WITHOUT ROWID;
    CREATE TABLE batch_items (
        token TEXT NOT NULL,
        number INTEGER NOT NULL,
        item TEXT NOT NULL,
        PRIMARY KEY (token, number)
    ) WITHOUT ROWID;
"""
LINES = """
    SELECT input.line, input.offset, input.id, items.digest, items.state, items.outcome, items.result, input.repeated
    FROM input JOIN items ON items.id = input.id
"""
_ITEMS = """
    SELECT coalesce(min(input.line), 0), coalesce(min(input.offset), 0), items.id, items.digest, items.state,
        items.outcome, items.result, 0
    FROM batch_items JOIN items ON items.id = batch_items.item LEFT JOIN input ON input.id = items.id
    WHERE batch_items.token = ? AND items.state = 'batched'
"""
_OF_BATCH = "SELECT item FROM batch_items WHERE token = ?"


class HandedBatches(ABC):
    """The methods of `batch.handed_over.VendorJournal` that it adds to those of the journal."""

    _connection: sqlite3.Connection

    @abstractmethod
    async def _run(self, work: Callable[[], T]) -> T:
        """Run some work on the thread of the journal."""

    async def queue_failed(self, accepted: Sequence[str]) -> None:
        names = ", ".join("?" * len(accepted))
        in_input = "SELECT id FROM input"
        change = f"UPDATE items SET state = 'queued' WHERE state = 'failed' AND id IN ({in_input})"  # noqa: S608
        await self._change((f"{change} AND outcome NOT IN ({names})", tuple(accepted)))

    async def queued(self, after: int, limit: int) -> Sequence[JournalRow]:
        waits = "input.repeated = 0 AND items.state = 'queued'"
        query = f"{LINES} WHERE input.line > ? AND {waits} ORDER BY input.line LIMIT ?"
        return await self._run(lambda: [journal_row(*row) for row in self._connection.execute(query, (after, limit))])

    async def hand_over(self, batch: HandedBatch, items: Sequence[str]) -> None:
        intent = batch.intent

        def work() -> None:
            with db.transaction(self._connection):
                made = (intent.token, batch.model, intent.at, intent.rows)
                self._connection.execute("INSERT INTO batches (token, model, at, rows) VALUES (?, ?, ?, ?)", made)
                rows = [(intent.token, number, item) for number, item in enumerate(items)]
                self._connection.executemany("INSERT INTO batch_items VALUES (?, ?, ?)", rows)
                earlier = f"DELETE FROM batch_items WHERE token != ? AND item IN ({_OF_BATCH})"  # noqa: S608
                self._connection.execute(earlier, (intent.token, intent.token))
                change = f"UPDATE items SET state = 'batched' WHERE id IN ({_OF_BATCH})"  # noqa: S608
                self._connection.execute(change, (intent.token,))

        await self._run(work)

    async def submitted(self, token: str, batch_id: str) -> None:
        await self._change(("UPDATE batches SET vendor_id = ? WHERE token = ?", (batch_id, token)))

    async def take_back(self, token: str) -> None:
        change = f"UPDATE items SET state = 'queued' WHERE state = 'batched' AND id IN ({_OF_BATCH})"  # noqa: S608
        await self._change(
            (change, (token,)),
            ("DELETE FROM batch_items WHERE token = ?", (token,)),
            ("DELETE FROM batches WHERE token = ?", (token,)),
        )

    async def open_batches(self) -> Sequence[HandedBatch]:
        query = "SELECT token, at, rows, model, vendor_id FROM batches WHERE closed = 0 ORDER BY at, token"
        return await self._run(
            lambda: [
                HandedBatch(BatchIntent(token, at, rows), model, found)
                for token, at, rows, model, found in self._connection.execute(query)
            ]
        )

    async def batch_row(self, token: str, number: int) -> JournalRow | None:
        query = f"{_ITEMS} AND batch_items.number = ? GROUP BY items.id"

        def work() -> JournalRow | None:
            found = self._connection.execute(query, (token, number)).fetchone()
            return None if found is None else journal_row(*found)

        return await self._run(work)

    async def requeue(self, item: str) -> None:
        await self._change(("UPDATE items SET state = 'queued' WHERE state = 'batched' AND id = ?", (item,)))

    async def unanswered(self, token: str, limit: int) -> Sequence[JournalRow]:
        query = f"{_ITEMS} GROUP BY items.id ORDER BY batch_items.number LIMIT ?"
        return await self._run(lambda: [journal_row(*row) for row in self._connection.execute(query, (token, limit))])

    async def close_batch(self, token: str) -> None:
        await self._change(("UPDATE batches SET closed = 1 WHERE token = ?", (token,)))

    async def _change(self, *statements: tuple[str, tuple[object, ...]]) -> None:
        def work() -> None:
            with db.transaction(self._connection):
                for statement, values in statements:
                    self._connection.execute(statement, values)

        await self._run(work)


def journal_row(
    line: int, offset: int, item: str, digest: str, state: str, outcome: str, result: str, repeated: int
) -> JournalRow:
    """Convert a row of `LINES`."""
    return JournalRow(line, offset, item, digest, ItemState(state), outcome, result, bool(repeated))
