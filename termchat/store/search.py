"""Full-text search in the newest thousand matching messages, best first."""

from __future__ import annotations

import sqlite3
from typing import Any

from termchat.core.chats import ChatInfo, SearchHit
from termchat.core.messages import Role
from termchat.store import chats, messages
from termchat.store.full_text import Query, parse_query, searchable_text, snippet

_CANDIDATES = 1000  # messages that are ranked
_K1, _B = 1.2, 0.75  # the weights of bm25 in SQLite (https://www.sqlite.org/fts5.html#the_bm25_function)


def search(connection: sqlite3.Connection, typed: str, limit: int, chat: str = "") -> tuple[SearchHit, ...]:
    """Return the messages that contain all typed words, ranked by bm25, newer ones first among equals.

    `chat` is the id of the only chat to search, "" for all.
    """
    query = parse_query(typed)
    if not query:
        return ()
    labelled = _labelled(connection, typed, query, limit, chat)
    rows = connection.execute(
        "SELECT nodes.id, chats.id, chats.title, nodes.author, nodes.created, nodes.message FROM "
        "(SELECT rowid AS n, CASE WHEN ? THEN 0 ELSE bm25(words) END AS rank FROM words WHERE words MATCH ? "
        "AND (? = '' OR rowid IN (SELECT n FROM nodes WHERE chat = (SELECT n FROM chats WHERE id = ?))) "
        "ORDER BY rowid DESC LIMIT ?) AS found "
        "JOIN nodes ON nodes.n = found.n JOIN chats ON chats.n = nodes.chat "
        "WHERE chats.deleted IS NULL ORDER BY found.rank, found.n DESC LIMIT ?",
        (query.is_phrase, query.match, chat, chat, _CANDIDATES, _CANDIDATES if query.is_phrase else limit),
    ).fetchall()
    if query.is_phrase:
        rows = _ranked(rows, query.highlights[0])[:limit]
    named = {hit.node for hit in labelled}
    return (*labelled, *(_hit(row, query) for row in rows if row[0] not in named))[:limit]


def _labelled(connection: sqlite3.Connection, typed: str, query: Query, limit: int, chat: str) -> tuple[SearchHit, ...]:
    """Return the messages whose labels contain the typed words, the newest first.

    A cross join reads the labels first; SQLite's own order reads all messages, to sort nothing.
    """
    rows = connection.execute(
        "SELECT nodes.id, chats.id, chats.title, nodes.author, nodes.created, labels.text FROM labels "
        "CROSS JOIN nodes ON nodes.n = labels.node JOIN chats ON chats.n = nodes.chat "
        "WHERE labels.text LIKE ? ESCAPE '\\' AND (? = '' OR chats.id = ?) AND chats.deleted IS NULL "
        "ORDER BY labels.node DESC LIMIT ?",
        (f"%{chats.escape_like(' '.join(typed.split()))}%", chat, chat, limit),
    )
    return tuple(
        SearchHit(chat_id, title, node, Role(author), created, *snippet(text, query.highlights))
        for node, chat_id, title, author, created, text in rows
    )


def _ranked(rows: list[tuple[Any, ...]], phrase: str) -> list[tuple[Any, ...]]:
    """Return the rows with a phrase ranked as by bm25, which reads every message that has it to learn how rare it is.

    The order does not depend on that. Lengths and their average are those of the rows, in characters.
    """
    texts = [searchable_text(messages.decode_row(row[5], row[3])).lower() for row in rows]
    average = sum(map(len, texts)) / max(1, len(texts)) or 1

    def score(text: str) -> float:
        count = max(1, text.count(phrase))  # a sign or an accent may be between its words
        return count / (count + _K1 * (1 - _B + _B * len(text) / average))

    scores = list(map(score, texts))
    return [rows[at] for at in sorted(range(len(rows)), key=lambda at: -scores[at])]


def matching(connection: sqlite3.Connection, typed: str, directory: str | None, limit: int) -> tuple[ChatInfo, ...]:
    """Find chats: by the beginning of the id, the exact title, words of the title, a label, words of the text.

    The beginning of an id has at least four characters. Each kind is newest first. `directory` None searches all
    directories.
    """
    words = typed.strip()
    like = f"%{chats.escape_like(words)}%"
    found: dict[int, tuple[Any, ...]] = {}
    for condition, value in (
        ("chats.id GLOB ?", chats.id_pattern(words) if len(words) >= chats.SHORTEST_ID else ""),
        ("lower(chats.title) = lower(?)", words),
        ("chats.title LIKE ? ESCAPE '\\'", like),
        (_WITH_A_LABEL, like),
    ):
        for row in _chats(connection, condition, (value,), directory, limit):
            found.setdefault(row[0], row)
    if query := parse_query(typed):
        for row in _chats(connection, _WITH_A_HIT, (query.match, _CANDIDATES), directory, limit):
            found.setdefault(row[0], row)
    return tuple(chats.info(connection, row) for row in list(found.values())[:limit])


_WITH_A_LABEL = """chats.n IN (SELECT nodes.chat FROM labels JOIN nodes ON nodes.n = labels.node
WHERE labels.text LIKE ? ESCAPE '\\')"""
_WITH_A_HIT = """chats.n IN (SELECT nodes.chat FROM
(SELECT rowid AS n FROM words WHERE words MATCH ? ORDER BY rowid DESC LIMIT ?) JOIN nodes USING (n))"""


def _chats(
    connection: sqlite3.Connection, condition: str, values: tuple[Any, ...], directory: str | None, limit: int
) -> list[tuple[Any, ...]]:
    """Return the chats that are not deleted and satisfy an SQL condition, newest first."""
    here = "" if directory is None else "AND chats.directory = ?"
    where = () if directory is None else (directory,)
    return connection.execute(
        f"SELECT {chats.INFO} {chats.FROM} WHERE {condition} {here} AND chats.deleted IS NULL "
        "ORDER BY chats.updated DESC LIMIT ?",
        (*values, *where, limit),
    ).fetchall()


def _hit(row: tuple[Any, ...], query: Query) -> SearchHit:
    node, chat, title, author, created, text = row
    shown, marks = snippet(searchable_text(messages.decode_row(text, author)), query.highlights)
    return SearchHit(chat, title, node, Role(author), created, shown, marks)
