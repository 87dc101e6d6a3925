"""What a process holds (Linux): memory, threads, files, sockets, child processes, asyncio tasks."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Resources:
    """The resources of a process after a number of turns; `rss` in bytes, `files` without sockets."""

    turns: int
    rss: int
    threads: int
    files: int
    sockets: int
    children: int
    tasks: int

    def __str__(self) -> str:
        return (
            f"{self.turns:>5}  {self.rss / 1e6:>7.1f} MB  {self.threads:>7}  {self.files:>5}  {self.sockets:>7}"
            f"  {self.children:>8}  {self.tasks:>5}"
        )


INSPECTOR = Path(__file__).parent / "inspector"
HEAD = "turns         RSS  threads  files  sockets  children  tasks"


def resources(pid: int, turns: int, tasks: Path, wait: Callable[[Callable[[], bool]], None]) -> Resources:
    """Look at a process that has the inspector; `wait` waits until a condition holds."""
    tasks.unlink(missing_ok=True)
    os.kill(pid, signal.SIGUSR1)
    wait(tasks.exists)
    found = json.loads(tasks.read_text())
    status = Path(f"/proc/{pid}/status").read_text()
    opened: list[str] = found["files"]
    sockets = sum(target.startswith("socket:") for target in opened)
    threads = list(Path(f"/proc/{pid}/task").iterdir())
    children = sum(len((thread / "children").read_text().split()) for thread in threads)
    return Resources(
        turns,
        int(re.findall(r"VmRSS:\s+(\d+)", status)[0]) * 1024,
        len(threads),
        len(opened) - sockets,
        sockets,
        children,
        found["tasks"],
    )
