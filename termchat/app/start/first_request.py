"""Load what a question needs while it is being typed."""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from importlib import import_module

from termchat.late_dataclass import generate_methods

_PAUSE = 0.001  # seconds for the event loop between two steps, so that no key waits for more than one
# The modules of anyio that a first connection imports one by one.
_CONNECTION = ("_backends._asyncio", "_core._sockets", "_core._streams", "streams.stapled", "streams.memory")
_ABSTRACT = ("abc._eventloop", "abc._sockets", "abc._subprocesses", "abc._testing")


def load_first_request() -> None:
    """Read the table of quirks, import the modules of a connection, complete the classes of an SDK and of a reply.

    It takes a tenth of a second: run it on a thread.
    """
    from termchat.providers.catalog.capabilities import rows

    rows()
    if "anyio" in sys.modules:
        for name in (*_CONNECTION, *_ABSTRACT):
            with suppress(ImportError):  # another version of anyio; the connection imports what it needs
                import_module(f"anyio.{name}")
            time.sleep(_PAUSE)
    if gemini := sys.modules.get("termchat.providers.protocols.gemini.client"):
        with suppress(Exception):  # the first question meets it again, and imports the SDK plainly
            gemini.complete_types()
    for each in _streamed():
        generate_methods(each)
        time.sleep(0)


def _streamed() -> list[type]:
    """Return the dataclasses of which a reply makes many. The methods of one take ten kilobytes."""
    from termchat.core.events import ReasoningDelta, Streamed, TextDelta, ToolCallDelta
    from termchat.core.messages import Message, Origin, Text
    from termchat.core.models import ModelRef
    from termchat.core.wire import assemble
    from termchat.providers.http.sse import SseEvent

    found = [value for value in vars(assemble).values() if isinstance(value, type)]
    parts = [cls for cls in found if cls.__module__ == assemble.__name__]
    return [*parts, ReasoningDelta, Streamed, TextDelta, ToolCallDelta, Message, Origin, Text, ModelRef, SseEvent]
