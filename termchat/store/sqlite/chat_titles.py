"""Ids and titles of the newest chats, read without the modules that write: a shell completes them on a Tab."""

from __future__ import annotations

import os
import sqlite3

_BUSY = 0.05  # seconds to wait for a writer
_SHORTEST = 4  # characters of an id; as `chats.short_id`


def newest_titles(file: str, most: int) -> list[tuple[str, str]]:
    """Return the shortest unique id and the title of the newest chats; nothing for a file that cannot be read."""
    if not os.path.isfile(file):
        return []
    from urllib.parse import quote

    try:
        connection = sqlite3.connect(f"file:{quote(os.path.abspath(file))}?mode=ro", timeout=_BUSY, uri=True)
        try:
            rows = connection.execute(
                "SELECT id, title, (SELECT max(id) FROM chats AS other WHERE other.id < chats.id), "
                "(SELECT min(id) FROM chats AS other WHERE other.id > chats.id) "
                "FROM chats WHERE deleted IS NULL ORDER BY updated DESC, n DESC LIMIT ?",
                (most,),
            ).fetchall()
        finally:
            connection.close()
    except (sqlite3.Error, UnicodeDecodeError):
        return []
    return [(_short(*row[:1], *row[2:]), row[1]) for row in rows]


def _short(chat: str, before: str | None, behind: str | None) -> str:
    others = (before or "", behind or "")
    return next(
        (chat[:n] for n in range(_SHORTEST, len(chat)) if not any(o.startswith(chat[:n]) for o in others)), chat
    )
