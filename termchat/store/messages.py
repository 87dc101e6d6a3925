"""Messages: rows that are never changed, read by chat and indexed by word."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from json.encoder import encode_basestring
from typing import Any, TypeAlias

from termchat.core.conversation import Conversation, Node
from termchat.core.messages import Message, Part, Reasoning, Role, Text
from termchat.core.sanitize import repair_surrogates
from termchat.late_dataclass import dataclass
from termchat.store.full_text import searchable_text, to_fts_text, to_fts_utf8
from termchat.store.json_fields import InvalidRecord
from termchat.store.message_json import LoadBlob, decode_message, dump, encode_message, missing_blob, to_dict

Redact: TypeAlias = Callable[[str], str]
DAMAGED = "[this message is damaged and cannot be read]"
LONG_TEXT = 20_000  # characters; a shorter text is encoded at once, which is faster
_SLICE = 10_000  # characters that are escaped at a time
_TEXT = '"text":"'  # the first field of a part that may contain text of others


@dataclass(frozen=True, slots=True)
class EncodedMessage:
    """A node with its message encoded, ready to be written.

    message   JSON in UTF-8
    blobs     attachments by their hash
    words     the text for the index in UTF-8
    """

    id: str
    parent: str | None
    author: Role
    created: float
    message: bytes
    blobs: Mapping[str, bytes]
    words: bytes


def encode_node(node: Node, created: float, redact: Redact = str) -> EncodedMessage:
    """Encode a node; `redact` masks keys in its text."""
    words = to_fts_utf8(redact(repair_surrogates(searchable_text(node.message))))
    text, blobs = encode_utf8(node.message, redact)
    return EncodedMessage(node.id, node.parent, node.message.role, created, text, blobs, words)


def encode_utf8(message: Message, redact: Redact = str) -> tuple[bytes, Mapping[str, bytes]]:
    """Return the JSON of `encode_message` in UTF-8, and its attachments by their hash; `redact` masks keys in it.

    A long text is escaped in slices: with one emoji, a string takes four bytes for each of its characters, and `json`
    makes several.
    """
    if not any(map(_long_text, message.parts)):
        encoded = encode_message(message)
        return redact(encoded.text).encode(), encoded.blobs
    blobs: dict[str, bytes] = {}
    return b"".join(_pieces(message, redact, blobs)), blobs


def _pieces(message: Message, redact: Redact, blobs: dict[str, bytes]) -> Iterator[bytes]:
    """Yield the JSON in pieces. A long text is redacted before it is escaped: a key may lie across two slices."""
    yield redact(dump(to_dict(replace(message, parts=()), blobs)).removesuffix("]}")).encode()
    for number, part in enumerate(message.parts):
        if number:
            yield b","
        text = _long_text(part)
        if text and isinstance(part, Text | Reasoning):
            begin, _, end = _dump_part(message, replace(part, text=""), blobs).partition(_TEXT)
            yield f"{begin}{_TEXT}".encode()
            yield from _escaped(redact(repair_surrogates(text)))
            yield redact(end).encode()
        else:
            yield redact(_dump_part(message, part, blobs)).encode()
    yield b"]}"


def _long_text(part: Part) -> str:
    return part.text if isinstance(part, Text | Reasoning) and len(part.text) > LONG_TEXT else ""


def _dump_part(message: Message, part: Part, blobs: dict[str, bytes]) -> str:
    return dump(to_dict(Message(message.role, (part,)), blobs)["parts"][0])


def _escaped(text: str) -> Iterator[bytes]:
    """Yield the inside of the JSON string of a text."""
    for at in range(0, len(text), _SLICE):
        yield encode_basestring(text[at : at + _SLICE])[1:-1].encode()


def insert_message(connection: sqlite3.Connection, chat: int, node: EncodedMessage) -> int | None:
    """Insert a node and return its row number, or None if it exists already."""
    found = connection.execute(
        "INSERT OR IGNORE INTO nodes (id, chat, parent, author, created, message) "
        "VALUES (?, ?, (SELECT n FROM nodes WHERE id = ?), ?, ?, CAST(? AS TEXT)) RETURNING n",
        (node.id, chat, node.parent, node.author.value, node.created, node.message),
    ).fetchone()
    if not found:
        return None
    n: int = found[0]
    connection.execute("INSERT INTO words (rowid, text) VALUES (?, CAST(? AS TEXT))", (n, node.words))
    for name, data in node.blobs.items():
        connection.execute("INSERT OR IGNORE INTO blobs (hash, data) VALUES (?, ?)", (name, data))
        connection.execute("INSERT OR IGNORE INTO attachments (node, hash) VALUES (?, ?)", (n, name))
    return n


def load_tree(
    connection: sqlite3.Connection, chat: int, head: int | None, stem: int | None
) -> tuple[Conversation, dict[str, float]]:
    """Return the tree of a chat, including the ancestors it shares with other chats, and the time of each node.

    chat, head, stem   row numbers: of the chat, of its head, of the node where it branched off; None for none
    """
    rows = _rows(connection, chat)
    own = {row[0] for row in rows}
    outside = {row[2] for row in rows if row[2] is not None and row[2] not in own}
    outside |= {n for n in (head, stem) if n is not None and n not in own}
    rows = [*_ancestors(connection, outside), *rows]
    ids: dict[int, str] = {row[0]: row[1] for row in rows}
    blobs = _Blobs(connection)
    nodes: dict[str, Node] = {}
    for _, name, parent, author, _, text in rows:
        nodes[name] = Node(name, ids.get(parent), decode_row(text, author, blobs))
    times: dict[str, float] = {row[1]: row[4] for row in rows}
    labels = {ids[n]: words for n, words in _labels(connection) if n in ids}
    return Conversation(nodes, ids.get(head) if head is not None else None, labels), times


def _labels(connection: sqlite3.Connection) -> Iterator[tuple[int, str]]:
    """Yield the labels of all chats: there are few, and a fork shows those of the messages it shares."""
    yield from connection.execute("SELECT node, text FROM labels")


def set_default_label(connection: sqlite3.Connection, node: str, text: str) -> None:
    """Label a node that has no label."""
    connection.execute("INSERT OR IGNORE INTO labels (node, text) SELECT n, ? FROM nodes WHERE id = ?", (text, node))


def set_label(connection: sqlite3.Connection, node: str, text: str) -> None:
    """Set the label of a node, or remove it for ""."""
    connection.execute("DELETE FROM labels WHERE node = (SELECT n FROM nodes WHERE id = ?)", (node,))
    if text:
        connection.execute("INSERT INTO labels (node, text) SELECT n, ? FROM nodes WHERE id = ?", (text, node))


def _rows(connection: sqlite3.Connection, chat: int) -> list[tuple[int, str, Any, str, float, str]]:
    """Return the rows of a chat. Their texts are decoded by a Python function only if one is not valid UTF-8."""
    query = "SELECT n, id, parent, author, created, message FROM nodes WHERE chat = ? ORDER BY n"
    lenient, connection.text_factory = connection.text_factory, str
    try:
        return connection.execute(query, (chat,)).fetchall()
    except (sqlite3.OperationalError, UnicodeDecodeError):
        connection.text_factory = lenient
        return connection.execute(query, (chat,)).fetchall()
    finally:
        connection.text_factory = lenient


def decode_row(text: str, author: str, blobs: LoadBlob = missing_blob) -> Message:
    """Decode the message of a row, without the bytes of its attachments unless `blobs` is given.

    A damaged row becomes a message that reports the damage.
    """
    try:
        return decode_message(text, blobs)
    except InvalidRecord:
        said_by = Role.USER if author == Role.USER.value else Role.ASSISTANT
        return Message(said_by, (Text(DAMAGED),))


def last_messages(connection: sqlite3.Connection, chat: str, count: int) -> tuple[Message, ...]:
    """Return the last messages on the path to a chat's head, oldest first, without their attachments."""
    rows = connection.execute(
        "WITH RECURSIVE up(n, deep) AS (SELECT head, 1 FROM chats WHERE id = ? "
        "UNION ALL SELECT nodes.parent, deep + 1 FROM nodes JOIN up USING (n) WHERE deep < ?) "
        "SELECT author, message FROM up JOIN nodes USING (n) ORDER BY deep DESC",
        (chat, count),
    )
    return tuple(decode_row(text, author) for author, text in rows)


def unindex(connection: sqlite3.Connection, rows: Iterable[tuple[int, str, str]]) -> None:
    """Remove nodes (number, role, message) from the index, which needs the text that was indexed."""
    for n, author, text in rows:
        old = to_fts_text(searchable_text(decode_row(text, author)))
        connection.execute("INSERT INTO words (words, rowid, text) VALUES ('delete', ?, ?)", (n, old))


def reindex(connection: sqlite3.Connection) -> None:
    """Rebuild the full-text index."""
    connection.execute("INSERT INTO words (words) VALUES ('delete-all')")
    for n, author, text in connection.execute("SELECT n, author, message FROM nodes ORDER BY n"):
        made_of = to_fts_text(searchable_text(decode_row(text, author)))
        connection.execute("INSERT INTO words (rowid, text) VALUES (?, ?)", (n, made_of))


def _ancestors(
    connection: sqlite3.Connection, numbers: Iterable[int]
) -> Iterator[tuple[int, str, int, str, float, str]]:
    """Return the nodes with these numbers and all their ancestors."""
    for number in numbers:
        yield from connection.execute(
            "WITH RECURSIVE up(n) AS (VALUES (?) UNION SELECT nodes.parent FROM nodes JOIN up USING (n)) "
            "SELECT n, id, parent, author, created, message FROM nodes JOIN up USING (n) ORDER BY n",
            (number,),
        )


class _Blobs:
    """Attachments by hash, each read once."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._read: dict[str, bytes] = {}

    def __call__(self, name: str) -> bytes:
        if name not in self._read:
            found = self._connection.execute("SELECT data FROM blobs WHERE hash = ?", (name,)).fetchone()
            if not found:
                raise KeyError(name)
            self._read[name] = found[0]
        return self._read[name]
