"""Deletion: a deleted chat can be restored for 30 days, then it is purged."""

from __future__ import annotations

import sqlite3

from termchat.core.chats import ChatInfo
from termchat.store import chats, messages

RETENTION = 30 * 86_400.0  # seconds
_AT_ONCE = 20  # chats purged in one transaction, so that other writes do not wait long


def delete(connection: sqlite3.Connection, n: int, at: float) -> None:
    """Mark a chat as deleted; messages shared with other chats are reassigned to those."""
    _reassign_shared_messages(connection, n, even_to_deleted=False)
    connection.execute("UPDATE chats SET deleted = ? WHERE n = ? AND deleted IS NULL", (at, n))


def restore(connection: sqlite3.Connection, n: int) -> None:
    connection.execute("UPDATE chats SET deleted = NULL WHERE n = ?", (n,))


def deleted(connection: sqlite3.Connection) -> tuple[ChatInfo, ...]:
    """Return the chats that can be restored, the last deleted first."""
    rows = connection.execute(
        f"SELECT {chats.INFO} {chats.FROM} WHERE chats.deleted IS NOT NULL ORDER BY chats.deleted DESC"
    )
    return tuple(chats.info(connection, row) for row in rows)


def purge(connection: sqlite3.Connection, before: float) -> None:
    """Remove the chats deleted before a moment (Unix time), and their attachments unless another chat uses them."""
    rows = connection.execute("SELECT n FROM chats WHERE deleted < ? LIMIT ?", (before, _AT_ONCE)).fetchall()
    for (n,) in rows:
        _reassign_shared_messages(connection, n, even_to_deleted=True)
        messages.unindex(
            connection, connection.execute("SELECT n, author, message FROM nodes WHERE chat = ?", (n,)).fetchall()
        )
        connection.execute("DELETE FROM drafts WHERE chat = (SELECT id FROM chats WHERE n = ?)", (n,))
        connection.execute("DELETE FROM chats WHERE n = ?", (n,))
    if rows:
        connection.execute("DELETE FROM blobs WHERE hash NOT IN (SELECT hash FROM attachments)")


def _reassign_shared_messages(connection: sqlite3.Connection, n: int, *, even_to_deleted: bool) -> None:
    """Move nodes that other chats build on, and all their ancestors, to one of those chats."""
    edges = connection.execute(
        "SELECT child.chat, child.parent FROM nodes AS mine JOIN nodes AS child ON child.parent = mine.n "
        "JOIN chats ON chats.n = child.chat "
        "WHERE mine.chat = :chat AND child.chat <> :chat AND (chats.deleted IS NULL OR :all) "
        "UNION SELECT chats.n, chats.head FROM nodes AS mine JOIN chats ON chats.head = mine.n "
        "WHERE mine.chat = :chat AND chats.n <> :chat AND (chats.deleted IS NULL OR :all) "
        "UNION SELECT chats.n, chats.stem FROM nodes AS mine JOIN chats ON chats.stem = mine.n "
        "WHERE mine.chat = :chat AND chats.n <> :chat AND (chats.deleted IS NULL OR :all)",
        {"chat": n, "all": even_to_deleted},
    ).fetchall()
    for heir, node in edges:
        connection.execute(
            "WITH RECURSIVE up(n) AS (VALUES (:node) UNION SELECT nodes.parent FROM nodes JOIN up USING (n)) "
            "UPDATE nodes SET chat = :heir WHERE chat = :chat AND n IN (SELECT n FROM up)",
            {"node": node, "heir": heir, "chat": n},
        )
