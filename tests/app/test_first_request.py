"""Test what is loaded ahead, in processes of their own: other tests have generated most classes."""

from __future__ import annotations

import subprocess
import sys

_LOADED = """
import sys
import anyio
from termchat import late_dataclass as late
from termchat.app.start.first_request import load_first_request
from termchat.core import events, messages, models
from termchat.providers.catalog import capabilities
from termchat.providers.http import sse
load_first_request()
classes = [events.Streamed, events.TextDelta, messages.Message, sse.SseEvent]
print(any(isinstance(vars(each)["__dataclass_params__"], late._LateAttribute) for each in classes))
print(capabilities.rows() is capabilities.rows(), "anyio._backends._asyncio" in sys.modules)
before = set(sys.modules)
capabilities.quirks(messages.Origin("openai", models.ApiProtocol.CHAT, "m"))
print(set(sys.modules) - before)
"""

_GEMINI = """
from termchat.app.start.first_request import load_first_request
from termchat.providers.sdk.deferred_packages import build_with_fallback, import_gemini_sdk
build_with_fallback(import_gemini_sdk)
from google.genai import types
from termchat.providers.protocols.gemini import client
load_first_request()
request = [types.GenerateContentConfig, types._GenerateContentParameters]
print([each.__name__ for each in request if not each.__pydantic_complete__])
"""


def test_load_first_request_generates_classes_and_imports_connection() -> None:
    done = subprocess.run([sys.executable, "-c", _LOADED], capture_output=True, text=True, check=True)

    assert done.stdout.split("\n") == ["False", "True True", "set()", ""]


def test_load_first_request_completes_types_of_gemini() -> None:
    done = subprocess.run([sys.executable, "-c", _GEMINI], capture_output=True, text=True, check=True)

    assert done.stdout == "[]\n"
