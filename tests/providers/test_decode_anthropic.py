"""Anthropic events."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from termchat.core.events import Delta, Finished
from termchat.core.messages import Citation, Reasoning, Text, ToolCall
from termchat.core.outcomes import FinishReason
from termchat.core.usage import Usage
from termchat.providers.decoder import ServerError
from termchat.providers.protocols.anthropic.decode import AnthropicDecoder
from tests.providers.decode_support import assembled, fed, new_ids, parts
from tests.providers.json_strategies import JSONISH, objects


def start(index: int, **block: Any) -> dict[str, Any]:
    return {"type": "content_block_start", "index": index, "content_block": block}


def delta(index: int, kind: str, **fields: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": {"type": kind, **fields}}


def stop(index: int) -> dict[str, Any]:
    return {"type": "content_block_stop", "index": index}


def end(reason: str | None = "end_turn", **usage: Any) -> list[dict[str, Any]]:
    last = {"type": "message_delta", "delta": {"stop_reason": reason}, "usage": usage or None}
    return [last, {"type": "message_stop"}]


def said(*events: dict[str, Any]) -> list[Delta]:
    return fed(AnthropicDecoder(new_id=new_ids()), *events)


def test_thinking_with_its_signature_then_text() -> None:
    deltas = said(
        {"type": "message_start", "message": {"usage": {"input_tokens": 3}}},
        start(0, type="thinking", thinking="", signature=""),
        delta(0, "thinking_delta", thinking="let "),
        delta(0, "thinking_delta", thinking="me"),
        delta(0, "signature_delta", signature="sig"),
        stop(0),
        {"type": "ping"},
        start(1, type="text", text=""),
        delta(1, "text_delta", text="so"),
        stop(1),
        *end(),
    )
    assert parts(deltas) == (Reasoning("let me", provider_data={"signature": "sig"}), Text("so"))
    assert deltas[-1] == Finished(FinishReason.STOP, "end_turn")


def test_redacted_thinking_is_whole_in_its_start() -> None:
    assert parts(said(start(0, type="redacted_thinking", data="xx"), stop(0))) == (
        Reasoning("", redacted=True, provider_data={"data": "xx"}),
    )


def tool(index: int, **fields: Any) -> dict[str, Any]:
    return start(index, **({"type": "tool_use", "id": f"toolu_{index}", "name": "look", "input": {}} | fields))


def test_tool_input_in_pieces_and_none_at_all() -> None:
    deltas = said(
        tool(0),
        delta(0, "input_json_delta", partial_json=""),
        delta(0, "input_json_delta", partial_json='{"a"'),
        delta(0, "input_json_delta", partial_json=":1}"),
        stop(0),
        tool(1),
        stop(1),
        *end("tool_use"),
    )
    assert parts(deltas) == (ToolCall("toolu_0", "look", '{"a":1}'), ToolCall("toolu_1", "look", "{}"))
    assert deltas[-1] == Finished(FinishReason.TOOL_CALLS, "tool_use")


def test_tool_input_whole_in_the_start_is_used_if_no_piece_comes() -> None:
    deltas = said(
        tool(0, input={"city": "Köln"}),
        stop(0),
        tool(1, input={"old": 1}),
        delta(1, "input_json_delta", partial_json='{"new":1}'),
        stop(1),
    )
    assert parts(deltas) == (ToolCall("toolu_0", "look", '{"city": "Köln"}'), ToolCall("toolu_1", "look", '{"new":1}'))


def test_a_tool_without_an_id() -> None:
    assert parts(said(tool(0, id=None), stop(0))) == (ToolCall("new1", "look", "{}"),)


def test_blocks_with_gaps_in_their_numbers_and_without_a_start() -> None:
    deltas = said(
        delta(3, "text_delta", text="a"), delta(7, "thinking_delta", thinking="hm"), delta(3, "text_delta", text="b")
    )
    assert parts(deltas) == (Text("ab"), Reasoning("hm"))


def test_blocks_whose_end_was_forgotten_are_whole_once_the_message_is() -> None:
    assert parts(said(tool(0, input={"a": 1}), *end("tool_use"))) == (ToolCall("toolu_0", "look", '{"a": 1}'),)


def test_a_call_that_the_limit_or_a_cut_ended_is_not_whole() -> None:
    cut = [tool(0), delta(0, "input_json_delta", partial_json='{"a')]
    for events in (cut, [*cut, *end("max_tokens")]):
        assert parts(said(*events)) == (ToolCall("toolu_0", "look", '{"a', complete=False),)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("end_turn", FinishReason.STOP),
        ("stop_sequence", FinishReason.STOP),
        ("tool_use", FinishReason.TOOL_CALLS),
        ("max_tokens", FinishReason.LENGTH),
        ("model_context_window_exceeded", FinishReason.CONTEXT_FULL),
        ("refusal", FinishReason.REFUSAL),
        ("pause_turn", FinishReason.PAUSED),
        ("brand_new", FinishReason.OTHER),
        (None, FinishReason.STOP),
    ],
)
def test_why_it_stopped(raw: str | None, reason: FinishReason) -> None:
    assert said(*end(raw))[-1] == Finished(reason, raw or "")


def test_without_message_stop_it_did_not_finish() -> None:
    decoder = AnthropicDecoder()
    fed(decoder, end()[0])
    assert not decoder.finished


def test_counts_are_cumulative_and_null_does_not_erase_them() -> None:
    first = {"input_tokens": 5, "cache_read_input_tokens": 4, "cache_creation_input_tokens": 1, "output_tokens": 1}
    deltas = said(
        {"type": "message_start", "message": {"usage": first}},
        *end(output_tokens=9, input_tokens=None, output_tokens_details={"thinking_tokens": 6}),
    )
    assert assembled(deltas).usage == Usage(10, 9, cached=4, cache_write=1, reasoning=6)


def test_no_counts_anywhere_is_no_usage() -> None:
    assert assembled(said({"type": "message_start", "message": {"usage": None}}, *end())).usage is None


def test_sources() -> None:
    source = {"type": "web_search_result_location", "url": "https://a.example", "title": "A", "cited_text": "x"}
    deltas = said(
        start(0, type="text", text="", citations=None),
        delta(0, "text_delta", text="so"),
        delta(0, "citations_delta", citation=source),
        delta(0, "citations_delta", citation={"type": "char_location", "document_title": "D"}),
    )
    assert parts(deltas) == (Text("so", (Citation("https://a.example", "A"),)),)


@pytest.mark.parametrize(
    "event",
    [
        {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}},
        {"@": "error", "error": {"message": "no"}},
        {"@": "error", "message": "no"},
        {"error": {"message": "no"}},
    ],
    ids=str,
)
def test_an_error_in_the_stream(event: dict[str, Any]) -> None:
    with pytest.raises(ServerError):
        said(event)


def test_events_are_known_by_their_type_without_an_event_line_and_by_the_line_without_a_type() -> None:
    nameless = {k: v for k, v in delta(0, "text_delta", text="b").items() if k != "type"}
    assert parts(said(delta(0, "text_delta", text="a"), {"@": "content_block_delta", **nameless})) == (Text("ab"),)


def test_unknown_events_blocks_and_deltas_say_nothing() -> None:
    assert said({"type": "new"}, start(0, type="new"), delta(0, "new_delta", text="x"), stop(0)) == []


def test_a_whole_reply_that_was_not_streamed() -> None:
    content = [
        {"type": "thinking", "thinking": "hm", "signature": "sig"},
        {"type": "redacted_thinking", "data": "xx"},
        {"type": "text", "text": "so", "citations": [{"url": "https://a.example"}]},
        {"type": "tool_use", "id": "a", "name": "look", "input": {"x": 1}},
    ]
    body = {"type": "message", "content": content, "stop_reason": "tool_use", "usage": {"input_tokens": 3}}
    deltas = list(AnthropicDecoder().decode_response(body))
    assert parts(deltas) == (
        Reasoning("hm", provider_data={"signature": "sig"}),
        Reasoning("", redacted=True, provider_data={"data": "xx"}),
        Text("so", (Citation("https://a.example"),)),
        ToolCall("a", "look", '{"x": 1}'),
    )
    assert assembled(deltas).usage == Usage(3)
    assert deltas[-1] == Finished(FinishReason.TOOL_CALLS, "tool_use")
    with pytest.raises(ServerError):
        list(AnthropicDecoder().decode_response({"type": "error", "error": {"message": "no"}}))


KINDS = st.sampled_from([*AnthropicDecoder()._handlers, "new"])
TYPES = st.sampled_from(["text", "thinking", "redacted_thinking", "tool_use", "new", None])
BLOCKS = objects("text", "thinking", "signature", "data", "id", "name", "input", "citations", "partial_json")
TYPED = st.builds(lambda kind, block: {**block, "type": kind}, TYPES, BLOCKS)
FIELDS = objects("index", "content_block", "delta", "message", "usage", values=JSONISH | TYPED)


@given(st.lists(st.tuples(KINDS, FIELDS)))
def test_no_shape_of_an_event_is_a_bug(events: list[tuple[str, dict[str, Any]]]) -> None:
    decoder = AnthropicDecoder()
    for kind, fields in events:
        try:
            fed(decoder, {"type": kind, **fields})
        except ServerError:
            assert kind == "error"
