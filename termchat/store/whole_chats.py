"""Read and insert whole chats, for export and import."""

from __future__ import annotations

import sqlite3
from dataclasses import replace

from termchat.core.chats import FullChat
from termchat.core.conversation import Conversation, Node
from termchat.core.messages import Role, Text
from termchat.store import chats, messages
from termchat.store.message_json import dump, encode_provider_data
from termchat.store.messages import Redact, encode_node

_IMPORTED_HEAD = "imported_head"  # the setting, the head of an imported chat at its last import


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

    An existing chat keeps its title, and stays deleted if it is. The head follows unless the user moved it.
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
    if fresh or added:
        for node, text in record.conversation.labels.items():
            messages.set_default_label(connection, node, redact(text))
    if fresh:
        chats.set_state(connection, n, replace(record.state, system=redact(record.state.system)))
        chats.move(connection, n, record.conversation.head)
    if added and "imported" in record.state.settings:
        _follow(connection, n, record, fresh=bool(fresh))
    connection.execute(
        "UPDATE chats SET turns = (SELECT count(*) FROM nodes WHERE chat = :chat AND author = :user) WHERE n = :chat",
        {"chat": n, "user": Role.USER.value},
    )
    return bool(fresh), added


def _follow(connection: sqlite3.Connection, n: int, record: FullChat, *, fresh: bool) -> None:
    """Move the head to that of an imported chat unless the user has moved it since the last import."""
    found = connection.execute("SELECT id FROM nodes WHERE n = (SELECT head FROM chats WHERE n = ?)", (n,)).fetchone()
    settings = dict(chats.state(connection, n).settings)
    if not fresh and settings.get(_IMPORTED_HEAD, "") != (found[0] if found else None):
        return
    chats.move(connection, n, record.conversation.head)
    kept = dump(encode_provider_data({**settings, _IMPORTED_HEAD: record.conversation.head}))
    connection.execute("UPDATE chats SET settings = ? WHERE n = ?", (kept, n))


def _add(connection: sqlite3.Connection, n: int, node: Node, at: float, redact: Redact) -> bool:
    return messages.insert_message(connection, n, encode_node(node, at, redact)) is not None


def branch(record: FullChat, head: str | None) -> FullChat:
    """Return the chat reduced to the messages from the first to `head`. Raises KeyError if there is no such message."""
    path = record.conversation.path(head)
    nodes = {node.id: node for node in path}
    labels = {node: text for node, text in record.conversation.labels.items() if node in nodes}
    tree = Conversation(nodes, path[-1].id if path else None, labels)
    return FullChat(record.info, record.state, tree, record.times, record.renamed)
