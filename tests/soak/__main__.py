"""Take many turns in one REPL and print its resources: `python -m tests.soak [--turns 500]`. Linux only."""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from tests.gateway import GatewayThread
from tests.soak.course import check_database, soaking
from tests.soak.resources import HEAD


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    parser.add_argument("--turns", type=int, default=500)
    parser.add_argument("--every", type=int, default=50, help="turns between two rows")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="termchat-soak-") as folder:
        home, began = Path(folder), time.monotonic()
        with GatewayThread() as gateway, soaking(gateway, home) as soak:
            print(f"{HEAD}   seconds\n{soak.look()}", flush=True)
            while soak.turns < given.turns:
                soak.turn()
                if soak.turns % given.every == 0:
                    print(f"{soak.look()}  {time.monotonic() - began:>8.0f}", flush=True)
        print(f"the database is sound: {check_database(home)} messages")


if __name__ == "__main__":
    main()
