"""Limits of memory and processes for a command: one that takes too much ends alone, not with termchat or the system.

A process gets a limit of its own data and is the first that Linux ends when memory runs out. The sum over all
processes of a command is looked at each second.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from contextlib import suppress
from functools import cache
from pathlib import Path

PROCESSES = 1024  # at most of a command
_SHARE = 0.8  # of the memory of the system that one command may use
_FIRST_TO_END = "1000"  # the highest oom_score_adj
_PROC = Path("/proc")
_PRLIMIT, _CHOOM = Path("/usr/bin/prlimit"), Path("/usr/bin/choom")


@cache
def memory_limit() -> int:
    """Return the bytes of memory that one command may use, 0 if the size of the memory is not known."""
    sizes: list[int] = []
    with suppress(OSError, ValueError, AttributeError):
        sizes.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    with suppress(OSError, ValueError):  # "max" for none
        sizes.append(int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return int(_SHARE * min(sizes)) if sizes else 0


def limited_argv(argv: tuple[str, ...]) -> tuple[str, ...]:
    """Return the argv that runs another argv in a sandbox with the limits of one process, as far as programs can."""
    if _PRLIMIT.exists():  # Linux does not count the processes of root
        data = (f"--data={memory_limit()}",) if memory_limit() else ()
        argv = (str(_PRLIMIT), f"--nproc={PROCESSES}", "--core=0", *data, "--", *argv)
    return (str(_CHOOM), "-n", _FIRST_TO_END, "--", *argv) if _CHOOM.exists() else argv


def limit_process(pid: int) -> None:
    """Limit a process that has just started, and what it starts from now on; Linux only."""
    with suppress(OSError):
        (_PROC / str(pid) / "oom_score_adj").write_text(_FIRST_TO_END)
    with suppress(ImportError, AttributeError, OSError, ValueError):
        import resource

        if limit := memory_limit():
            resource.prlimit(pid, resource.RLIMIT_DATA, (limit, limit))


def memory_of(pids: Collection[int]) -> int:
    """Return the bytes of memory that processes have for themselves, without files and shared memory."""
    pages = 0
    for pid in pids:
        with suppress(OSError, ValueError, IndexError):
            fields = (_PROC / str(pid) / "statm").read_bytes().split()
            pages += max(0, int(fields[1]) - int(fields[2]))
    return pages * os.sysconf("SC_PAGE_SIZE") if pages else 0
