"""/usage: what was asked of which model, and what it cost."""

from __future__ import annotations

from collections.abc import Iterable

from termchat.commands.registry import Context, Effects, Family
from termchat.core.chat_store import Totals
from termchat.core.effects import Say, Table
from termchat.core.sanitize import EMPTY, Safe, safe, safe_line, say
from termchat.core.usage import Usage, add_costs

family = Family()
_HEADER = (say("model"), say("turns"), say("in"), say("cached"), say("out"), say("thinking"), say("cost"))


@family.command("usage", say("tokens and cost of this session, by model"), aliases=("cost",), harmless=True)
def usage(context: Context, argument: str) -> Effects:
    """A table with a row for each model and their sum."""
    totals = context.session.totals
    if not totals:
        return (Say(say("Nothing was asked yet.")),)
    rows = [_row(safe_line(str(ref)), spent) for ref, spent in totals.items()]
    if len(rows) > 1:
        rows.append(_row(say("together"), _sum(totals.values())))
    return (Table(_HEADER, tuple(rows), frozenset(range(1, 7)), spare=(5, 3)),)


def _row(name: Safe, spent: Totals) -> tuple[Safe, ...]:
    used = spent.usage
    about = "~" if used.estimated else ""
    counts = (used.input, used.cached, used.output, used.reasoning)
    return (name, safe(str(spent.turns)), *(safe(f"{about}{n:,}" if n else "–") for n in counts), _cost(spent))


def _cost(spent: Totals) -> Safe:
    if spent.cost is None:
        return say("unknown")
    return safe(f"${spent.cost:.4f}") if spent.cost else EMPTY


def _sum(all_spent: Iterable[Totals]) -> Totals:
    turns, usage, cost = 0, Usage(), Totals().cost
    for spent in all_spent:
        turns, usage, cost = turns + spent.turns, usage + spent.usage, add_costs(cost, spent.cost)
    return Totals(turns, usage, cost)
