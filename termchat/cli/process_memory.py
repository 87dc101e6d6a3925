"""Close the memory of this process, which holds API keys, to other programs of the same user."""

from __future__ import annotations

import sys

_PR_SET_DUMPABLE = 4  # prctl(2)


def deny_inspection() -> None:
    """Write no core dump, and let no other program attach or read `/proc/PID/environ` (Linux; root may still).

    The programs that tools and MCP servers start get an environment without keys, but they could read that of their
    parent. A program that is started is not affected, because exec resets the attribute.
    """
    if sys.platform != "linux":
        return
    try:
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    except (ImportError, OSError, AttributeError):  # a Python without libffi, or a C library without prctl
        pass
