"""A database of many chats, made once and kept in the temporary directory."""

from __future__ import annotations

import hashlib
import inspect
import os
import sqlite3
import tempfile
from collections.abc import Sequence
from contextlib import closing
from itertools import accumulate
from pathlib import Path
from random import Random
from uuid import uuid4

from termchat.core.conversation import Node
from termchat.core.messages import user_message
from termchat.store import chats
from termchat.store.chats import PendingChat
from termchat.store.messages import encode_node
from termchat.store.sqlite import db, schema
from tests.bench.table import progress
from tests.store.helpers import HERE, STATE, reply

LONG = 10_000  # messages of the last chat, whose id is `long`
HAN = "天气今明我你他的是在有人这中大来上国个到说们为子和"
_BATCH = 20_000  # messages of a transaction


class Words:
    """Random text with word frequencies like a language: few frequent words, many rare ones."""

    def __init__(self, seed: int) -> None:
        self._chance = Random(seed)
        letters = "abcdefghijklmnopqrstuvwxyz"
        self.vocabulary = ["".join(self._chance.choices(letters, k=self._chance.randint(3, 9))) for _ in range(30_000)]
        self._weights = list(accumulate(1 / (n + 1) for n in range(len(self.vocabulary))))

    def text(self, count: int) -> str:
        words = self._chance.choices(self.vocabulary, cum_weights=self._weights, k=count)
        if self._chance.random() < 0.1:
            words.append("".join(self._chance.choices(HAN, k=12)))
        return " ".join(words)


def generate(file: Path, messages: int, listed: int) -> None:
    """Create a store of `listed` chats that share `messages` messages, and one of `LONG` messages after them."""
    words = Words(1)
    with closing(db.open_file(file).connection) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        sizes = [*[max(0, messages - LONG) // listed] * listed, LONG]
        each = max(1, _BATCH // max(1, sizes[0]))
        for first in range(0, len(sizes), each):
            with db.transaction(connection):
                for n, size in enumerate(sizes[first : first + each], first):
                    _add_chat(connection, words, size, 1.7e9 + 60 * n)
        connection.execute("DELETE FROM holders")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _add_chat(connection: sqlite3.Connection, words: Words, size: int, at: float) -> None:
    """Insert a chat as the store does, its messages in one go."""
    name = "long" if size == LONG else uuid4().hex[:16]
    chat = chats.create(connection, PendingChat(name, HERE), STATE, None, at)
    (last,) = connection.execute("SELECT coalesce(max(n), 0) FROM nodes").fetchone()
    nodes: list[Sequence[object]] = []
    indexed: list[tuple[int, bytes]] = []
    for m in range(size):
        message = user_message(words.text(25)) if m % 2 == 0 else reply(words.text(60))
        made = encode_node(Node(uuid4().hex, None, message), at + m)
        n = last + m + 1
        nodes.append((n, made.id, chat, n - 1 if m else None, made.author.value, made.created, made.message.decode()))
        indexed.append((n, made.words))
    connection.executemany(
        "INSERT INTO nodes (n, id, chat, parent, author, created, message) VALUES (?, ?, ?, ?, ?, ?, ?)", nodes
    )
    connection.executemany("INSERT INTO words (rowid, text) VALUES (?, CAST(? AS TEXT))", indexed)
    connection.execute(
        "UPDATE chats SET title = ?, head = ?, turns = ?, updated = ? WHERE n = ?",
        (words.text(5), last + size if size else None, (size + 1) // 2, at + size, chat),
    )


def database(messages: int, chats: int) -> Path:
    """Return a database of that size, made at the first call on this machine. Copy it before it is changed."""
    source = inspect.getsource(schema) + Path(__file__).read_text()
    digest = hashlib.sha256(source.encode()).hexdigest()[:12]
    file = Path(tempfile.gettempdir()) / f"termchat-bench-{os.getuid()}" / f"{messages}-{chats}-{digest}.db"
    if not file.exists():
        progress(f"  making {file}: {messages:,} messages in {chats:,} chats, once")
        file.parent.mkdir(mode=0o700, exist_ok=True)
        for old in file.parent.glob(f"{messages}-{chats}-*"):
            old.unlink()
        with tempfile.TemporaryDirectory(dir=file.parent) as folder:
            made = Path(folder) / "termchat" / "termchat.db"
            generate(made, messages, chats)
            made.rename(file)
    return file
