"""A budget that cannot be read: an internal error while a chat opens, after it is taken."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

_DAMAGE = """
INSERT INTO reservations (id, chat, owner, at, amount) VALUES ('damaged', '', '', 9e9, 'no number')
"""


@contextmanager
def damaged_budget(home: Path) -> Iterator[None]:
    """Keep an amount in the store of a home that is no number; reading it raises."""
    file = home / ".local" / "share" / "termchat" / "termchat.db"
    with closing(sqlite3.connect(file)) as database:
        with database:
            database.execute(_DAMAGE)
        yield
        with database:
            database.execute("DELETE FROM reservations WHERE id = 'damaged'")
