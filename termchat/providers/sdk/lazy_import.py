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
_numbers = count()


async def load_on_thread(build: Callable[[], _T]) -> _T:
    """Run `build` on a thread and return its result. The collector resumes when the last such call has ended."""
    number = next(_numbers)
    _busy.add(number)
    startup_gc.pause()
    try:
        return await asyncio.to_thread(build)
    finally:
        _busy.discard(number)
        if not _busy:
            startup_gc.resume()
