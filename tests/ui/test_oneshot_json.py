"""The formats of --json and --ndjson: whole lines, the exact text, the shipped schemas."""

from __future__ import annotations

import asyncio
import json
import os
import select
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from termchat.core.errors import Failure, FailureKind
from termchat.core.events import (
    Delta,
    Event,
    MessageDone,
    Notice,
    ReasoningDelta,
    Retrying,
    StepStarted,
    Streamed,
    TextBecameReasoning,
    TextDelta,
    Timing,
    ToolFinished,
    TurnEnded,
    TurnStarted,
)
from termchat.core.messages import Message, Role, Text, ToolCall, ToolResult
from termchat.core.models import ModelRef
from termchat.core.outcomes import ExitCode, FinishReason, Outcome
from termchat.core.sanitize import safe
from termchat.core.usage import Usage
from termchat.ui.oneshot.formats import Format, RunEnd
from termchat.ui.oneshot.formats.held import HeldFormat
from termchat.ui.oneshot.formats.json_document import JsonFormat
from termchat.ui.oneshot.formats.json_lines import NdjsonFormat
from termchat.ui.oneshot.formats.records import SCHEMA_NAMES, outcome_of_code, record_schema

SCHEMAS = {name: Draft202012Validator(json.loads(record_schema(name))) for name in SCHEMA_NAMES}
MODEL = ModelRef("x", "any")
FAILURE = Failure(FailureKind.RATE_LIMITED, safe("Rate limited."), status=429, retry_after=1.5)
CALL = ToolCall("c1", "read_file", '{"path": "a"}')
PIECES = st.lists(
    st.text(st.sampled_from('a\n"\\\x00\x1b\x7f\x85é你🙂\u2028\u202e\ud83d\ude42'), max_size=900), max_size=4
)


def ended(outcome: Outcome = Outcome.COMPLETE) -> TurnEnded:
    finish = FinishReason.STOP if outcome is Outcome.COMPLETE else None
    return TurnEnded("t", outcome, MODEL, Usage(3, 2), Decimal("0.01"), Timing(0.1, 0.2), 1, True, finish)


def printed(form: type[NdjsonFormat | JsonFormat], deltas: list[Delta], end: RunEnd, *more: Event) -> bytes:
    """Return what a format prints for the deltas of a reply, other events and the end of a run."""
    read, write = os.pipe()
    out = form(write)
    events: list[Event] = [TurnStarted("t", MODEL), StepStarted("t", 1), *(Streamed("t", delta) for delta in deltas)]

    async def show() -> None:
        reading = asyncio.create_task(asyncio.to_thread(_read_all, read))
        for event in (*events, *more):
            await _shown(out, event)
        await out.finish(end)
        os.close(write)
        printed.append(await reading)

    printed: list[bytes] = []
    asyncio.run(show())
    return printed[0]


async def _shown(out: Format, event: Event) -> None:
    await out.show(event)
    if isinstance(event, Streamed) and isinstance(event.delta, TextBecameReasoning):
        await out.withdraw()


def _read_all(fd: int) -> bytes:
    with os.fdopen(fd, "rb") as pipe:
        return pipe.read()


def rows(data: bytes) -> list[dict[str, Any]]:
    """Return the lines of NDJSON, checked."""
    assert data.endswith(b"\n")
    found = [json.loads(line) for line in data.decode().removesuffix("\n").split("\n")]
    for row in found:
        SCHEMAS["ndjson"].validate(row)
    return found


def joined(pieces: list[str]) -> str:
    return "".join(pieces).encode("utf-16", "surrogatepass").decode("utf-16", "replace")


@settings(max_examples=30)
@given(PIECES)
def test_ndjson_text_is_exact_in_lines_that_a_pipe_takes_whole(pieces: list[str]) -> None:
    data = printed(NdjsonFormat, [TextDelta(0, piece) for piece in pieces], RunEnd(ExitCode.COMPLETE, ended()))
    found = rows(data)
    assert "".join(row["text"] for row in found if row["type"] == "text") == joined(pieces)
    assert max(map(len, data.split(b"\n"))) < select.PIPE_BUF
    assert not set(data.decode()) & set("\x7f\x85\u2028\u202e")
    assert [row["type"] for row in found].count("end") == 1
    assert found[-1]["type"] == "end"


@settings(max_examples=10)
@given(PIECES)
def test_json_document_has_exact_text(pieces: list[str]) -> None:
    data = printed(JsonFormat, [TextDelta(0, piece) for piece in pieces], RunEnd(ExitCode.COMPLETE, ended()))
    document = json.loads(data)
    SCHEMAS["json"].validate(document)
    assert document["text"] == joined(pieces)


def test_ndjson_lines_of_every_kind_match_the_schema() -> None:
    deltas: list[Delta] = [
        Retrying(2, 0, 0.5, FAILURE),
        TextDelta(0, "hm", provisional=True),
        TextBecameReasoning(0),
        ReasoningDelta(1, "so"),
        TextDelta(2, "yes"),
    ]
    message = Message(Role.ASSISTANT, (Text("yes"), CALL, ToolCall("c2", "x", "{", complete=False)))
    result = ToolResult("c1", "read_file", (Text("content"),))
    more = (MessageDone("t", "n", None, message), ToolFinished("t", CALL, result, 0.1234), Notice("t", safe("Note.")))
    end = RunEnd(ExitCode.TRY_LATER, ended(Outcome.FAILED), FAILURE, Usage(3, 2), None, "c0ffee", (CALL,))
    found = rows(printed(NdjsonFormat, deltas, end, *more))
    kinds = ["start", "retry", "reasoning", "reasoning", "text", "tool_call", "tool_result", "notice", "end"]
    assert [row["type"] for row in found] == kinds
    assert found[-1]["error"]["retry_after"] == 1.5
    assert (found[-1]["denied"], found[-1]["chat_id"]) == (
        [{"id": "c1", "name": "read_file", "arguments": CALL.arguments}],
        "c0ffee",
    )
    document = json.loads(printed(JsonFormat, deltas, end, *more))
    SCHEMAS["json"].validate(document)
    assert (document["text"], document["reasoning"], document["notices"]) == ("yes", "hmso", ["Note."])
    assert document["tool_results"][0]["text"] == "content"


@pytest.mark.parametrize("code", [code for code in ExitCode if code is not ExitCode.SIGPIPE])
@pytest.mark.parametrize("outcome", Outcome)
def test_end_record_outcome_agrees_with_exit_code(code: ExitCode, outcome: Outcome) -> None:
    denied = (CALL,) if code is ExitCode.DENIED else ()
    for form in (NdjsonFormat, JsonFormat):
        found = json.loads(printed(form, [], RunEnd(code, ended(outcome), denied=denied)).split(b"\n")[-2])
        SCHEMAS["ndjson" if form is NdjsonFormat else "json"].validate(found)
        assert found["exit_code"] == code
        assert found["outcome"] == outcome_of_code(code, outcome)
        assert (found["outcome"] == "complete") == (code == 0 or (code == 8 and outcome is Outcome.COMPLETE))


def test_schema_rejects_outcome_that_contradicts_exit_code() -> None:
    end = rows(printed(NdjsonFormat, [], RunEnd(ExitCode.COMPLETE, ended())))[-1]
    assert not SCHEMAS["ndjson"].is_valid({**end, "exit_code": 5})
    assert not SCHEMAS["ndjson"].is_valid({**end, "outcome": "cut"})
    assert not SCHEMAS["ndjson"].is_valid({**end, "type": "other"})


def test_held_format_writes_only_the_last_reply_but_all_usage() -> None:
    read, write = os.pipe()

    async def show() -> None:
        out = HeldFormat(NdjsonFormat(write))
        for event in (TurnStarted("t", MODEL), Notice("t", safe("Kept.")), Streamed("t", TextDelta(0, "wrong"))):
            await out.show(event)
        out.drop(safe("Wrong."))
        await _shown(out, Streamed("t", TextDelta(0, "hm", provisional=True)))
        await _shown(out, Streamed("t", TextBecameReasoning(0)))
        await out.show(Streamed("t", TextDelta(0, "right")))
        await out.finish(RunEnd(ExitCode.COMPLETE, ended()))

    asyncio.run(show())
    os.close(write)
    found = rows(_read_all(read))
    assert [row.get("text") for row in found] == [None, "Kept.", "Wrong.", "hm", "right", None]
