"""Input history: sent prompts and unsent drafts."""

from __future__ import annotations

import sqlite3

from termchat.core.chats import Location, PastPrompt
from termchat.store import processes
from termchat.store.chats import escape_like


def remember(connection: sqlite3.Connection, text: str, place: Location, chat: str, at: float, *, draft: bool) -> None:
    """Add a prompt to the history, unless it begins with a space or repeats the last one."""
    if not text.strip() or text.startswith(" "):
        return
    newest = connection.execute("SELECT n, text, draft FROM prompts ORDER BY n DESC LIMIT 1").fetchone()
    if newest and newest[1] == text:
        connection.execute("UPDATE prompts SET at = ?, draft = ? WHERE n = ?", (at, draft and newest[2], newest[0]))
        return
    connection.execute(
        "INSERT INTO prompts (text, directory, chat, at, draft) VALUES (?, ?, ?, ?, ?)",
        (text, place.directory, chat, at, draft),
    )


def past(connection: sqlite3.Connection, containing: str, directory: str, limit: int) -> tuple[PastPrompt, ...]:
    """Return the distinct prompts that contain a text: those of the directory first, newest first."""
    rows = connection.execute(
        "SELECT text, directory, at, draft FROM ("
        "  SELECT text, directory, at, draft, n, max(n) OVER (PARTITION BY text) AS newest FROM prompts "
        "  WHERE text LIKE ? ESCAPE '\\') WHERE n = newest ORDER BY directory = ? DESC, n DESC LIMIT ?",
        (f"%{escape_like(containing)}%", directory, limit),
    )
    return tuple(PastPrompt(text, where, at, bool(draft)) for text, where, at, draft in rows)


def save_draft(connection: sqlite3.Connection, chat: str, text: str, place: Location, at: float) -> None:
    """Save the draft of a chat; "" deletes the draft."""
    if not text:
        connection.execute("DELETE FROM drafts WHERE chat = ?", (chat,))
        return
    connection.execute(
        "INSERT OR REPLACE INTO drafts (chat, text, directory, owner, at) VALUES (?, ?, ?, ?, ?)",
        (chat, text, place.directory, processes.this_process(), at),
    )


def draft(connection: sqlite3.Connection, chat: str) -> str:
    found = connection.execute("SELECT text FROM drafts WHERE chat = ?", (chat,)).fetchone()
    return found[0] if found else ""


def left_draft(connection: sqlite3.Connection, chat: str, place: Location, at: float) -> str:
    """Move the newest draft of this directory whose process ended before its chat began to `chat`, and return it."""
    rows = connection.execute(
        "SELECT chat, text, owner, at FROM drafts WHERE directory = ? AND chat NOT IN (SELECT id FROM chats) "
        "ORDER BY at DESC",
        (place.directory,),
    ).fetchall()
    for left, text, owner, since in rows:
        if not processes.is_running(connection, owner, since):
            values = (chat, processes.this_process(), at, left)
            connection.execute("UPDATE OR REPLACE drafts SET chat = ?, owner = ?, at = ? WHERE chat = ?", values)
            return text
    return ""
