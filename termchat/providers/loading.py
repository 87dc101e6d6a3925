"""Importing a vendor's SDK: on a thread, with the collector off.

The collector makes up a third of such an import and all of its long pauses (providers.md 7): without it the event
loop goes on while half a second of modules is loaded. What was loaded is frozen out of later collections.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Callable
from typing import TypeVar

_T = TypeVar("_T")
_lock = asyncio.Lock()


async def loaded(build: Callable[[], _T]) -> _T:
    """What `build` gives, which imports an SDK; one at a time."""
    async with _lock:
        gc.disable()
        try:
            return await asyncio.to_thread(build)
        finally:
            gc.freeze()
            gc.enable()
