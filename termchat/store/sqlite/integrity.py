"""Check a database without changing it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path


def integrity(file: Path) -> str:
    """Return the first problem of a database, "" if it is sound. It may take seconds for a large one."""
    if file.exists() and not file.is_file():  # SQLite would wait for the writer of a pipe
        return "it is no regular file"
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            rows = connection.execute("PRAGMA quick_check(1)").fetchall()
    except sqlite3.Error as error:
        return str(error)
    found = str(rows[0][0]) if rows else "no answer"
    return "" if found == "ok" else found
