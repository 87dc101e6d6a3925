"""Read and insert whole chats, for export and import."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

from termchat.core.chats import FullChat
from termchat.core.conversation import Conversation, Node
from termchat.core.messages import Role, Text
from termchat.store import chats, messages
from termchat.store.messages import Redact, encode_node


def load(connection: sqlite3.Connection, chat: str) -> FullChat | None:
    """Return a complete chat by its id, None if there is none."""
    row = connection.execute(f"SELECT {chats.INFO} {chats.FROM} WHERE chats.id = ?", (chat,)).fetchone()
    if not row:
        return None
    n = row[0]
    head, stem, renamed = connection.execute("SELECT head, stem, renamed FROM chats WHERE n = ?", (n,)).fetchone()
    conversation, times = messages.load_tree(connection, n, head, stem)
    return FullChat(chats.info(connection, row), chats.state(connection, n), conversation, times, bool(renamed))


def is_damaged(record: FullChat) -> bool:
    """Return True if a message of the chat could not be decoded."""
    return any(node.message.parts == (Text(messages.DAMAGED),) for node in record.conversation.nodes.values())


def insert(connection: sqlite3.Connection, record: FullChat, redact: Redact) -> tuple[bool, int]:
    """Insert a chat or its missing messages, parents first. Return (True if the chat is new, added messages).

    An existing chat keeps its title and head, and stays deleted if it is.
    """
    info = record.info
    fresh = connection.execute(
        "INSERT OR IGNORE INTO chats (id, title, renamed, directory, created, updated) VALUES (?, ?, ?, ?, ?, ?)",
        (info.id, redact(info.title), record.renamed, info.directory, info.created, info.updated),
    ).rowcount
    n = chats.row_number(connection, info.id)
    assert n is not None
    added = sum(
        _add(connection, n, node, record.times.get(node.id, info.created), redact)
        for node in record.conversation.nodes.values()
    )
    if fresh:
        chats.set_state(connection, n, replace(record.state, system=redact(record.state.system)))
        chats.move(connection, n, record.conversation.head)
    connection.execute(
        "UPDATE chats SET turns = (SELECT count(*) FROM nodes WHERE chat = :chat AND author = :user) WHERE n = :chat",
        {"chat": n, "user": Role.USER.value},
    )
    return bool(fresh), added


def _add(connection: sqlite3.Connection, n: int, node: Node, at: float, redact: Redact) -> bool:
    return messages.insert_message(connection, n, encode_node(node, at, redact)) is not None


def branch(record: FullChat, head: str | None) -> FullChat:
    """Return the chat reduced to the messages from the first to `head`. Raises KeyError if there is no such message."""
    path = record.conversation.path(head)
    tree = Conversation({node.id: node for node in path}, path[-1].id if path else None)
    return FullChat(record.info, record.state, tree, record.times, record.renamed)
