"""/usage: list tokens and cost by model."""

from __future__ import annotations

from collections.abc import Iterable

from termchat.commands.registry import CommandContext, CommandGroup, Effects
from termchat.core.effects import Print, PrintTable
from termchat.core.sanitize import EMPTY, Safe, safe, safe_format, safe_line
from termchat.core.session import ModelUsage
from termchat.core.usage import Usage, add_costs

group = CommandGroup()
_HEADER = (
    safe_format("model"),
    safe_format("turns"),
    safe_format("in"),
    safe_format("cached"),
    safe_format("out"),
    safe_format("thinking"),
    safe_format("cost"),
)


@group.command(
    "usage", safe_format("list tokens and cost of this session by model"), aliases=("cost",), allowed_while_busy=True
)
def usage(context: CommandContext, argument: str) -> Effects:
    """Print a table with a row for each model, and their total."""
    totals = context.session.totals
    if not totals:
        return (Print(safe_format("No usage yet.")),)
    rows = [_row(safe_line(str(ref)), spent) for ref, spent in totals.items()]
    if len(rows) > 1:
        rows.append(_row(safe_format("total"), _sum(totals.values())))
    return (PrintTable(_HEADER, tuple(rows), frozenset(range(1, 7)), optional_columns=(5, 3)),)


def _row(name: Safe, spent: ModelUsage) -> tuple[Safe, ...]:
    used = spent.usage
    about = "~" if used.estimated else ""
    counts = (used.input, used.cached, used.output, used.reasoning)
    return (name, safe(str(spent.turns)), *(safe(f"{about}{n:,}" if n else "–") for n in counts), _cost(spent))


def _cost(spent: ModelUsage) -> Safe:
    if spent.cost is None:
        return safe_format("unknown")
    return safe(f"${spent.cost:.4f}") if spent.cost else EMPTY


def _sum(all_spent: Iterable[ModelUsage]) -> ModelUsage:
    turns, usage, cost = 0, Usage(), ModelUsage().cost
    for spent in all_spent:
        turns, usage, cost = turns + spent.turns, usage + spent.usage, add_costs(cost, spent.cost)
    return ModelUsage(turns, usage, cost)
