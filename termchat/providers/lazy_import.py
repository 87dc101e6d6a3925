"""Importing a vendor's SDK: on a thread, with the collector off.

The collector makes up a third of such an import and all of its long pauses (providers.md 7): without it the event
loop goes on while half a second of modules is loaded. What was loaded is frozen out of later collections.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import count
from typing import TypeVar

from termchat import startup_gc

_T = TypeVar("_T")
_busy: set[int] = set()
_number = count()


async def load_on_thread(build: Callable[[], _T]) -> _T:
    """What `build` gives, which imports an SDK; the collector comes back when the last one is done."""
    mine = next(_number)
    _busy.add(mine)
    startup_gc.pause()
    try:
        return await asyncio.to_thread(build)
    finally:
        _busy.discard(mine)
        if not _busy:
            startup_gc.resume()
