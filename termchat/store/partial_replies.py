"""Partial replies: one row per turn, rewritten every second, deleted when the message is complete.

A row of a process that has ended becomes a message with the outcome "cut".
"""

from __future__ import annotations

import sqlite3
from dataclasses import replace

from termchat.core.conversation import Node
from termchat.core.messages import Message, Origin, Role
from termchat.core.models import ModelRef
from termchat.core.outcomes import Outcome
from termchat.late_dataclass import dataclass
from termchat.store import chats, ledger, messages, processes
from termchat.store.ledger import Entry
from termchat.store.message_json import encode_partial, missing_blob
from termchat.store.messages import Redact, encode_node


@dataclass(frozen=True, slots=True)
class Partial:
    """The partial reply of a turn below `parent`; `node` becomes its id unless a complete message replaces it.

    `blocks` are the texts of the message's parts as `core.wire.assemble.MessageBuilder.encoded_parts` returns them.
    """

    turn: str
    chat: str
    parent: str
    node: str
    model: ModelRef
    step: int
    began: float
    message: Message | None = None
    blocks: tuple[tuple[bytes, ...], ...] = ()


def save(connection: sqlite3.Connection, partial: Partial, redact: Redact) -> None:
    """Save the partial reply over its earlier version."""
    n = chats.row_number(connection, partial.chat)
    text = redact(encode_partial(partial.message, partial.blocks)) if partial.message else None
    model = partial.model
    connection.execute(
        "INSERT OR REPLACE INTO partials (turn, chat, parent, node, owner, provider, model, step, began, message) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(partial.turn, n, partial.parent, partial.node, processes.this_process()),
            *(model.provider, model.model, partial.step, partial.began, text),
        ),
    )


def drop(connection: sqlite3.Connection, turn: str) -> None:
    connection.execute("DELETE FROM partials WHERE turn = ?", (turn,))


def finish(connection: sqlite3.Connection, partial: Partial, redact: Redact) -> None:
    """End a turn: its partial reply becomes a message with the outcome "cut"."""
    drop(connection, partial.turn)
    n = chats.row_number(connection, partial.chat)
    if n is None:
        return
    _enter(connection, n, partial)
    if partial.message and partial.message.parts:
        ended = _ended(partial.message, ledger.last_origin(connection, partial.model))
        node = encode_node(Node(partial.node, partial.parent, ended), partial.began, redact)
        chats.add_message(connection, n, node, follow=True)


def finish_orphaned(connection: sqlite3.Connection) -> int:
    """Finish the partial replies of processes that have ended; return the number of turns."""
    rows = connection.execute(
        "SELECT turn, chats.id, parent, node, owner, partials.provider, partials.model, step, began, message "
        "FROM partials JOIN chats ON chats.n = partials.chat"
    ).fetchall()
    me = processes.this_process()
    left = [row for row in rows if row[4] != me and not processes.is_running(connection, row[4], row[8])]
    for turn, chat, parent, node, _, provider, model, step, began, text in left:
        message = messages.decode_row(text, Role.ASSISTANT.value, missing_blob) if text else None
        finish(connection, Partial(turn, chat, parent, node, ModelRef(provider, model), step, began, message), str)
    return len(left)


def _ended(message: Message, origin: Origin | None) -> Message:
    return replace(message, outcome=Outcome.CUT, origin=origin) if message.role is Role.ASSISTANT else message


def _enter(connection: sqlite3.Connection, n: int, partial: Partial) -> None:
    """Add the request to the ledger: its end is unknown, but it may have been billed."""
    reply = partial.message if partial.message and partial.message.role is Role.ASSISTANT else None
    if partial.message and not reply:
        return  # its request ended before the calls; the ledger has that request
    entry = Entry(partial.turn, partial.step, partial.began, partial.model, Outcome.CUT, usage=reply and reply.usage)
    ledger.add_entry(connection, n, replace(entry, origin=reply.origin if reply else None))
