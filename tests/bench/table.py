"""The table of all benches: a figure, its floor or limit, and the goal.

A bench is a function `rows(plan)` that yields `Row` values. Compare the ratios; times depend on the machine.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, TypeAlias

from wcwidth import wcswidth

from tests.bench.peer import NO_PEER, Peer

ROUNDS = 9
COLUMNS = ("what", "termchat", "floor or limit", "ratio", "goal", "met?")


class Goal(NamedTuple):
    """A limit of a figure: a multiple of the floor, an absolute one, or one above the floor; `least` is a lower one.

    words   how the table names the limit, if it is not the figure
    """

    ratio: float | None = None
    most: float | None = None
    above: float | None = None
    least: float | None = None
    words: str = ""

    def holds(self, value: float, floor: float | None) -> bool:
        """Compare with the value; a goal beside the floor does not hold without one."""
        if self.most is not None:
            return value <= self.most
        if self.least is not None:
            return value >= self.least
        if floor is None:
            return False
        return value <= (floor * self.ratio if self.ratio is not None else floor + (self.above or 0.0))

    def text(self, unit: str) -> str:
        if self.words:
            return f"≤ {self.words}"
        if self.most is not None:
            return f"≤ {self.most:g} {unit}".strip()
        if self.least is not None:
            return f"≥ {self.least:g} {unit}".strip()
        return f"≤ {self.ratio:.2f} x" if self.ratio is not None else f"≤ floor + {self.above:g} {unit}".strip()


@dataclass(frozen=True)
class Row:
    """One figure.

    value     of termchat, in `unit`
    floor     of the bare library or the client nearest to the limit, measured in the same run
    goal      None for a figure that is only shown
    against   of the client that `--against` names, None if it cannot be measured
    """

    name: str
    value: float
    unit: str = "ms"
    floor: float | None = None
    goal: Goal | None = None
    against: float | None = None

    def cells(self) -> tuple[str, ...]:
        """The columns of `COLUMNS`, and the other client's."""
        limit = self.floor
        if limit is None and self.goal is not None:
            limit = self.goal.most or self.goal.least
        ratio = f"{self.value / limit:.2f}" if limit else "-"
        goal, met = ("-", "-") if self.goal is None else (self.goal.text(self.unit), self._met(self.goal))
        return (self.name, _figure(self.value, self.unit), _figure(limit, self.unit), ratio, goal, met, self._against())

    def _met(self, goal: Goal) -> str:
        return "met" if goal.holds(self.value, self.floor) else "missed"

    def _against(self) -> str:
        return _figure(self.against, self.unit)


class Plan(NamedTuple):
    """Number of interleaved rounds behind a median, and the other client to measure."""

    rounds: int = ROUNDS
    peer: Peer = NO_PEER


Bench: TypeAlias = Callable[..., Iterable[Row]]


@dataclass
class Table:
    """The rows so far, printed at once so that columns align."""

    peer: Peer = NO_PEER
    rows: list[Row] = field(default_factory=list[Row])

    def lines(self) -> Iterator[str]:
        head = (*COLUMNS, *([self.peer.name] if self.peer else []))
        body = [row.cells()[: len(head)] for row in self.rows]
        widths = [max(map(wcswidth, column)) for column in zip(head, *body, strict=True)]
        for cells in (head, tuple("-" * width for width in widths), *body):
            yield "  ".join(map(_aligned, cells, widths, range(len(cells)))).rstrip()


def _aligned(cell: str, width: int, column: int) -> str:
    """Fill a cell up to a width in columns of the terminal: figures at their left, words at their right."""
    blanks = " " * (width - wcswidth(cell))
    return cell + blanks if column in (0, 4, 5) else blanks + cell


def _figure(value: float | None, unit: str) -> str:
    if value is None:
        return "-"
    number = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.3g}"
    return f"{number} {unit}".strip()


def middle(values: Iterable[float]) -> float:
    """The median in milliseconds of times in seconds."""
    return statistics.median(values) * 1e3


def quantile(values: Sequence[float], part: float) -> float:
    """A quantile in milliseconds of times in seconds: 0.95 for the p95."""
    ordered = sorted(values)
    return ordered[min(int(len(ordered) * part), len(ordered) - 1)] * 1e3


def interleaved(rounds: int, *measures: Callable[[], float]) -> list[list[float]]:
    """Run the measures in turn, `rounds` times; the first round is discarded."""
    taken = [[measure() for measure in measures] for _ in range(rounds + 1)][1:]
    return [list(column) for column in zip(*taken, strict=True)]


def progress(text: str) -> None:
    """Say on standard error what is being measured."""
    print(text, file=sys.stderr, flush=True)


def options(description: str) -> argparse.ArgumentParser:
    """The options of every bench."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=ROUNDS, help="runs behind a median, default %(default)s")
    parser.add_argument(
        "--against",
        action="append",
        default=[],
        metavar="COMMAND",
        help="another client; see the top of tests/bench/peer.py for the placeholders",
    )
    return parser


def measure(table: Table, name: str, bench: Bench, plan: Plan, **sizes: int) -> bool:
    """Add the rows of a bench; return False, with the reason on standard error, if it breaks off."""
    began = time.monotonic()
    progress(f"{name} ...")
    try:
        for row in bench(plan, **sizes):
            table.rows.append(row)
            progress(f"  {'  '.join(row.cells())}")
    except Exception as error:  # the other benches go on
        progress(f"{name} broke off: {error!r}")
        return False
    progress(f"{name}: {time.monotonic() - began:.0f} s")
    return True


def run(bench: Bench, description: str | None, **sizes: int) -> int:
    """Run one bench as a program, with an option for each of its sizes; return the exit code."""
    parser = options(description or "")
    for name, default in sizes.items():
        parser.add_argument(f"--{name}", type=int, default=default, help="default %(default)s")
    given = vars(parser.parse_args())
    plan = Plan(given.pop("rounds"), Peer.of(given.pop("against")))
    table = Table(plan.peer)
    done = measure(table, Path(sys.argv[0]).stem, bench, plan, **given)
    print("\n".join(table.lines()))
    return 0 if done else 1
