"""Decoding of Responses events."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from termchat.core.events import Delta, Finished, UsageDelta
from termchat.core.messages import Citation, Reasoning, Text, ToolCall
from termchat.core.outcomes import FinishReason
from termchat.core.usage import Usage
from termchat.providers.decoder import ServerError
from termchat.providers.protocols.openai_responses.decode import ResponsesDecoder
from tests.providers.decode_support import assembled, fed, new_ids, parts
from tests.providers.json_strategies import JSONISH, objects


def event(kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": f"response.{kind}", **fields}


def decoded(*events: dict[str, Any]) -> list[Delta]:
    return fed(ResponsesDecoder(new_id=new_ids()), *events)


COMPLETED = event("completed", response={"status": "completed"})
TEXT = [
    event("created", response={"status": "in_progress"}),
    event("output_item.added", output_index=0, item={"type": "message", "id": "msg_1", "content": []}),
    event("content_part.added", output_index=0, content_index=0, part={"type": "output_text", "text": ""}),
    event("output_text.delta", output_index=0, content_index=0, item_id="msg_1", delta="so "),
    event("output_text.delta", output_index=0, content_index=0, item_id="msg_1", delta="far"),
    event("output_text.done", output_index=0, content_index=0, item_id="msg_1", text="so far"),
    event("content_part.done", output_index=0, content_index=0, part={"type": "output_text", "text": "so far"}),
]
MESSAGE = {"type": "message", "id": "msg_1", "content": [{"type": "output_text", "text": "so far"}]}


def test_decode_text_sent_three_times_is_kept_once() -> None:
    deltas = decoded(*TEXT, event("output_item.done", output_index=0, item=MESSAGE), COMPLETED)
    assert parts(deltas) == (Text("so far"),)
    assert deltas[-1] == Finished(FinishReason.STOP, "completed")


def test_decode_text_without_added_events_keeps_phase() -> None:
    item = MESSAGE | {"phase": "final_answer"}
    deltas = decoded(TEXT[3], TEXT[4], event("output_item.done", output_index=0, item=item), COMPLETED)
    assert parts(deltas) == (Text("so far", provider_data={"phase": "final_answer"}),)


def test_decode_message_only_in_done_event() -> None:
    assert parts(decoded(event("output_item.done", output_index=0, item=MESSAGE))) == (Text("so far"),)


def test_decode_calls_by_output_index_use_call_id() -> None:
    def item(n: int, arguments: str = "") -> dict[str, Any]:
        call = {"type": "function_call", "id": f"fc_{n}", "call_id": f"call_{n}", "name": "look"}
        return call | {"arguments": arguments}

    deltas = decoded(
        event("output_item.added", output_index=0, item=item(0)),
        event("output_item.added", output_index=1, item=item(1)),
        event("function_call_arguments.delta", output_index=1, item_id="fc_1", delta='{"b"'),
        event("function_call_arguments.delta", output_index=0, item_id="fc_0", delta='{"a":1}'),
        event("function_call_arguments.delta", output_index=1, item_id="fc_1", delta=":2}"),
        event("output_item.done", output_index=0, item=item(0, '{"a":1}')),
        event("output_item.done", output_index=1, item=item(1, '{"b":2}')),
        COMPLETED,
    )
    assert parts(deltas) == (ToolCall("call_0", "look", '{"a":1}'), ToolCall("call_1", "look", '{"b":2}'))
    assert deltas[-1] == Finished(FinishReason.TOOL_CALLS, "completed")


def test_decode_call_only_in_done_event_with_or_without_id() -> None:
    call = {"type": "function_call", "name": "look", "arguments": "{}"}
    deltas = decoded(
        event("output_item.done", output_index=0, item=call | {"call_id": "a"}),
        event("output_item.done", output_index=1, item=call),
    )
    assert parts(deltas) == (ToolCall("a", "look", "{}"), ToolCall("new1", "look", "{}"))


def test_decode_call_without_done_event_is_incomplete() -> None:
    item = {"type": "function_call", "call_id": "a", "name": "look"}
    deltas = decoded(
        event("output_item.added", output_index=0, item=item),
        event("function_call_arguments.delta", output_index=0, delta='{"a'),
        event("incomplete", response={"status": "incomplete", "incomplete_details": {"reason": "max_output_tokens"}}),
    )
    assert parts(deltas) == (ToolCall("a", "look", '{"a', complete=False),)
    assert deltas[-1] == Finished(FinishReason.LENGTH, "max_output_tokens")


def test_decode_call_with_incomplete_status_is_incomplete() -> None:
    item = {"type": "function_call", "call_id": "a", "name": "look", "arguments": '{"a', "status": "incomplete"}
    assert parts(decoded(event("output_item.done", output_index=0, item=item))) == (
        ToolCall("a", "look", '{"a', complete=False),
    )


def test_decode_reasoning_keeps_item_of_done_event() -> None:
    summary = [{"type": "summary_text", "text": "one"}, {"type": "summary_text", "text": "two"}]
    done = {"type": "reasoning", "id": "rs_1", "summary": summary, "encrypted_content": "late"}
    deltas = decoded(
        event("output_item.added", output_index=0, item=done | {"encrypted_content": "early", "summary": []}),
        event("reasoning_summary_text.delta", output_index=0, summary_index=0, delta="o"),
        event("reasoning_summary_text.delta", output_index=0, summary_index=0, delta="ne"),
        event("reasoning_summary_part.done", output_index=0, summary_index=0),
        event("reasoning_summary_text.delta", output_index=0, summary_index=1, delta="two"),
        event("output_item.done", output_index=0, item=done),
    )
    assert parts(deltas) == (Reasoning("one\n\ntwo", provider_data={"item": done}),)


def test_decode_reasoning_plain_and_encrypted() -> None:
    hidden = {"type": "reasoning", "id": "rs_2", "summary": [], "encrypted_content": "x"}
    deltas = decoded(
        event("reasoning_text.delta", output_index=0, content_index=0, delta="hm"),
        event("output_item.done", output_index=1, item=hidden),
    )
    assert parts(deltas) == (Reasoning("hm"), Reasoning("", redacted=True, provider_data={"item": hidden}))


def test_decode_refusal_is_kept_once() -> None:
    deltas = decoded(
        event("refusal.delta", output_index=0, content_index=0, delta="I can"),
        event("refusal.delta", output_index=0, content_index=0, delta="not."),
        event("refusal.done", output_index=0, content_index=0, refusal="I cannot."),
        event(
            "output_item.done",
            output_index=0,
            item={"type": "message", "content": [{"type": "refusal", "refusal": "I cannot."}]},
        ),
        COMPLETED,
    )
    assert parts(deltas) == (Text("I cannot."),)
    assert deltas[-1] == Finished(FinishReason.REFUSAL, "refusal")


def test_decode_citations_of_web_pages() -> None:
    note = {"type": "url_citation", "url": "https://a.example", "title": "A"}
    deltas = decoded(
        TEXT[3],
        event("output_text.annotation.added", output_index=0, content_index=0, annotation=note),
        event("output_text.annotation.added", output_index=0, content_index=0, annotation={"type": "file_citation"}),
    )
    assert parts(deltas) == (Text("so ", (Citation("https://a.example", "A"),)),)


@pytest.mark.parametrize(
    ("why", "reason"),
    [
        ("max_output_tokens", FinishReason.LENGTH),
        ("max_messages", FinishReason.LENGTH),
        ("content_filter", FinishReason.FILTER),
        ("steered", FinishReason.ERROR),
        ("brand_new", FinishReason.OTHER),
        ("completed", FinishReason.OTHER),
    ],
)
def test_decode_maps_incomplete_reason(why: str, reason: FinishReason) -> None:
    response = {"status": "incomplete", "incomplete_details": {"reason": why}}
    assert decoded(event("incomplete", response=response))[-1] == Finished(reason, why)


def test_decode_usage_of_completed_event() -> None:
    usage = {
        "input_tokens": 10,
        "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 2},
        "output_tokens": 5,
        "output_tokens_details": {"reasoning_tokens": 3},
    }
    deltas = decoded(event("completed", response={"status": "completed", "usage": usage}))
    assert deltas[0] == UsageDelta(Usage(10, 5, 4, 2, 3))


@pytest.mark.parametrize(
    "failed",
    [
        event("failed", response={"status": "failed", "error": {"code": "server_error", "message": "no"}}),
        event("failed", response=None),
        {"type": "error", "code": "rate_limit_exceeded", "message": "no"},
        {"type": "error", "error": {"message": "no"}},
        {"@": "error", "message": "no"},
        {"error": {"message": "no"}},
    ],
    ids=str,
)
def test_decode_failure_event_raises_server_error(failed: dict[str, Any]) -> None:
    with pytest.raises(ServerError):
        decoded(failed)


def test_decode_failed_event_yields_usage_before_error() -> None:
    decoder = ResponsesDecoder()
    deltas = decoder.decode_event(
        "", event("failed", response={"usage": {"input_tokens": 9}, "error": {"message": "no"}})
    )
    assert next(deltas) == UsageDelta(Usage(9))
    with pytest.raises(ServerError):
        next(deltas)


def test_decode_unknown_events_and_items_are_ignored() -> None:
    assert decoded(event("brand_new", delta="x"), event("output_item.done", output_index=0, item={"type": "new"})) == []


def test_decode_response_without_streaming() -> None:
    reasoning = {"type": "reasoning", "id": "rs_1", "summary": [{"text": "hm"}], "encrypted_content": "x"}
    call = {"type": "function_call", "call_id": "a", "name": "look", "arguments": "{}"}
    body = {"status": "completed", "output": [reasoning, MESSAGE, call], "usage": {"input_tokens": 3}}
    deltas = list(ResponsesDecoder().decode_response(body))
    assert parts(deltas) == (
        Reasoning("hm", provider_data={"item": reasoning}),
        Text("so far"),
        ToolCall("a", "look", "{}"),
    )
    assert assembled(deltas).usage == Usage(3)
    with pytest.raises(ServerError):
        list(ResponsesDecoder().decode_response({"error": {"message": "no"}}))


KINDS = st.sampled_from([*ResponsesDecoder()._handlers, "response.new"])
ITEMS = objects("type", "id", "call_id", "name", "arguments", "content", "summary", "phase") | st.sampled_from(
    [{"type": "function_call"}, {"type": "message", "content": [None, {"text": 7}]}, {"type": "reasoning"}]
)
FIELDS = objects("output_index", "content_index", "item_id", "delta", "annotation", "item", values=JSONISH | ITEMS)


@given(st.lists(st.tuples(KINDS, FIELDS, JSONISH)))
def test_decode_any_event_raises_no_unexpected_error(events: list[tuple[str, dict[str, Any], Any]]) -> None:
    decoder = ResponsesDecoder()
    for kind, fields, response in events:
        try:
            fed(decoder, {"type": kind, **fields, "response": response})
        except ServerError:
            assert kind in ("error", "response.failed")


def test_decode_reads_reason_of_cache_miss_and_written_tokens() -> None:
    usage = {"input_tokens": 9, "output_tokens": 1, "input_tokens_details": {"cache_write_tokens": 5}}
    diagnostics = {"type": "cache_miss", "reason": "tools_changed", "cache_missed_tokens": 4}
    response = {"status": "completed", "usage": usage, "prompt_cache_diagnostics": diagnostics}
    found = assembled(decoded(event("completed", response=response))).usage
    assert found is not None
    assert (found.cache_miss, found.cache_write) == ("tools_changed", 5)
