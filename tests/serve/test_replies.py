"""A stream while its model is silent, and the pieces of replies that come in an unusual order."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from termchat.core.events import (
    Event,
    Streamed,
    TextBecameReasoning,
    TextDelta,
    Timing,
    ToolCallDelta,
    TurnEnded,
    TurnStarted,
)
from termchat.core.messages import ToolCall, user_message
from termchat.core.models import ModelRef
from termchat.core.outcomes import Outcome
from termchat.core.provider import Request
from termchat.core.usage import Usage
from termchat.serve.face_request import FaceRequest, ReplyMemory
from termchat.serve.message_blocks import input_object
from termchat.serve.messages_face import MessagesEncoder
from termchat.serve.pieces import PartKind, Piece, PieceReader
from termchat.serve.replies import ReplyAnswer

MODEL = ModelRef("x", "m")


class SlowReply:
    """A reply whose text comes when the test wants it."""

    id = "r"
    model = MODEL

    def __init__(self) -> None:
        self.go = asyncio.Event()

    async def events(self) -> AsyncGenerator[Event, None]:
        yield TurnStarted("r", MODEL)
        await self.go.wait()
        yield Streamed("r", TextDelta(0, "late"))
        yield TurnEnded("r", Outcome.COMPLETE, MODEL, Usage(1, 1), None, Timing(None, 0), 1, True)

    def cancel(self) -> None:
        self.go.set()


async def test_reply_answer_keeps_stream_of_silent_model_alive() -> None:
    reply, sent = SlowReply(), list[bytes]()

    async def receive() -> dict[str, Any]:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Any) -> None:
        sent.append(message.get("body", b""))
        if sent.count(b": keep-alive\n\n") == 2:
            reply.go.set()

    asked = FaceRequest("", Request((user_message("hi"),)), True)
    answer = ReplyAnswer(asked, reply, MessagesEncoder("r", "m"), ReplyMemory(), 0.01)
    await asyncio.wait_for(answer({}, receive, send), 30)
    assert sent[:3] == [b"", b": keep-alive\n\n", b": keep-alive\n\n"]
    assert b'"text":"late"' in b"".join(sent)
    assert b"message_stop" in sent[-2]


def read(*deltas: Any) -> list[Piece]:
    reader = PieceReader()
    return [piece for delta in deltas for piece in reader.read(Streamed("t", delta))]


def test_piece_reader_holds_text_that_becomes_reasoning() -> None:
    found = read(
        TextDelta(0, "mu", provisional=True), TextDelta(0, "sing", provisional=True), TextBecameReasoning(0),
        TextDelta(0, "so"),
    )  # fmt: skip
    assert [(piece.kind, piece.text) for piece in found] == [(PartKind.REASONING, "musing"), (PartKind.TEXT, "so")]


def test_piece_reader_waits_for_name_and_unpacks_arguments() -> None:
    found = read(
        ToolCallDelta(1, "a", "look"), ToolCallDelta(1, "", "lookup"), ToolCallDelta(1, arguments='"{\\"q\\":'),
        ToolCallDelta(1, arguments=' 1}"', complete=True), ToolCallDelta(2, "", "now", complete=True),
    )  # fmt: skip
    assert [(piece.kind, piece.name or piece.text) for piece in found] == [
        (PartKind.CALL, "lookup"), (PartKind.ARGUMENTS, '{"q": 1}'), (PartKind.CALL_END, ""),
        (PartKind.CALL, "now"), (PartKind.ARGUMENTS, "{}"), (PartKind.CALL_END, ""),
    ]  # fmt: skip
    assert found[3].id.startswith("call_")


def test_arguments_too_deep_for_json_stay_text() -> None:
    deep = "[" * 100_000
    assert read(ToolCallDelta(1, "a", "f", deep, complete=True))[1].text == deep
    assert input_object(deep) == {"arguments": deep}
    reply = ReplyMemory().restored([ToolCall("a", "f", deep)])
    memory = ReplyMemory()
    memory.keep(reply)
    assert memory.restored(reply.parts) is reply


def test_messages_encoder_puts_interleaved_calls_into_blocks_in_turn() -> None:
    deltas = [
        ToolCallDelta(0, "a", "f", '{"x":'), ToolCallDelta(1, "b", "g", '{"y":'), ToolCallDelta(0, arguments="1}"),
        ToolCallDelta(1, arguments="2}"), ToolCallDelta(0, complete=True), ToolCallDelta(1, complete=True),
    ]  # fmt: skip
    reader, encoder, text = PieceReader(), MessagesEncoder("r", "m"), b""
    for delta in deltas:
        for piece in reader.read(Streamed("t", delta)):
            text += b"".join(encoder.piece(piece, reader))
    events = [line.split('"type":"')[1].split('"')[0] for line in text.decode().splitlines() if line.startswith("data")]
    block = ["content_block_start", "content_block_delta", "content_block_delta", "content_block_stop"]
    assert events == ["message_start", *block, *block]
    assert text.index(b'\\"x\\":') < text.index(b'"1}"') < text.index(b'\\"y\\":') < text.index(b'"2}"')
