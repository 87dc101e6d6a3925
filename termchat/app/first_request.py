"""Load what a question needs before it is needed: while it is being typed, and while its reply arrives."""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import suppress
from importlib import import_module

_PAUSE = 0.001  # seconds for the event loop between two steps, so that no key waits for more than one
# The modules of anyio that a first connection imports one by one.
_CONNECTION = ("_backends._asyncio", "_core._sockets", "_core._streams", "streams.stapled", "streams.memory")
_ABSTRACT = ("abc._eventloop", "abc._sockets", "abc._subprocesses", "abc._testing")


def load_first_request() -> None:
    """Read the table of quirks, import the modules of a connection and generate the methods of loaded dataclasses.

    It takes a tenth of a second: run it on a thread.
    """
    from termchat.providers.catalog.capabilities import rows

    rows()
    if "anyio" in sys.modules:
        for name in (*_CONNECTION, *_ABSTRACT):
            with suppress(ImportError):  # another version of anyio; the connection imports what it needs
                import_module(f"anyio.{name}")
            time.sleep(_PAUSE)
    loaded = [module for name, module in list(sys.modules.items()) if name.startswith("termchat.")]
    for module in loaded:
        for value in list(vars(module).values()):
            if isinstance(value, type) and value.__module__ == module.__name__:
                getattr(value, "__dataclass_fields__", None)  # a look at the fields generates the methods
                time.sleep(0)


def prepare_end_of_reply() -> None:
    """Generate the methods of the dataclasses that end a reply, one class in each pass of the running event loop.

    Called when the request is accepted: the server is slower than this, and nothing is left to do after its last byte.
    """
    from termchat.core.events import (
        Finished,
        MessageDone,
        RequestCost,
        StepCounted,
        Timing,
        TurnEnded,
        UsageDelta,
    )
    from termchat.core.session import ModelUsage
    from termchat.core.usage import Usage
    from termchat.engine.outcome import TurnEnd

    last: list[type] = [
        Usage,
        UsageDelta,
        Finished,
        TurnEnd,
        RequestCost,
        StepCounted,
        ModelUsage,
        MessageDone,
        Timing,
        TurnEnded,
    ]
    if ledger := sys.modules.get("termchat.store.ledger"):  # not with --no-save
        last.append(ledger.Entry)
    loop, left = asyncio.get_running_loop(), iter(last)

    def generate() -> None:
        for made in left:
            getattr(made, "__dataclass_fields__", None)
            loop.call_soon(generate)
            return

    loop.call_soon(generate)
