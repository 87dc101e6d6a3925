"""Print a database as SQL, to keep as the sample of a new schema version.

    python -m tests.store.dump FILE >tests/store/schemas/vN.sql

Unlike sqlite3's `iterdump`, the index of words is kept without changing the table of schemas by hand.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator

_INDEX = "words"


def dump(connection: sqlite3.Connection) -> Iterator[str]:
    """Yield the lines of a script that builds the database."""
    rows = connection.execute(
        "SELECT name, type, sql FROM sqlite_master WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%' ORDER BY rowid"
    ).fetchall()
    parts = {name for name, _, _ in rows if name.startswith(f"{_INDEX}_")}
    tables = [(name, sql) for name, kind, sql in rows if kind == "table"]
    yield "BEGIN;"
    yield from (f"{sql};" for name, sql in tables if name not in parts)
    for name, _ in tables:
        if name in parts:
            yield f"DELETE FROM {name};"
        if name != _INDEX:
            yield from (_insert(name, row) for row in connection.execute(f"SELECT * FROM {name}"))
    yield from (f"{sql};" for _, kind, sql in rows if kind != "table")
    for pragma in ("application_id", "user_version"):
        yield f"PRAGMA {pragma}={connection.execute(f'PRAGMA {pragma}').fetchone()[0]};"
    yield "COMMIT;"


def _insert(name: str, row: tuple[object, ...]) -> str:
    return f"INSERT INTO {name} VALUES ({', '.join(map(_value, row))});"


def _value(value: object) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        return f"X'{value.hex()}'"
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else repr(value)


if __name__ == "__main__":
    sys.stdout.write("".join(f"{line}\n" for line in dump(sqlite3.connect(sys.argv[1]))))
