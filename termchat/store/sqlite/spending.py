"""Reservations of money: the most that running requests can cost, and charges that the usage ledger does not have."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING

from termchat.core.usage import Limits, Reservation, Reserved, Spent
from termchat.store import processes
from termchat.store.sqlite import db
from termchat.store.sqlite.db_thread import DatabaseThread, Write

if TYPE_CHECKING:
    from termchat.core import usage

_SLACK = 0.5  # seconds between the times that the ledger and a reservation have of a request


class SqliteSpending:
    """Implements `core.usage.SpendingStore` on the store thread."""

    def __init__(self, database: DatabaseThread) -> None:
        self._database = database

    async def reserve(
        self, wanted: Reservation, limits: Limits, settled: Mapping[str, Decimal], midnight: float
    ) -> Reserved | None:
        return await self._database.query(lambda db: _reserve(db, wanted, limits, settled, midnight), None)

    def settle(self, settled: Mapping[str, Decimal]) -> None:
        self._database.submit(Write(lambda db: _settle(db, settled)))

    async def spent(self, chat: str, midnight: float) -> Spent | None:
        return await self._database.query(lambda db: _spent(db, chat, midnight), None)


def _reserve(
    connection: sqlite3.Connection, wanted: Reservation, limits: Limits, settled: Mapping[str, Decimal], midnight: float
) -> Reserved:
    """Insert the reservation if it fits. No other process can spend between the sum and the insert."""
    with db.transaction(connection):
        _settle(connection, settled)
        before = _spent(connection, wanted.chat, midnight)
        fits = all(
            limit is None or so_far + wanted.amount <= limit
            for limit, so_far in ((limits.chat, before.chat), (limits.day, before.day))
        )
        if fits:
            connection.execute(
                "INSERT INTO reservations (id, chat, owner, at, amount) VALUES (?, ?, ?, ?, ?)",
                (wanted.id, wanted.chat, processes.this_process(), wanted.at, str(wanted.amount)),
            )
    return Reserved(fits, before)


def _settle(connection: sqlite3.Connection, settled: Mapping[str, Decimal]) -> None:
    for name, amount in settled.items():
        if amount:
            connection.execute(
                "UPDATE reservations SET amount = ?, settled = ? WHERE id = ?", (str(amount), time.time(), name)
            )
        else:
            connection.execute("DELETE FROM reservations WHERE id = ?", (name,))


def _spent(connection: sqlite3.Connection, chat: str, midnight: float) -> Spent:
    of_chat = "chat = (SELECT n FROM chats WHERE id = ?)"
    costs = connection.execute(f"SELECT cost FROM ledger WHERE {of_chat} AND cost IS NOT NULL", (chat,))  # noqa: S608
    unknown = connection.execute(
        f"SELECT at, at + COALESCE(seconds, 0) FROM ledger WHERE {of_chat} "  # noqa: S608
        "AND cost IS NULL AND input IS NOT NULL ORDER BY at",
        (chat,),
    ).fetchall()
    today = connection.execute("SELECT cost FROM ledger WHERE at >= ? AND cost IS NOT NULL", (midnight,))
    held = connection.execute(
        "SELECT chat, at, amount, settled FROM reservations WHERE chat = ? OR at >= ?", (chat, midnight)
    ).fetchall()
    day = [amount for _, at, amount, _ in held if at >= midnight]
    return Spent(
        _sum(row[0] for row in costs) + _sum(amount for name, _, amount, _ in held if name == chat),
        _sum(row[0] for row in today) + _sum(day),
        _sum(amount for _, at, amount, settled in held if at >= midnight and settled is None),
        _uncharged(unknown, sorted(at for name, at, _, settled in held if name == chat and settled is not None)),
        _sum(amount for name, _, amount, settled in held if name == chat and settled is None),
    )


def _uncharged(requests: Iterable[tuple[float, float]], charges: list[float]) -> int:
    """Return the number of requests, as begin and end, that have no charge: one that began while they ran."""
    missing = 0
    for begin, end in requests:
        charge = next((at for at in charges if begin - _SLACK <= at <= end + _SLACK), None)
        if charge is None:
            missing += 1
        else:
            charges.remove(charge)
    return missing


def _sum(amounts: Iterable[str]) -> Decimal:
    """Add up amounts; one that recovery could not read counts as zero."""
    return sum((Decimal(amount) for amount in amounts if amount), Decimal(0))


if TYPE_CHECKING:
    _proof: type[usage.SpendingStore] = SqliteSpending
