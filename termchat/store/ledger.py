"""The usage ledger: one row per request, and sums over the rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from termchat.core.chats import UsageGroup, UsageRow
from termchat.core.errors import FailureKind
from termchat.core.messages import Origin
from termchat.core.models import ApiProtocol, ModelRef
from termchat.core.outcomes import Outcome
from termchat.core.usage import CostBasis, Usage
from termchat.late_dataclass import dataclass

_RECENT = 1000  # requests


@dataclass(frozen=True, slots=True)
class Entry:
    """One request: sent `at` (Unix time), `first` seconds to its first content, `seconds` to its end.

    usage     the counts, None if unknown
    cost      US dollars, None if unknown; a cost in `usage` takes precedence
    attempt   0 for the last request of the step, 1, 2, ... for those before it
    """

    turn: str
    step: int
    at: float
    model: ModelRef
    outcome: Outcome
    origin: Origin | None = None
    usage: Usage | None = None
    failure: FailureKind | None = None
    first: float | None = None
    seconds: float | None = None
    cost: Decimal | None = None
    basis: CostBasis = CostBasis.UNKNOWN
    attempt: int = 0


def add_entry(connection: sqlite3.Connection, chat: int | None, entry: Entry) -> None:
    """Add a request, unless the ledger has it already."""
    usage = entry.usage
    counts = (usage.input, usage.cached, usage.cache_write, usage.output, usage.reasoning) if usage else (None,) * 5
    billed = usage.cost if usage else None
    cost = entry.cost if billed is None else billed
    basis = entry.basis if billed is None else CostBasis.BILLED
    connection.execute(
        "INSERT OR IGNORE INTO ledger (turn, step, attempt, chat, at, provider, protocol, model, outcome, failure, "
        "input, cached, cache_write, output, reasoning, estimated, cache_miss, cost, basis, first, seconds, tier) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(entry.turn, entry.step, entry.attempt, chat, entry.at, entry.model.provider),
            *(entry.origin.protocol.value if entry.origin else "", entry.model.model, entry.outcome.value),
            *(entry.failure.value if entry.failure else "", *counts, usage.estimated if usage else False),
            *(usage.cache_miss if usage else "", None if cost is None else str(cost), basis.value),
            *(entry.first, entry.seconds, usage.tier if usage else ""),
        ),
    )


def split_turn_cost(connection: sqlite3.Connection, turn: str, cost: Decimal | None) -> None:
    """Split the cost of a turn among its requests of unknown cost, in proportion to their tokens.

    The shares add up to the cost exactly; an unknown cost leaves them unpriced.
    """
    if cost is None:
        return
    rows = connection.execute(
        "SELECT n, cost, input + output FROM ledger WHERE turn = ? AND input IS NOT NULL ORDER BY step, n", (turn,)
    ).fetchall()
    rest = cost - sum((Decimal(row[1]) for row in rows if row[1] is not None), Decimal(0))
    open_rows = [(row[0], row[2]) for row in rows if row[1] is None]
    tokens = sum(size for _, size in open_rows)
    for n, size in open_rows:
        share = rest if size == tokens else (rest * size / tokens).quantize(Decimal("1e-12"))
        rest, tokens = rest - share, tokens - size
        connection.execute("UPDATE ledger SET cost = ? WHERE n = ?", (str(share), n))


def unpriced(connection: sqlite3.Connection, since: float) -> list[tuple[int, float, ModelRef, Usage]]:
    """Return the unpriced requests since a moment (Unix time) that have the provider's own token counts.

    A row is its number, its time and its model with the counts.
    """
    rows = connection.execute(
        "SELECT n, at, provider, model, input, output, cached, cache_write, reasoning, tier FROM ledger "
        "WHERE cost IS NULL AND input IS NOT NULL AND NOT estimated AND at >= ?",
        (since,),
    )
    return [
        (n, at, ModelRef(provider, model), Usage(*counts, tier=tier)) for n, at, provider, model, *counts, tier in rows
    ]


def price(connection: sqlite3.Connection, costs: Mapping[int, tuple[Decimal, CostBasis]]) -> None:
    """Set the cost of rows that have none yet."""
    rows = [(str(cost), basis.value, n) for n, (cost, basis) in costs.items()]
    connection.executemany("UPDATE ledger SET cost = ?, basis = ? WHERE n = ? AND cost IS NULL", rows)


def recent_models(connection: sqlite3.Connection, limit: int) -> tuple[ModelRef, ...]:
    """Return up to `limit` models of the last thousand requests, the newest first."""
    rows = connection.execute(
        "SELECT provider, model FROM (SELECT n, provider, model FROM ledger ORDER BY n DESC LIMIT ?) "
        "GROUP BY provider, model ORDER BY max(n) DESC LIMIT ?",
        (_RECENT, limit),
    )
    return tuple(ModelRef(provider, model) for provider, model in rows)


def last_origin(connection: sqlite3.Connection, model: ModelRef) -> Origin | None:
    """Return the protocol of a model's last reply, None if there is none."""
    found = connection.execute(
        "SELECT protocol FROM ledger WHERE provider = ? AND model = ? AND protocol <> '' ORDER BY n DESC LIMIT 1",
        (model.provider, model.model),
    ).fetchone()
    known = found and found[0] in tuple(ApiProtocol)
    return Origin(model.provider, ApiProtocol(found[0]), model.model) if known else None


def totals(connection: sqlite3.Connection, by: UsageGroup, since: float) -> tuple[UsageRow, ...]:
    """Return the usage since a moment (Unix time): days newest first, models and chats by their cost."""
    connection.create_aggregate("exact_sum", 1, _ExactSum)  # pyright: ignore[reportArgumentType] - it is an aggregate class
    rows = connection.execute(
        f"SELECT {_KEYS[by]}, count(*), {_SUMS}, "  # noqa: S608
        "exact_sum(cost), sum(cost IS NULL), max(estimated), avg(first), coalesce(sum(seconds), 0), "
        "max(basis = 'similar'), sum(basis = 'billed'), sum(input IS NULL), "
        "coalesce(group_concat(DISTINCT nullif(cache_miss, '')), '') "
        "FROM ledger LEFT JOIN chats ON chats.n = ledger.chat WHERE at >= ? GROUP BY 1",
        (since,),
    )
    found = [_row(row) for row in rows]
    if by is UsageGroup.DAY:
        return tuple(sorted(found, key=lambda row: row.key, reverse=True))
    return tuple(sorted(found, key=lambda row: (-row.cost, -row.requests, row.key)))


_SUMS = ", ".join(f"coalesce(sum({column}), 0)" for column in ("input", "cached", "cache_write", "output", "reasoning"))
_KEYS = {
    UsageGroup.MODEL: "ledger.provider || '/' || ledger.model, ''",
    UsageGroup.DAY: "date(at, 'unixepoch', 'localtime'), ''",
    UsageGroup.CHAT: "coalesce(chats.id, ''), coalesce(chats.title, 'deleted chats')",
}


def _row(row: tuple[Any, ...]) -> UsageRow:
    key, title, requests, sent, cached, cache_write, output, reasoning = row[:8]
    cost, unpriced, estimated, first, seconds, about, billed, uncounted, misses = row[8:]
    return UsageRow(
        *(key, title, requests, sent, cached, cache_write, output, reasoning),
        *(Decimal(cost), unpriced, bool(estimated), first, seconds),
        about=bool(about),
        billed=billed,
        uncounted=uncounted,
        cache_misses=tuple(filter(None, misses.split(","))),
    )


class _ExactSum:
    """A sum of decimals written as text, for SQLite (https://www.sqlite.org/appfunc.html)."""

    def __init__(self) -> None:
        self._sum = Decimal(0)

    def step(self, value: str | None) -> None:
        if value is not None:
            self._sum += Decimal(value)

    def finalize(self) -> str:
        return str(self._sum)
