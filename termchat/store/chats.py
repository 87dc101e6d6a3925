"""Chats: their rows, their heads, the processes that hold them, and lookup by name.

In all functions `n` is the row number of a chat, and `at` the present time in seconds since 1970.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from termchat.core.chats import ONE_SHOT, ChatInfo, ChatPage, ChatState, Location
from termchat.core.errors import Failure, FailureKind
from termchat.core.messages import Json, Message, Role
from termchat.core.models import ModelRef
from termchat.core.sanitize import join, repair_surrogates, safe_format, safe_line
from termchat.late_dataclass import dataclass
from termchat.store import messages, processes
from termchat.store.message_json import decode_provider_data, dump, encode_provider_data
from termchat.store.messages import EncodedMessage

_SHARED_TURNS = (  # questions that a fork shares with the chat it branched off
    "(WITH RECURSIVE up(n) AS (SELECT chats.stem UNION SELECT nodes.parent FROM nodes JOIN up USING (n)) "
    "SELECT count(*) FROM nodes JOIN up USING (n) WHERE nodes.author = 'user')"
)
INFO = (
    "chats.n, chats.id, chats.title, chats.provider, chats.model, chats.created, chats.updated, "
    f"chats.turns + {_SHARED_TURNS}, chats.directory, holders.owner, holders.since, chats.deleted, chats.settings"
)
FROM = "FROM chats LEFT JOIN holders ON holders.chat = chats.n"
SHORTEST_ID = 4  # characters of a prefix that names a chat
_TITLE = 60
_PAGE = 50


@dataclass(frozen=True, slots=True)
class PendingChat:
    """A chat whose row is written with its first message; it branches off the chat `source` at a node."""

    id: str
    place: Location
    source: str = ""
    branch_point: str | None = None


def create(connection: sqlite3.Connection, seed: PendingChat, state: ChatState, head: str | None, at: float) -> int:
    """Insert the chat, held by this process, and return its row number. In an existing chat only the head changes."""
    connection.execute(
        "INSERT OR IGNORE INTO chats (id, stem, terminal, directory, created, updated, forked_from, title) "
        "VALUES (?, (SELECT n FROM nodes WHERE id = ?), ?, ?, ?, ?, ?, "
        "coalesce((SELECT title FROM chats WHERE id = ?), ''))",
        (
            seed.id,
            seed.branch_point,
            seed.place.terminal,
            seed.place.directory,
            at,
            at,
            seed.source or None,
            seed.source,
        ),
    )
    n = row_number(connection, seed.id)
    assert n is not None
    acquire(connection, n, at)
    set_state(connection, n, state)
    move(connection, n, head)
    return n


def row_number(connection: sqlite3.Connection, chat: str) -> int | None:
    """Return the row number of a chat, or None if there is no such chat."""
    found = connection.execute("SELECT n FROM chats WHERE id = ?", (chat,)).fetchone()
    return found[0] if found else None


def set_state(connection: sqlite3.Connection, n: int, state: ChatState) -> None:
    model = state.model or ModelRef("", "")
    connection.execute(
        "UPDATE chats SET provider = ?, model = ?, system = ?, settings = ? WHERE n = ?",
        (
            *map(repair_surrogates, (model.provider, model.model, state.system)),
            dump(encode_provider_data(state.settings)),
            n,
        ),
    )


def state(connection: sqlite3.Connection, n: int) -> ChatState:
    provider, model, system, settings = connection.execute(
        "SELECT provider, model, system, settings FROM chats WHERE n = ?", (n,)
    ).fetchone()
    return ChatState(ModelRef(provider, model) if provider else None, system, _settings(settings))


def add_message(connection: sqlite3.Connection, n: int, node: EncodedMessage, *, follow: bool) -> None:
    """Add a message to a chat and move the head there; with `follow`, only if the head is the message's parent."""
    row = messages.insert_message(connection, n, node)
    if row is None:
        return
    moved = "head IS (SELECT parent FROM nodes WHERE n = :node)" if follow else "TRUE"
    connection.execute(  # one statement, because each would update the indexes of the table
        f"UPDATE chats SET head = iif({moved}, :node, head), updated = max(updated, :created), "  # noqa: S608 - constant
        "turns = turns + :asked, deleted = NULL WHERE n = :chat",
        {"chat": n, "node": row, "created": node.created, "asked": node.author is Role.USER},
    )


def set_default_title(connection: sqlite3.Connection, n: int, words: str) -> None:
    """Give a chat without a title its default title."""
    connection.execute("UPDATE chats SET title = ? WHERE n = ? AND title = ''", (words, n))


def set_title(connection: sqlite3.Connection, n: int, words: str) -> None:
    """Set the title that the user chose."""
    connection.execute("UPDATE chats SET title = ?, renamed = 1 WHERE n = ?", (" ".join(words.split()), n))


def title(message: Message) -> str:
    """Return a title for a message: its first words, or the names of its attachments."""
    words = " ".join(message.subject.split())
    return words if len(words) <= _TITLE else words[: _TITLE - 1].rstrip() + "…"


def move(connection: sqlite3.Connection, n: int, head: str | None) -> None:
    """Move the head to another node; None is before the first message."""
    connection.execute("UPDATE chats SET head = (SELECT n FROM nodes WHERE id = ?) WHERE n = ?", (head, n))


def touch(connection: sqlite3.Connection, n: int, place: Location, at: float) -> None:
    """Set the location of a chat."""
    connection.execute(
        "UPDATE chats SET terminal = ?, directory = ?, updated = ? WHERE n = ?",
        (place.terminal, place.directory, at, n),
    )


def acquire(connection: sqlite3.Connection, n: int, at: float) -> bool:
    """Hold the chat for this process; return False if another running process holds the chat."""
    found = connection.execute("SELECT owner, since FROM holders WHERE chat = ?", (n,)).fetchone()
    if found and _held_elsewhere(connection, *found):
        return False
    connection.execute(
        "INSERT OR REPLACE INTO holders (chat, owner, since) VALUES (?, ?, ?)", (n, processes.this_process(), at)
    )
    return True


def release(connection: sqlite3.Connection, chat: str) -> None:
    connection.execute(
        "DELETE FROM holders WHERE chat = (SELECT n FROM chats WHERE id = ?) AND owner = ?",
        (chat, processes.this_process()),
    )


def find(connection: sqlite3.Connection, name: str) -> ChatInfo | Failure:
    """Find one chat by its id or title, or by a prefix of either.

    Return a failure if none or several match, and for a blank name, such as that of an unset variable of a shell.
    """
    if not name.strip():
        hint = safe_format("termchat chats lists the ids.")
        return Failure(FailureKind.NOT_FOUND, safe_format("The id of the chat is empty."), hint)
    live = "chats.deleted IS NULL"
    for condition, value in (
        (f"chats.id = ? AND {live}", name),
        (f"chats.title = ? AND {live} ORDER BY chats.updated DESC", name),
        (f"chats.id GLOB ? AND {live}", id_pattern(name)),
        (f"chats.title LIKE ? ESCAPE '\\' AND {live} ORDER BY chats.updated DESC", f"{escape_like(name)}%"),
    ):
        rows = connection.execute(f"SELECT {INFO} {FROM} WHERE {condition} LIMIT 4", (value,)).fetchall()
        if len(rows) == 1:
            return info(connection, rows[0])
        if rows:
            return _several(name, [info(connection, row) for row in rows])
    return Failure(
        FailureKind.NOT_FOUND,
        safe_format("There is no chat {name}.", name=safe_line(name)),
        safe_format("`termchat chats` or, in a chat, /chats lists them all."),
    )


def last_chat(connection: sqlite3.Connection, place: Location) -> ChatInfo | None:
    """Return the last chat of this terminal in the directory, else the last one there that no other process holds."""
    here = f"SELECT {INFO} {FROM} WHERE chats.directory = ? AND chats.deleted IS NULL"
    newest = "ORDER BY chats.updated DESC, chats.n DESC"
    if place.terminal:
        mine = connection.execute(f"{here} AND chats.terminal = ? {newest} LIMIT 1", (place.directory, place.terminal))
        if row := mine.fetchone():
            return info(connection, row)
    found = (info(connection, row) for row in connection.execute(f"{here} {newest}", (place.directory,)))
    return next((chat for chat in found if not chat.open_elsewhere), None)


def list_page(connection: sqlite3.Connection, directory: str | None, after: str, limit: int) -> ChatPage:
    """Return a page of chats, newest first, of one directory or of all; `after` is the end of the previous page."""
    conditions, values = ["chats.deleted IS NULL"], list[Any]()
    if directory is not None:
        conditions.append("chats.directory = ?")
        values.append(directory)
    if after:
        updated, _, n = after.partition(":")
        conditions.append("(chats.updated, chats.n) < (?, ?)")
        values += [float.fromhex(updated), int(n)]
    rows = connection.execute(
        f"SELECT {INFO} {FROM} WHERE {' AND '.join(conditions)} ORDER BY chats.updated DESC, chats.n DESC LIMIT ?",
        (*values, limit + 1),
    ).fetchall()
    more = f"{rows[limit - 1][6].hex()}:{rows[limit - 1][0]}" if len(rows) > limit else ""
    return ChatPage(tuple(info(connection, row) for row in rows[:limit]), more)


def info(connection: sqlite3.Connection, row: tuple[Any, ...]) -> ChatInfo:
    """Convert a row of `INFO`."""
    _, name, words, provider, model, created, updated, turns, directory, owner, since, deleted, settings = row
    held = bool(owner) and _held_elsewhere(connection, owner, since)
    ref = ModelRef(provider, model) if provider else None
    one_shot = turns == 1 and _settings(settings).get(ONE_SHOT) is True
    return ChatInfo(name, words, ref, created, updated, turns, directory, held, deleted, one_shot)


def _held_elsewhere(connection: sqlite3.Connection, owner: str, since: float) -> bool:
    return owner != processes.this_process() and processes.is_running(connection, owner, since)


def short_id(connection: sqlite3.Connection, chat: str) -> str:
    """Return the shortest unique prefix of the id, of at least four characters."""
    before = connection.execute("SELECT max(id) FROM chats WHERE id < ?", (chat,)).fetchone()[0] or ""
    behind = connection.execute("SELECT min(id) FROM chats WHERE id > ?", (chat,)).fetchone()[0] or ""
    shared = max(_shared(chat, before), _shared(chat, behind))
    return chat[: max(SHORTEST_ID, shared + 1)]


def escape_like(text: str) -> str:
    """Escape a text for LIKE ... ESCAPE '\\'."""
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _shared(a: str, b: str) -> int:
    return next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))


def id_pattern(name: str) -> str:
    """Return the GLOB pattern of ids that begin with a text, without the characters that GLOB takes for patterns."""
    return "".join(c if c.isalnum() or c == "-" else "\x01" for c in name) + "*"


def _several(name: str, found: list[ChatInfo]) -> Failure:
    names = join(", ", [safe_line(f"{chat.id[:8]} ({chat.title})") for chat in found[:3]])
    return Failure(
        FailureKind.NOT_FOUND,
        safe_format("{name} matches several chats: {names} ...", name=safe_line(name), names=names),
        safe_format("Type more of the id."),
    )


def _settings(text: str) -> Mapping[str, Json]:
    try:
        return decode_provider_data(json.loads(text))
    except ValueError:
        return {}
