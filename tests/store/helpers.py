"""Recordings of turns: the events of an engine, in order, without an engine."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import uuid4

from termchat.core.chat_store import Recorder, Recording
from termchat.core.chats import ChatState, Location
from termchat.core.conversation import Node
from termchat.core.events import (
    MessageDone,
    StepStarted,
    Streamed,
    TextDelta,
    Timing,
    ToolCallDelta,
    ToolFinished,
    TurnEnded,
    TurnStarted,
)
from termchat.core.messages import Message, Origin, Role, Text, ToolCall, ToolResult, user_message
from termchat.core.models import ApiProtocol, ModelRef
from termchat.core.outcomes import Outcome
from termchat.core.usage import Usage

MODEL = ModelRef("openai", "gpt-5.2")
ORIGIN = Origin("openai", ApiProtocol.RESPONSES, "gpt-5.2")
STATE = ChatState(MODEL, "be brief", {"think": "low"})
HERE = Location("tty1", "/home/a/work")
USAGE = Usage(input=10, output=5, cached=2)


def ask(recorder: Recorder, text: str, parent: str | None = None) -> str:
    """Add a question; return its node id."""
    node = Node(uuid4().hex, parent, user_message(text))
    recorder.add(node)
    return node.id


def reply(text: str, usage: Usage | None = USAGE) -> Message:
    return Message(Role.ASSISTANT, (Text(text),), ORIGIN, Outcome.COMPLETE, usage)


async def answer(
    recorder: Recorder, question: str, text: str, cost: Decimal | None = None, usage: Usage = USAGE
) -> str:
    """Record a whole turn; return the node id of the answer."""
    turn, node = uuid4().hex, uuid4().hex
    recording = await started(recorder, question, turn)
    stream(recording, turn, text.split(" "))
    recording.record(MessageDone(turn, node, question, reply(text, usage)))
    end(recording, turn, cost, usage)
    recording.close()
    return node


async def started(recorder: Recorder, question: str, turn: str = "turn") -> Recording:
    """Begin a turn and its first request."""
    recording = await recorder.begin(turn, question)
    recording.record(TurnStarted(turn, MODEL))
    recording.record(StepStarted(turn, 1))
    return recording


def stream(recording: Recording, turn: str, words: Sequence[str]) -> None:
    for word in words:
        recording.record(Streamed(turn, TextDelta(0, word + " ")))


def end(recording: Recording, turn: str, cost: Decimal | None = None, usage: Usage = USAGE) -> None:
    recording.record(TurnEnded(turn, Outcome.COMPLETE, MODEL, usage, cost, Timing(0.1, 1.0), 1, has_content=True))


def calls(recording: Recording, turn: str, question: str, names: Sequence[str]) -> str:
    """Record a complete reply that calls tools; return its node id."""
    node = uuid4().hex
    for n, name in enumerate(names):
        recording.record(Streamed(turn, ToolCallDelta(n, f"call_{n}", name, "{}", complete=True)))
    parts = tuple(ToolCall(f"call_{n}", name, "{}") for n, name in enumerate(names))
    recording.record(MessageDone(turn, node, question, Message(Role.ASSISTANT, parts, ORIGIN, Outcome.COMPLETE, USAGE)))
    return node


def result(recording: Recording, turn: str, n: int, name: str, text: str) -> None:
    call = ToolCall(f"call_{n}", name, "{}")
    recording.record(ToolFinished(turn, call, ToolResult(call.id, name, (Text(text),)), 0.1))


async def until(found: Callable[[], Any], seconds: float = 30.0) -> Any:
    """Wait on the event loop until `found` returns something true; SQLite reports no change of a file."""
    async with asyncio.timeout(seconds):
        while not (value := found()):
            await asyncio.sleep(0.005)
        return value


def query(file: Path, sql: str, *values: object) -> list[tuple[Any, ...]]:
    """Rows that another process reads from the file."""
    with closing(sqlite3.connect(file)) as connection:
        return connection.execute(sql, values).fetchall()
