"""Decoding of Gemini chunks."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from termchat.core.events import Delta, Finished, UsageDelta
from termchat.core.messages import Citation, Reasoning, Text, ToolCall
from termchat.core.outcomes import FinishReason
from termchat.core.usage import Usage
from termchat.providers.decoder import ServerError
from termchat.providers.protocols.gemini.decode import GeminiDecoder
from tests.providers.decode_support import assembled, fed, new_ids, parts
from tests.providers.json_strategies import JSONISH, objects


def chunk(*pieces: dict[str, Any], finish: str | None = None, **candidate: Any) -> dict[str, Any]:
    decoded = {"content": {"role": "model", "parts": list(pieces)}, "index": 0, **candidate}
    return {"candidates": [decoded | ({"finishReason": finish} if finish else {})]}


def decoded(*events: dict[str, Any]) -> list[Delta]:
    return fed(GeminiDecoder(new_id=new_ids()), *events)


def test_decode_thought_then_text() -> None:
    deltas = decoded(
        chunk({"text": "let ", "thought": True}),
        chunk({"text": "me", "thought": True}),
        chunk({"text": "so "}),
        chunk({"text": "far"}, {"text": ""}, finish="STOP"),
    )
    assert parts(deltas) == (Reasoning("let me"), Text("so far"))
    assert deltas[-1] == Finished(FinishReason.STOP, "STOP")


def test_decode_parallel_calls_in_one_or_several_chunks() -> None:
    def call(**fields: Any) -> dict[str, Any]:
        return {"functionCall": {"name": "look", **fields}}

    deltas = decoded(chunk(call(args={"city": "Köln"}, id="a"), call(args=None)), chunk(call(), finish="STOP"))
    assert parts(deltas) == (
        ToolCall("a", "look", '{"city": "Köln"}', provider_data={"id": True}),
        ToolCall("new1", "look", "{}"),
        ToolCall("new2", "look", "{}"),
    )
    assert deltas[-1] == Finished(FinishReason.TOOL_CALLS, "STOP")


def test_decode_signed_part_stays_separate() -> None:
    deltas = decoded(
        chunk({"text": "a"}),
        chunk({"text": "b", "thoughtSignature": "c2ln"}),
        chunk({"text": "c"}),
        chunk({"functionCall": {"name": "look"}, "thoughtSignature": "c2ln"}),
        chunk({"text": "", "thoughtSignature": "c2ln"}, finish="STOP"),
    )
    sign = {"thought_signature": "c2ln"}
    assert parts(deltas) == (
        Text("a"),
        Text("b", provider_data=sign),
        Text("c"),
        ToolCall("new1", "look", "{}", provider_data=sign),
        Text("", provider_data=sign),
    )


@pytest.mark.parametrize(("sent", "kept"), [("+/8=", "+/8="), ("-_8=", "+/8="), ("-_8", "+/8=")])
def test_decode_signature_in_either_base64_alphabet(sent: str, kept: str) -> None:
    assert parts(decoded(chunk({"text": "a", "thoughtSignature": sent}))) == (
        Text("a", provider_data={"thought_signature": kept}),
    )


@pytest.mark.parametrize("odd", ["!", 7, None, "é"])
def test_decode_invalid_signature_is_left_out(odd: Any) -> None:
    assert parts(decoded(chunk({"text": "a", "thoughtSignature": odd}))) == (Text("a"),)


def test_decode_arguments_as_text() -> None:
    assert parts(decoded(chunk({"functionCall": {"name": "look", "args": '{"a":1}'}}))) == (
        ToolCall("new1", "look", '{"a":1}'),
    )


def test_decode_snake_case_names() -> None:
    part = {"function_call": {"name": "look", "args": {}}, "thought_signature": "c2ln"}
    candidate = {"content": {"parts": [part]}, "finish_reason": "STOP"}
    deltas = decoded({"candidates": [candidate], "usage_metadata": {"prompt_token_count": 3}})
    assert parts(deltas) == (ToolCall("new1", "look", "{}", provider_data={"thought_signature": "c2ln"}),)
    assert assembled(deltas).usage == Usage(3)
    assert deltas[-1] == Finished(FinishReason.TOOL_CALLS, "STOP")


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        ("STOP", FinishReason.STOP),
        ("MAX_TOKENS", FinishReason.LENGTH),
        *((word, FinishReason.FILTER) for word in ("SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII")),
        *(
            (word, FinishReason.FILTER)
            for word in ("LANGUAGE", "IMAGE_SAFETY", "IMAGE_OTHER", "MODEL_ARMOR", "ESCALATION")
        ),
        ("CONTINUATION", FinishReason.PAUSED),
        *((word, FinishReason.MALFORMED_TOOL) for word in ("MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL")),
        *((word, FinishReason.MALFORMED_TOOL) for word in ("TOO_MANY_TOOL_CALLS", "MALFORMED_RESPONSE")),
        ("MISSING_THOUGHT_SIGNATURE", FinishReason.HISTORY_INVALID),
        *((word, FinishReason.ERROR) for word in ("OTHER", "NO_IMAGE", "PUP_LIMITED_DISABLED")),
        ("BRAND_NEW", FinishReason.OTHER),
    ],
)
def test_decode_maps_finish_reason(raw: str, reason: FinishReason) -> None:
    assert decoded(chunk({"text": "x"}), chunk(finish=raw))[-1] == Finished(reason, raw)


def test_decode_unspecified_finish_reason_is_ignored() -> None:
    assert not any(isinstance(d, Finished) for d in decoded(chunk({"text": "x"}, finish="FINISH_REASON_UNSPECIFIED")))


def test_decode_blocked_prompt_finishes_as_filtered() -> None:
    assert decoded({"promptFeedback": {"blockReason": "SAFETY"}}) == [Finished(FinishReason.FILTER, "SAFETY")]


def test_decode_usage_adds_thoughts_to_output() -> None:
    def counted(**fields: int) -> dict[str, Any]:
        return {"usageMetadata": fields}

    deltas = decoded(
        counted(promptTokenCount=10, thoughtsTokenCount=2),
        {"usageMetadata": None},
        counted(
            promptTokenCount=10,
            cachedContentTokenCount=4,
            toolUsePromptTokenCount=1,
            candidatesTokenCount=5,
            thoughtsTokenCount=3,
        ),
    )
    assert deltas == [UsageDelta(Usage(10, 2, reasoning=2)), UsageDelta(Usage(11, 8, cached=4, reasoning=3))]


def test_decode_citations_of_web_pages() -> None:
    web = {"web": {"uri": "https://a.example", "title": "A"}}
    deltas = decoded(
        chunk({"text": "so"}, groundingMetadata={"groundingChunks": [web, {"retrievedContext": {}}, None]}),
        chunk(citationMetadata={"citationSources": [{"uri": "https://b.example"}], "citations": [{"uri": ""}]}),
    )
    assert parts(deltas) == (Text("so", (Citation("https://a.example", "A"), Citation("https://b.example"))),)


def test_decode_citations_after_call_belong_to_earlier_text() -> None:
    web = {"groundingChunks": [{"web": {"uri": "https://a.example"}}]}
    deltas = decoded(chunk({"text": "so"}), chunk({"functionCall": {"name": "look"}}, groundingMetadata=web))
    assert parts(deltas)[0] == Text("so", (Citation("https://a.example"),))


ODD = [{}, {"candidates": None}, {"candidates": []}, {"candidates": [None]}, {"candidates": [{"content": None}]}]


@pytest.mark.parametrize(
    "odd", [*ODD, chunk({}), chunk({"text": None}), {"candidates": [{"content": {}}]}], ids=json.dumps
)
def test_decode_malformed_chunk_is_ignored(odd: dict[str, Any]) -> None:
    assert decoded(odd) == []


@pytest.mark.parametrize("error", [{"code": 503, "status": "UNAVAILABLE", "message": "no"}, "no"])
def test_decode_error_event_raises_server_error(error: Any) -> None:
    with pytest.raises(ServerError):
        decoded({"error": error})


def test_decode_second_finish_is_ignored() -> None:
    assert decoded(chunk(finish="STOP"), chunk(finish="STOP")) == [Finished(FinishReason.STOP, "STOP")]


PARTS = objects("text", "thought", "thoughtSignature", "functionCall", "function_call")
CONTENT = st.fixed_dictionaries({"parts": JSONISH | st.lists(PARTS | JSONISH, max_size=2)}) | JSONISH
CANDIDATES = st.dictionaries(
    st.sampled_from(["content", "finishReason", "groundingMetadata", "citationMetadata"]), CONTENT
)


@given(st.lists(CANDIDATES), JSONISH, JSONISH)
def test_decode_any_chunk_raises_no_error(candidates: list[dict[str, Any]], usage: Any, feedback: Any) -> None:
    for candidate in candidates:
        decoded({"candidates": [candidate], "usageMetadata": usage, "promptFeedback": feedback})
