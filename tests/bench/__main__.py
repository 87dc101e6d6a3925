"""Run all benches and print one table: `python -m tests.bench`.

Each row is a figure of termchat beside its floor (the bare library in the same run) or its limit, their ratio, and the
goal. Progress goes to standard error. A missed goal changes no exit code; a bench that breaks off ends with 1. The
first run makes two databases in the temporary directory, which takes minutes; every other run takes about six.
"""

from __future__ import annotations

import sys
from importlib import import_module

from tests.bench.peer import Peer
from tests.bench.table import Bench, Plan, Table, measure, options, progress

BENCHES = ("start", "glyph", "render", "stream", "reply", "store", "keys", "menus", "tools", "cancel", "idle", "serve")


def main() -> int:
    parser = options(__doc__ or "")
    parser.add_argument(
        "--only", action="append", choices=BENCHES, metavar="NAME", help=f"one bench; repeatable: {', '.join(BENCHES)}"
    )
    given = parser.parse_args()
    plan = Plan(max(1, given.rounds), Peer.of(given.against))
    table = Table(plan.peer)
    wanted = [name for name in BENCHES if name in (given.only or BENCHES)]
    done: list[bool] = []
    try:
        done += (measure(table, name, _bench(name), plan) for name in wanted)
    except KeyboardInterrupt:
        progress("stopped; the rows so far:")
    print("\n".join(table.lines()))
    return 0 if len(done) == len(wanted) and all(done) else 1


def _bench(name: str) -> Bench:
    """Return the bench of a module, which is imported when it runs, so that one that is broken stops no other."""
    return lambda plan: import_module(f"tests.bench.{name}").rows(plan)


if __name__ == "__main__":
    sys.exit(main())
