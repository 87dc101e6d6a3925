"""Test the preload of a first request, in a process of its own: other tests have generated most classes."""

from __future__ import annotations

import subprocess
import sys

_LOADED = """
import sys
import anyio
from termchat.app.first_request import load_first_request
from termchat.core import events, messages, models
from termchat.providers.catalog import capabilities
from termchat.providers.http import sse
load_first_request()
classes = [events.Streamed, events.TextDelta, messages.Message, sse.SseEvent, capabilities.QuirkRow]
print(all(isinstance(vars(each)["__dataclass_fields__"], dict) for each in classes))
print(capabilities.rows() is capabilities.rows(), "anyio._backends._asyncio" in sys.modules)
before = set(sys.modules)
capabilities.quirks(messages.Origin("openai", models.ApiProtocol.CHAT, "m"))
print(set(sys.modules) - before)
"""


def test_load_first_request_generates_classes_and_imports_connection() -> None:
    done = subprocess.run([sys.executable, "-c", _LOADED], capture_output=True, text=True, check=True)

    assert done.stdout.split("\n") == ["True", "True True", "set()", ""]
