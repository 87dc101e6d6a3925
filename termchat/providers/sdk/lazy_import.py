"""Import a vendor's SDK on a thread, with the garbage collector off.

The collector takes a third of such an import and causes all of its long pauses (openai 503 ms with it, 385 without).
With it off, the event loop keeps running while the modules load. Loaded objects are frozen out of later collections.
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
