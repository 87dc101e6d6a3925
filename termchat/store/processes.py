"""Identify processes by pid and start time, because pids are reused.

Linux gives both in /proc/PID/stat (proc(5): field 4 is the parent, 6 the session, 7 the terminal, 22 the start in
clock ticks since boot); elsewhere ps does.
"""

from __future__ import annotations

import os
import sys
from functools import cache
from pathlib import Path

_LONG = 12 * 3600.0  # seconds
_PS = "/bin/ps"


@cache
def this_process() -> str:
    """The name of this process, for `is_running` in any other process."""
    return _name(os.getpid())


def is_running(name: str, since: float, now: float) -> bool:
    """True if the process that took `name` at the time `since` still runs; both times are Unix times.

    A process of another machine or container cannot be checked: it counts as running for twelve hours.
    """
    host, _, rest = name.partition("|")
    if host != _host():
        return now - since < _LONG
    pid = rest.partition("|")[2].partition("|")[0]
    return pid.isdigit() and _name(int(pid)) == name


def controlling_terminal() -> str:
    """The name of the controlling terminal and its session, "" without a terminal.

    The terminal's name alone is not enough: a new window gets the name of a closed one.
    """
    if fields := _stat(os.getpid()):
        session = fields[3]
        return f"{fields[4]}:{session}:{_start(int(session))}" if fields[4] != "0" else ""
    for stream in (2, 0, 1):
        try:
            return f"{os.ttyname(stream)}:{os.getsid(0)}"
        except (OSError, AttributeError):
            continue
    return ""


def _name(pid: int) -> str:
    return f"{_host()}|{_boot()}|{pid}|{_start(pid)}"


def _host() -> str:
    return os.uname().nodename.replace("|", "") if hasattr(os, "uname") else "windows"


@cache
def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


def _start(pid: int) -> str:
    if fields := _stat(pid):
        return "" if fields[0] in "ZX" else fields[19]
    return "" if sys.platform in ("linux", "win32") else _ps_start(pid)


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the third on, after the program's name, which may contain anything."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return []


def _ps_start(pid: int) -> str:
    import subprocess

    try:
        done = subprocess.run(  # noqa: S603 - an absolute path and a number
            [_PS, "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, timeout=2, check=False
        )
    except (OSError, subprocess.SubprocessError):
        return ""
    return " ".join(done.stdout.split())
