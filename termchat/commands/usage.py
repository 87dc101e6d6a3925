"""/usage: list tokens and cost by model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from termchat.commands.registry import CommandContext, CommandGroup, Effects
from termchat.core.effects import Effect, Print, PrintTable, ShowBudget
from termchat.core.models import ModelRef
from termchat.core.sanitize import EMPTY, Safe, safe, safe_format, safe_line
from termchat.core.session import ModelUsage
from termchat.core.usage import BudgetState

group = CommandGroup()
_HEADER = (
    safe_format("model"),
    safe_format("turns"),
    safe_format("in"),
    safe_format("cached"),
    safe_format("written"),
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
        rows.append(_row(safe_format("total"), sum(totals.values(), ModelUsage())))
    table = PrintTable(_HEADER, tuple(rows), frozenset(range(1, 8)), optional_columns=(6, 4, 3))
    return (table, *(Print(words) for words in _cache_misses(totals)), *_limits(context.session.budget))


def _limits(state: BudgetState) -> Iterator[Effect]:
    """Yield the effect that shows what is spent of the limits, if there are any."""
    if state.limits:
        yield ShowBudget()


def _cache_misses(totals: Mapping[ModelRef, ModelUsage]) -> Iterator[Safe]:
    """Yield a line for each model whose provider has told why its prompt cache was missed last."""
    for ref, spent in totals.items():
        if spent.usage.cache_miss:
            yield safe_format(
                "{name} missed its prompt cache: {why}.",
                name=safe_line(str(ref)),
                why=safe_line(spent.usage.cache_miss.replace("_", " ")[:80]),
            )


def _row(name: Safe, spent: ModelUsage) -> tuple[Safe, ...]:
    used = spent.usage
    about = "~" if used.estimated else ""
    counts = (used.input, used.cached, used.cache_write, used.output, used.reasoning)
    return (name, safe(str(spent.turns)), *(safe(f"{about}{n:,}" if n else "–") for n in counts), _cost(spent))


def _cost(spent: ModelUsage) -> Safe:
    """Return the known cost, `~` before one at another vendor's list price, and the number of unpriced requests."""
    if spent.cost is None:
        return safe_format("unpriced")
    known = safe(f"{'~' if spent.about else ''}${spent.cost:.4f}") if spent.cost else EMPTY
    if not spent.unpriced:
        return known
    return safe_format("{known} + {n} unpriced", known=known or safe("$0"), n=safe(str(spent.unpriced)))
