"""Import a vendor's SDK on a thread, with the garbage collector off.

The collector takes a third of such an import and causes all of its long pauses (openai 503 ms with it, 385 without).
With it off, the event loop keeps running while the modules load. Loaded objects are frozen out of later collections.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from itertools import count
from typing import TypeVar, cast

from termchat.system import startup_gc

_T = TypeVar("_T")
_busy: set[int] = set()
_numbers = count()


async def _on_thread(build: Callable[[], _T]) -> _T:
    """Run `build` on a thread of its own, which nobody waits for when the program ends: a key command may hang."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[_T] = loop.create_future()

    def settle(result: _T | None, error: BaseException | None) -> None:
        if done.done():  # cancelled
            return
        if error:
            done.set_exception(error)
        else:
            done.set_result(cast("_T", result))

    def run() -> None:
        result, error = None, None
        try:
            result = build()
        except BaseException as raised:  # raised where the result is awaited
            error = raised
        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(settle, result, error)

    context = copy_context()
    threading.Thread(target=context.run, args=(run,), daemon=True).start()
    return await done


async def load_on_thread(build: Callable[[], _T]) -> _T:
    """Run `build` on a thread and return its result. The collector resumes when the last such call has ended."""
    number = next(_numbers)
    _busy.add(number)
    startup_gc.pause()
    try:
        return await _on_thread(build)
    finally:
        _busy.discard(number)
        if not _busy:
            startup_gc.resume()
