"""Chats read while others write them, for a front end that follows: `core.chat_store.ChatWatch`.

The data of an attachment is left in the database: a message that is read here has the hash in its place.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

from termchat.core.chats import NodeFigures, OpenReply, WatchedChat
from termchat.core.conversation import Node
from termchat.core.messages import Role
from termchat.core.models import ModelRef
from termchat.core.usage import CostBasis
from termchat.store import chats, messages, processes
from termchat.store.sqlite.db_thread import DatabaseThread

_FOLLOWED = 5.0  # seconds that a mark holds
_NEAR = 2.0  # seconds between the end of a request in the ledger and the time of its message
_ROW = "nodes.n, nodes.chat, nodes.id, above.id, nodes.author, nodes.created, nodes.message"
_OWN = f"""SELECT {_ROW} FROM nodes LEFT JOIN nodes AS above ON above.n = nodes.parent
WHERE nodes.chat = ? AND nodes.n > ? ORDER BY nodes.n"""  # noqa: S608 - constant
_SHARED = f"""WITH RECURSIVE up(n) AS (
  SELECT stem FROM chats WHERE n = :chat AND stem IS NOT NULL
  UNION SELECT head FROM chats WHERE n = :chat AND head IS NOT NULL
  UNION SELECT parent FROM nodes WHERE chat = :chat AND parent IS NOT NULL
  UNION SELECT nodes.parent FROM nodes JOIN up USING (n) WHERE nodes.parent IS NOT NULL)
SELECT {_ROW} FROM up JOIN nodes USING (n) LEFT JOIN nodes AS above ON above.n = nodes.parent
WHERE nodes.chat <> :chat ORDER BY nodes.n"""  # noqa: S608 - constant


class FollowMark:
    """A file beside the database that was written a moment ago while anybody follows: replies are saved more often."""

    def __init__(self, database: Path | None) -> None:
        self._file = database.with_name(f"{database.name}.followed") if database else None

    def set(self) -> None:
        """Mark the chats as followed for some seconds."""
        if self._file:
            with suppress(OSError):
                self._file.touch(0o600)

    def clear(self) -> None:
        """Remove the mark; another process that follows sets it again."""
        if self._file:
            with suppress(OSError):
                self._file.unlink(missing_ok=True)

    def is_set(self) -> bool:
        """Return True if a process follows the chats."""
        try:
            return self._file is not None and time.time() - self._file.stat().st_mtime < _FOLLOWED
        except OSError:
            return False


class SqliteWatch:
    """Reads chats on the store thread."""

    def __init__(self, database: DatabaseThread, mark: FollowMark) -> None:
        self._database = database
        self._mark = mark

    async def follow(self) -> None:
        """Mark the chats as followed."""
        await self._database.query(lambda _: self._mark.set(), None)

    def unfollow(self) -> None:
        """Remove the mark."""
        self._mark.clear()

    async def version(self) -> int:
        """Return a number that changes when another connection has written (PRAGMA data_version)."""
        return await self._database.query(lambda db: db.execute("PRAGMA data_version").fetchone()[0], 0)

    async def chat(self, chat: str, after: int = 0) -> WatchedChat | None:
        """Return a chat with its messages behind the row `after`; None if there is no such chat."""
        return await self._database.query(lambda db: _watched(db, chat, after), None)

    async def running(self) -> frozenset[str]:
        """Return the ids of the chats in which a reply streams, in any process."""
        return await self._database.query(_running, frozenset[str]())

    async def blob(self, name: str) -> bytes | None:
        """Return an attachment by its hash."""
        return await self._database.query(lambda db: _blob(db, name), None)


def _blob(connection: sqlite3.Connection, name: str) -> bytes | None:
    found = connection.execute("SELECT data FROM blobs WHERE hash = ?", (name,)).fetchone()
    return found[0] if found else None


def _running(connection: sqlite3.Connection) -> frozenset[str]:
    rows = connection.execute("SELECT chats.id, owner, began FROM partials JOIN chats ON chats.n = partials.chat")
    return frozenset(chat for chat, owner, began in rows.fetchall() if processes.is_running(connection, owner, began))


def _watched(connection: sqlite3.Connection, chat: str, after: int) -> WatchedChat | None:
    found = connection.execute(f"SELECT {chats.INFO} {chats.FROM} WHERE chats.id = ?", (chat,)).fetchone()
    if not found:
        return None
    n = found[0]
    rows = [] if after else connection.execute(_SHARED, {"chat": n}).fetchall()
    rows += connection.execute(_OWN, (n, after)).fetchall()
    nodes = {row[2]: Node(row[2], row[3], messages.decode_row(row[6], row[4], str.encode)) for row in rows}
    head = connection.execute("SELECT id FROM nodes WHERE n = (SELECT head FROM chats WHERE n = ?)", (n,)).fetchone()
    return WatchedChat(
        chats.info(connection, found),
        chats.state(connection, n),
        head[0] if head else None,
        nodes,
        _figures(connection, rows, nodes),
        dict(connection.execute("SELECT nodes.id, text FROM labels JOIN nodes ON nodes.n = labels.node").fetchall()),
        _replies(connection, n, chat),
        max((row[0] for row in rows if row[1] == n), default=after),
        _sizes(connection, {row[1] for row in rows}, after),
    )


def _sizes(connection: sqlite3.Connection, owners: Iterable[int], after: int) -> dict[str, int]:
    """Return the size of each attachment of some chats behind a row."""
    query = (
        "SELECT hash, length(data) FROM attachments JOIN blobs USING (hash) "
        "WHERE node IN (SELECT n FROM nodes WHERE chat = ? AND n > ?)"
    )
    return {name: size for chat in owners for name, size in connection.execute(query, (chat, after))}


def _replies(connection: sqlite3.Connection, chat: int, name: str) -> tuple[OpenReply, ...]:
    """Return the replies of other running processes that stream now."""
    rows = connection.execute(
        "SELECT turn, parent, owner, provider, model, began, message FROM partials WHERE chat = ? AND owner <> ? "
        "ORDER BY began, turn",
        (chat, processes.this_process()),
    ).fetchall()
    return tuple(
        OpenReply(
            turn,
            name,
            parent,
            ModelRef(provider, model),
            began,
            messages.decode_row(text, Role.ASSISTANT.value, str.encode) if text else None,
        )
        for turn, parent, owner, provider, model, began, text in rows
        if processes.is_running(connection, owner, began)
    )


def _figures(
    connection: sqlite3.Connection, rows: list[tuple[Any, ...]], nodes: dict[str, Node]
) -> dict[str, NodeFigures]:
    """Return the time of each message; of a reply also what its request took, by the ledger's row of the same end."""
    ends: dict[tuple[str, str, int | None], list[tuple[float, float, str | None, str]]] = {}
    if rows:
        marks = ",".join("?" * len(owners := {row[1] for row in rows}))
        ledger = connection.execute(
            "SELECT provider, model, output, at, seconds, cost, basis FROM ledger "  # noqa: S608 - marks
            f"WHERE seconds IS NOT NULL AND chat IN ({marks}) AND at + seconds >= ?",
            (*owners, min(row[5] for row in rows) - _NEAR),
        )
        for provider, model, output, at, seconds, cost, basis in ledger:
            ends.setdefault((provider, model, output), []).append((at + seconds, seconds, cost, basis))
    found: dict[str, NodeFigures] = {}
    for row in rows:
        message, created = nodes[row[2]].message, row[5]
        origin, usage = message.origin, message.usage
        near = ends.get((origin.provider, origin.model, usage.output if usage else None), ()) if origin else ()
        end, seconds, cost, basis = min(near, key=lambda one: abs(one[0] - created), default=(0.0, None, None, ""))
        if abs(end - created) > _NEAR:
            seconds = cost = None
        about = cost is not None and basis == CostBasis.SIMILAR.value
        found[row[2]] = NodeFigures(created, seconds, None if cost is None else Decimal(cost), about)
    return found
