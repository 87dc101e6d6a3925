"""`termchat usage`: add up tokens and cost of all requests."""

import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Annotated

import typer

from termchat.cli.command import require_config, run_typer, with_store
from termchat.cli.print_table import Column, Fit, print_json, print_table, terminal_width
from termchat.core.chat_store import ChatStore
from termchat.core.chats import UsageGroup, UsageRow
from termchat.core.errors import Failure
from termchat.core.outcomes import ExitCode
from termchat.core.sanitize import Safe, safe, safe_format, safe_line
from termchat.ui.phrases import count, money
from termchat.ui.phrases import since as parse_since
from termchat.ui.stderr import Stderr, print_stdout, warn

_BAR = 20  # cells of the longest bar
_EIGHTHS = " ▏▎▍▌▋▊▉█"
_TITLES = ("requests", "in", "cached", "written", "out", "cost")
_ROOM = {1: 50, 3: 60, 4: 80, 7: 110}  # the width of a terminal, in columns, from which a column is shown


def run(arguments: list[str], env: Mapping[str, str]) -> int:
    """Parse the arguments of `termchat usage`, run it and return its exit code."""
    return run_typer(print_usage, arguments, "termchat usage", env)


def print_usage(
    context: typer.Context,
    by: Annotated[
        UsageGroup, typer.Option("--by", metavar="model|day|chat", help="Group the requests by this.")
    ] = UsageGroup.MODEL,
    since: Annotated[
        str, typer.Option("--since", metavar="TIME", help="Count requests since this time: 12h, 7d, 2w or a date.")
    ] = "30d",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON array.")] = False,
) -> None:
    """Add up tokens and cost of all requests."""
    begin = parse_since(since, time.time())
    if isinstance(begin, Failure):
        Stderr().failure(begin)
        raise typer.Exit(ExitCode.USAGE)
    raise typer.Exit(with_store(context, _summary(context, by, begin, as_json=as_json)))


def _summary(
    context: typer.Context, by: UsageGroup, since: float, *, as_json: bool
) -> Callable[[ChatStore], Awaitable[int]]:
    """The action that prices the requests since a moment (Unix time) and prints their sums."""
    from termchat.providers.catalog.prices import PriceTable

    prices = PriceTable(require_config(context).providers)

    async def show(store: ChatStore) -> int:
        await store.price(prices, since)
        _show(await store.usage(by, since), as_json=as_json)
        return ExitCode.COMPLETE

    return show


def _show(rows: Sequence[UsageRow], *, as_json: bool) -> None:
    """Print the rows in their order and their sum; a request without a known price counts as unpriced."""
    if as_json:
        print_json(map(_plain, rows))
        return
    if not rows:
        warn(safe("No requests in this period."))
        return
    if misses := _sum(rows).cache_misses:
        known = ", ".join(why.replace("_", " ") for why in misses)
        warn(safe_format("Prompt caches were missed: {why}.", why=safe_line(known[:200])))
    if sys.stdout.isatty():
        _print(rows)
    else:
        _print_lines(rows)


def _print(rows: Sequence[UsageRow]) -> None:
    """Print a table with as many of its columns as the terminal has room for."""
    width = terminal_width()
    name = Fit.CUT if width >= _ROOM[1] or any(row.title for row in rows) else Fit.FOLD
    columns = [Column(fit=name), *(Column(safe(title), right=True) for title in _TITLES), Column(fit=Fit.CUT)]
    shown = [n for n in range(len(columns)) if width >= _ROOM.get(n, 0)]
    table = ((*cells, bar) for cells, bar in _rows(rows))
    print_table([columns[n] for n in shown], ([row[n] for n in shown] for row in table))


def _print_lines(rows: Sequence[UsageRow]) -> None:
    """Print aligned columns of any width, for a pipe."""
    table = [((safe(""), *map(safe, _TITLES)), safe("")), *_rows(rows)]
    widths = [max(len(cells[n]) for cells, _ in table) for n in range(1 + len(_TITLES))]
    for (name, *numbers), bar in table:
        aligned = "  ".join(f"{text:>{width}}" for text, width in zip(numbers, widths[1:], strict=True))
        print_stdout(f"{name:<{widths[0]}}  {aligned}  {bar}".rstrip() + "\n")


def _rows(rows: Sequence[UsageRow]) -> Iterator[tuple[tuple[Safe, ...], Safe]]:
    """Yield the cells and the bar of each row, then those of the sum."""
    most = max(row.input + row.output for row in rows) or 1
    for row in rows:
        yield _cells(row), _bar((row.input + row.output) / most)
    yield _cells(_sum(rows)), safe("")


def _cells(row: UsageRow) -> tuple[Safe, ...]:
    about = "~" if row.estimated else ""
    return (
        safe_line(row.title[:40] or row.key),
        count(row.requests),
        safe(about + count(row.input)),
        count(row.cached) if row.cached else safe(""),
        count(row.cache_write) if row.cache_write else safe(""),
        safe(about + count(row.output)),
        _cost(row),
    )


def _cost(row: UsageRow) -> Safe:
    """The sum of the known costs, and the number of unpriced requests."""
    if row.unpriced == row.requests:
        return safe("unpriced")
    about = "~" if row.about else ""
    return safe(about + money(row.cost) + (f" + {row.unpriced} unpriced" if row.unpriced else ""))


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
        about=any(r.about for r in rows),
        billed=sum(r.billed for r in rows),
        uncounted=sum(r.uncounted for r in rows),
        cache_misses=tuple(sorted({why for r in rows for why in r.cache_misses})),
    )


def _bar(share: float) -> Safe:
    whole, eighths = divmod(round(share * _BAR * 8), 8)
    return safe("█" * whole + (_EIGHTHS[eighths] if eighths else ""))


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
        "approximate": row.about,
        "billed_requests": row.billed,
        "uncounted_requests": row.uncounted,
        "cache_misses": [*row.cache_misses],
        "estimated": row.estimated,
        "first_token_seconds": row.first,
        "seconds": row.seconds,
    }
