"""Decoding of Anthropic events."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from termchat.core.events import Delta, Finished
from termchat.core.messages import Citation, Message, Origin, Reasoning, Role, Search, Text, ToolCall, user_message
from termchat.core.models import ApiProtocol, ProviderConfig
from termchat.core.outcomes import FinishReason
from termchat.core.provider import Params, Request
from termchat.core.usage import Usage
from termchat.providers.decoder import ServerError
from termchat.providers.protocols.anthropic.decode import AnthropicDecoder
from termchat.providers.protocols.anthropic.encode import encode
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


def decoded(*events: dict[str, Any]) -> list[Delta]:
    return fed(AnthropicDecoder(new_id=new_ids()), *events)


def test_decode_thinking_with_signature_then_text() -> None:
    deltas = decoded(
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


def test_decode_redacted_thinking_is_complete_at_block_start() -> None:
    assert parts(decoded(start(0, type="redacted_thinking", data="xx"), stop(0))) == (
        Reasoning("", redacted=True, provider_data={"data": "xx"}),
    )


def tool(index: int, **fields: Any) -> dict[str, Any]:
    return start(index, **({"type": "tool_use", "id": f"toolu_{index}", "name": "look", "input": {}} | fields))


def test_decode_tool_input_in_pieces_or_empty() -> None:
    deltas = decoded(
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


def test_decode_tool_input_in_block_start_is_used_without_pieces() -> None:
    deltas = decoded(
        tool(0, input={"city": "Köln"}),
        stop(0),
        tool(1, input={"old": 1}),
        delta(1, "input_json_delta", partial_json='{"new":1}'),
        stop(1),
    )
    assert parts(deltas) == (ToolCall("toolu_0", "look", '{"city": "Köln"}'), ToolCall("toolu_1", "look", '{"new":1}'))


def test_decode_tool_without_id_gets_new_id() -> None:
    assert parts(decoded(tool(0, id=None), stop(0))) == (ToolCall("new1", "look", "{}"),)


def test_decode_blocks_without_start_or_with_index_gaps() -> None:
    deltas = decoded(
        delta(3, "text_delta", text="a"), delta(7, "thinking_delta", thinking="hm"), delta(3, "text_delta", text="b")
    )
    assert parts(deltas) == (Text("ab"), Reasoning("hm"))


def test_decode_block_without_stop_is_complete_at_message_stop() -> None:
    assert parts(decoded(tool(0, input={"a": 1}), *end("tool_use"))) == (ToolCall("toolu_0", "look", '{"a": 1}'),)


def test_decode_call_ended_by_limit_or_cut_is_incomplete() -> None:
    cut = [tool(0), delta(0, "input_json_delta", partial_json='{"a')]
    for events in (cut, [*cut, *end("max_tokens")]):
        assert parts(decoded(*events)) == (ToolCall("toolu_0", "look", '{"a', complete=False),)


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
def test_decode_maps_finish_reason(raw: str | None, reason: FinishReason) -> None:
    assert decoded(*end(raw))[-1] == Finished(reason, raw or "")


def test_decode_without_message_stop_is_finished_by_stop_reason() -> None:
    decoder = AnthropicDecoder()
    assert fed(decoder, end()[0])[-1] == Finished(FinishReason.STOP, "end_turn")
    assert decoder.finished


def test_decode_without_stop_reason_is_not_finished() -> None:
    decoder = AnthropicDecoder()
    fed(decoder, end(None)[0])
    assert not decoder.finished


def test_decode_usage_is_cumulative_and_ignores_null() -> None:
    first = {"input_tokens": 5, "cache_read_input_tokens": 4, "cache_creation_input_tokens": 1, "output_tokens": 1}
    deltas = decoded(
        {"type": "message_start", "message": {"usage": first}},
        *end(output_tokens=9, input_tokens=None, output_tokens_details={"thinking_tokens": 6}),
    )
    assert assembled(deltas).usage == Usage(10, 9, cached=4, cache_write=1, reasoning=6)


def test_decode_without_counts_has_no_usage() -> None:
    assert assembled(decoded({"type": "message_start", "message": {"usage": None}}, *end())).usage is None


def test_decode_citations_of_web_pages() -> None:
    source = {"type": "web_search_result_location", "url": "https://a.example", "title": "A", "cited_text": "x"}
    deltas = decoded(
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
def test_decode_error_event_raises_server_error(event: dict[str, Any]) -> None:
    with pytest.raises(ServerError):
        decoded(event)


def test_decode_event_kind_from_type_or_event_line() -> None:
    nameless = {k: v for k, v in delta(0, "text_delta", text="b").items() if k != "type"}
    assert parts(decoded(delta(0, "text_delta", text="a"), {"@": "content_block_delta", **nameless})) == (Text("ab"),)


def test_decode_unknown_events_blocks_and_deltas_are_ignored() -> None:
    assert decoded({"type": "new"}, start(0, type="new"), delta(0, "new_delta", text="x"), stop(0)) == []


def test_decode_response_without_streaming() -> None:
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
def test_decode_any_event_raises_no_unexpected_error(events: list[tuple[str, dict[str, Any]]]) -> None:
    decoder = AnthropicDecoder()
    for kind, fields in events:
        try:
            fed(decoder, {"type": kind, **fields})
        except ServerError:
            assert kind == "error"


def test_decode_reads_reason_of_cache_miss() -> None:
    reason = {"type": "tools_changed", "cache_missed_input_tokens": 900}
    message = {"usage": {"input_tokens": 1000}, "diagnostics": {"cache_miss_reason": reason}}
    usage = assembled(decoded({"type": "message_start", "message": message})).usage
    assert usage is not None
    assert usage.cache_miss == "tools_changed"


def test_search_without_id_is_not_sent_back() -> None:
    origin = Origin("gateway", ApiProtocol.ANTHROPIC, "m")
    searched = Search((), {"block": {"type": "server_tool_use", "name": "web_search", "input": {}}})
    reply = Message(Role.ASSISTANT, (searched, Text("found")), origin)
    request = Request((user_message("q"), reply, user_message("and?")), params=Params(search=True))
    turns = encode(request, origin, ProviderConfig("gateway"), 100)["messages"]
    assert turns[1]["content"] == [{"type": "text", "text": "found"}]
