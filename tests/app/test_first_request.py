"""Test what is loaded ahead, in processes of their own: other tests have generated most classes."""

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

_ENDED = """
import asyncio
from termchat import late_dataclass as late
from termchat.app.first_request import prepare_end_of_reply
from termchat.core import events, session, usage
from termchat.engine import outcome
from termchat.store import ledger

take, made = late._take_methods, []
late._take_methods = lambda cls, *rest: (made.append(cls), take(cls, *rest))
wanted = {usage.Usage, outcome.TurnEnd, session.ModelUsage, ledger.Entry}
wanted |= {getattr(events, name) for name in (
    "UsageDelta", "Finished", "RequestCost", "StepCounted", "MessageDone", "Timing", "TurnEnded")}

async def passes():
    prepare_end_of_reply()
    while wanted - {*made}:
        before = len(made)
        await asyncio.sleep(0)
        yield len(made) - before

async def main():
    return max([count async for count in passes()])

print(asyncio.run(asyncio.wait_for(main(), 20)))
"""


def test_load_first_request_generates_classes_and_imports_connection() -> None:
    done = subprocess.run([sys.executable, "-c", _LOADED], capture_output=True, text=True, check=True)

    assert done.stdout.split("\n") == ["True", "True True", "set()", ""]


def test_prepare_end_of_reply_generates_one_class_in_each_pass() -> None:
    done = subprocess.run([sys.executable, "-c", _ENDED], capture_output=True, text=True, check=True, timeout=60)

    assert done.stdout == "1\n"
