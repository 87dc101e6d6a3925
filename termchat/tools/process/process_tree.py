"""Find and end a process with everything that it started, also what has left its group or session.

Linux: a started program carries a marker in its environment; `/proc` tells the marker, session, group and parent of
every process. Elsewhere only the group is known.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path

from termchat.late_dataclass import dataclass

MARKER = "TERMCHAT_COMMAND"
_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class _Entry:
    pid: int
    parent: int
    group: int
    session: int


def find_processes(leaders: Collection[int], marker: str) -> set[int]:
    """Return the live processes of a command: the leaders, their groups, sessions and descendants, and the marked.

    marker   the value of MARKER in the environment of the command
    """
    entries = [entry for name in _pids() if (entry := _entry(name))]
    wanted = f"{MARKER}={marker}".encode()
    found = {
        entry.pid
        for entry in entries
        if entry.pid in leaders or entry.group in leaders or entry.session in leaders or _marked(entry.pid, wanted)
    }
    grown = True
    while grown:
        children = {entry.pid for entry in entries if entry.parent in found} - found
        found |= children
        grown = bool(children)
    return found - {os.getpid()}


def signal_processes(leaders: Collection[int], marker: str, number: signal.Signals, *, spare: bool = False) -> bool:
    """Send a signal to the processes of a command. Return False when there are none.

    spare   leave out the leaders: a sandbox kills its program at once when it ends itself
    """
    found = find_processes(leaders, marker)
    for pid in sorted(found - set(leaders) if spare else found):
        with suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)
    if not spare and (found or not _PROC.is_dir()):  # the number of an ended group may belong to another one
        _signal_groups(leaders, number)
    return bool(found)


def _signal_groups(leaders: Iterable[int], number: signal.Signals) -> None:
    for leader in leaders:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(leader, number)


def _pids() -> list[str]:
    with suppress(OSError):
        return [name for name in os.listdir(_PROC) if name.isdigit()]
    return []


def _entry(name: str) -> _Entry | None:
    with suppress(OSError, ValueError, IndexError):
        # the name of the program, in parentheses, may contain anything
        fields = (_PROC / name / "stat").read_bytes().rpartition(b")")[2].split()
        if fields[0] not in (b"Z", b"X"):
            return _Entry(int(name), int(fields[1]), int(fields[2]), int(fields[3]))
    return None


def _marked(pid: int, wanted: bytes) -> bool:
    with suppress(OSError):
        return wanted in (_PROC / str(pid) / "environ").read_bytes().split(b"\0")
    return False
