"""`termchat usage`: tokens and cost of everything that was asked, as a table with bars."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal

from termchat.core.chats import UsageRow
from termchat.core.sanitize import Safe, safe, safe_line
from termchat.ui.phrases import count, money
from termchat.ui.stderr import print_stdout, warn

_BAR = 20  # cells
_EIGHTHS = " ▏▎▍▌▋▊▉█"


def show_usage(rows: Sequence[UsageRow], *, as_json: bool) -> None:
    """Print the rows, the dearest or longest first, with what is not priced said as unpriced."""
    if as_json:
        print_stdout(json.dumps([_plain(row) for row in rows], ensure_ascii=False, indent=1) + "\n")
        return
    if not rows:
        warn(safe("Nothing was asked in that time."))
        return
    table = [("", "requests", "in", "cached", "out", "cost"), *map(_cells, rows), _cells(_sum(rows))]
    widths = [max(len(row[n]) for row in table) for n in range(6)]
    most = max(row.input + row.output for row in rows) or 1
    bars = ["", *(_bar((row.input + row.output) / most) for row in rows), ""]
    for cells, bar in zip(table, bars, strict=True):
        name, *numbers = cells
        aligned = "  ".join(f"{text:>{width}}" for text, width in zip(numbers, widths[1:], strict=True))
        print_stdout(f"{name:<{widths[0]}}  {aligned}  {bar}".rstrip() + "\n")


def _cells(row: UsageRow) -> tuple[Safe, ...]:
    about = "~" if row.estimated else ""
    return (
        safe_line((row.title or row.key)[:40]),
        count(row.requests),
        safe(about + count(row.input)),
        count(row.cached) if row.cached else safe(""),
        safe(about + count(row.output)),
        _cost(row),
    )


def _cost(row: UsageRow) -> Safe:
    """The known costs, and how many requests are not in them."""
    if row.unpriced == row.requests:
        return safe("unpriced")
    return safe(money(row.cost) + (f" + {row.unpriced} unpriced" if row.unpriced else ""))


def _sum(rows: Sequence[UsageRow]) -> UsageRow:
    return UsageRow(
        key="all",
        title="",
        requests=sum(r.requests for r in rows),
        input=sum(r.input for r in rows),
        cached=sum(r.cached for r in rows),
        cache_write=sum(r.cache_write for r in rows),
        output=sum(r.output for r in rows),
        reasoning=sum(r.reasoning for r in rows),
        cost=sum((r.cost for r in rows), Decimal(0)),
        unpriced=sum(r.unpriced for r in rows),
        estimated=any(r.estimated for r in rows),
        first=None,
        seconds=sum(r.seconds for r in rows),
    )


def _bar(share: float) -> str:
    whole, eighths = divmod(round(share * _BAR * 8), 8)
    return "█" * whole + (_EIGHTHS[eighths] if eighths else "")


def _plain(row: UsageRow) -> dict[str, object]:
    return {
        "key": row.key,
        "title": row.title,
        "requests": row.requests,
        "input": row.input,
        "cached": row.cached,
        "cache_write": row.cache_write,
        "output": row.output,
        "reasoning": row.reasoning,
        "cost": str(row.cost) if row.unpriced < row.requests else None,
        "unpriced": row.unpriced,
        "estimated": row.estimated,
        "first_token_seconds": row.first,
        "seconds": row.seconds,
    }
