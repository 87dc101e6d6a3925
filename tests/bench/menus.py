"""Time from Enter to the first paint of a menu, beside 500 models and 50,000 chats: `python -m tests.bench.menus`.

The chat is at rest and the store open; each round is a new process, in which each menu is opened once.
"""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from statistics import median

from tests.bench.clients import Home, new_home, our_chat
from tests.bench.store import database
from tests.bench.table import Goal, Plan, Row, run
from tests.bench.terminal import Pty

_MODELS = 500
_SETTLED = 1.5  # seconds until everything that a start loads later is there
_GOAL = Goal(most=50)
_MENUS = {
    "models": (b"/model\r", b"loading models"),
    "chats": (b"/chats\r", b"type to search"),
    "themes": (b"/theme\r", b"type to filter"),
}


def rows(plan: Plan) -> Iterator[Row]:
    """Enter to the first paint of each menu."""
    with new_home() as home:
        home.database.parent.mkdir(parents=True)
        shutil.copyfile(database(messages=110_000, chats=50_000), home.database)
        _write_models(home)
        times: dict[str, list[float]] = {name: [] for name in _MENUS}
        for _ in range(plan.rounds):
            for name, taken in _opened(home.env).items():
                times[name].append(taken)
    for name, taken in times.items():
        yield Row(f"menu of {name}: Enter to the first paint", 1e3 * median(taken), goal=_GOAL)


def _write_models(home: Home) -> None:
    """Write a configuration of one provider with many models."""
    home.serve("http://127.0.0.1:9")
    names = ", ".join(f'"vendor-{n % 20}/model-{n}"' for n in range(_MODELS))
    with home.config.open("a") as file:
        file.write(f"models = [{names}]\n")


def _opened(env: Mapping[str, str]) -> dict[str, float]:
    """Open each menu once; return seconds by its name."""
    taken: dict[str, float] = {}
    with Pty(our_chat("openai"), env) as terminal:
        terminal.wait("❯".encode())
        terminal.rest(_SETTLED)
        for name, (command, wanted) in _MENUS.items():
            terminal.write(command[:-1])
            terminal.rest(0.2)
            at = time.monotonic()
            terminal.write(command[-1:])
            terminal.wait(wanted)
            taken[name] = time.monotonic() - at
            terminal.rest(0.3)
            terminal.write(b"\x1b")
            terminal.rest(0.2)
    return taken


if __name__ == "__main__":
    sys.exit(run(rows, __doc__))
