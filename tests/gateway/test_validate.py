"""The validators: a valid conversation passes, and each broken one gets the vendor's complaint."""

from __future__ import annotations

import base64
import copy
from collections.abc import Callable
from typing import Any

import pytest

from tests.gateway.histories import MODELS, PATHS, SCHEMA, conversation
from tests.gateway.signatures import DUMMY, Origin, Protocol, seal
from tests.gateway.validate import auth_problem, problems

Body = dict[str, Any]
Change = Callable[[Body], Any]
JSON = {"content-type": "application/json"}
CHAT, RESPONSES, ANTHROPIC, GEMINI = Protocol


def found(protocol: Protocol, body: Body) -> list[str]:
    return problems(body, JSON, PATHS[protocol])


def put(*place: Any, to: Any) -> Change:
    """Change that sets the value at a path."""

    def change(body: Body) -> None:
        inside: Any = body
        for step in place[:-1]:
            inside = inside[step]
        inside[place[-1]] = to

    return change


def drop(*place: Any) -> Change:
    """Change that removes the value at a path."""

    def change(body: Body) -> None:
        inside: Any = body
        for step in place[:-1]:
            inside = inside[step]
        del inside[place[-1]]

    return change


def add(*place: Any, value: Any) -> Change:
    """Change that inserts into a list."""

    def change(body: Body) -> None:
        inside: Any = body
        for step in place[:-1]:
            inside = inside[step]
        inside.insert(place[-1], value)

    return change


def swap(*place: Any) -> Change:
    """Change that swaps two neighbours in a list."""

    def change(body: Body) -> None:
        inside: Any = body
        for step in place[:-1]:
            inside = inside[step]
        first = place[-1]
        inside[first], inside[first + 1] = inside[first + 1], inside[first]

    return change


@pytest.mark.parametrize("protocol", list(Protocol))
def test_valid_conversation_has_no_problems(protocol: Protocol) -> None:
    assert found(protocol, conversation(protocol)) == []


def _tool(**fields: Any) -> Body:
    return {"type": "function", "function": {"name": "look", "parameters": SCHEMA} | fields}


BAD_CHAT: dict[str, tuple[Change, str]] = {
    "no model": (drop("model"), "Missing required parameter: 'model'"),
    "no messages": (put("messages", to=[]), "empty array"),
    "unknown field": (put("thinking", to={}), "Unknown parameter: 'thinking'"),
    "temperature": (put("temperature", to=0.5), "'temperature' is not supported"),
    "old limit": (put("max_tokens", to=5), "max_completion_tokens"),
    "late system": (add("messages", 5, value={"role": "system", "content": "x"}), "must be at the beginning"),
    "empty content": (put("messages", 1, "content", to=""), "content is empty"),
    "empty part": (put("messages", 6, "content", 0, "text", to=""), "text is empty"),
    "no content": (put("messages", 5, "content", to=None), "expected a string, got null"),
    "foreign part": (put("messages", 6, "content", 0, "type", to="input_text"), "invalid value 'input_text'"),
    "thoughts": (put("messages", 5, "reasoning_content", to="hm"), "Unknown parameter"),
    "no result": (drop("messages", 3), "did not have response messages"),
    "late result": (swap("messages", 4), "must be a response to a preceding message"),
    "two results": (add("messages", 4, value={"role": "tool", "tool_call_id": "x", "content": "y"}), "preceding"),
    "result is a number": (put("messages", 3, "content", to=3), "Invalid type"),
    "long id": (put("messages", 2, "tool_calls", 0, "id", to="x" * 41), "maximum length 40"),
    "no calls": (put("messages", 5, "tool_calls", to=[]), "empty array"),
    "dict arguments": (put("messages", 2, "tool_calls", 0, "function", "arguments", to={}), "Invalid type"),
    "odd name": (put("messages", 2, "tool_calls", 0, "function", "name", to="a b"), "does not match"),
    "no call type": (drop("messages", 2, "tool_calls", 0, "type"), "tool_calls[0].type"),
    "half a character": (put("messages", 1, "content", to="a\ud83d"), "no low surrogate"),
    "flat tool": (put("tools", 0, to={"type": "function", "name": "look"}), "tools[0].name"),
    "no object": (put("tools", 0, to=_tool(parameters={"type": "string"})), "JSON Schema of 'type"),
    "array without items": (
        put("tools", 0, to=_tool(parameters={"type": "object", "properties": {"a": {"type": "array"}}})),
        "array schema missing items",
    ),
    "loose strict": (put("tools", 0, to=_tool(strict=True)), "additionalProperties"),
    "tool twice": (put("tools", to=[_tool(), _tool()]), "must be unique"),
    "tool name": (put("tools", 0, to=_tool(name="a.b")), "should match pattern"),
    "empty tools": (put("tools", to=[]), "minimum length 1"),
    "unknown choice": (put("tool_choice", to={"type": "function", "function": {"name": "z"}}), "does not name"),
    "options without a stream": (put("stream", to=False), "stream_options"),
    "json without the word": (put("response_format", to={"type": "json_object"}), "contain the word 'json'"),
}

BAD_RESPONSES: dict[str, tuple[Change, str]] = {
    "stored": (put("store", to=True), "store"),
    "store left out": (drop("store"), "store"),
    "previous response": (put("previous_response_id", to="resp_1"), "previous_response_id"),
    "messages": (put("messages", to=[]), "Unknown parameter: 'messages'"),
    "few tokens": (put("max_output_tokens", to=5), "not between 16"),
    "temperature": (put("temperature", to=1), "not supported"),
    "effort": (put("reasoning", to={"effort": "huge"}), "invalid value 'huge'"),
    "nested tool": (put("tools", 0, to={"type": "function", "function": {}}), "Unknown parameter"),
    "no strict": (drop("tools", 0, "strict"), "Missing required parameter: 'tools[0].strict'"),
    "no summary": (drop("input", 1, "summary"), "Missing required parameter: 'input[1].summary'"),
    "no encrypted content": (drop("input", 1, "encrypted_content"), "not found"),
    "other words": (put("input", 1, "summary", 0, "text", to="else"), "content was changed"),
    "no reasoning": (drop("input", 1), "without its required 'reasoning' item"),
    "reasoning alone": (lambda body: body["input"].append(body["input"].pop(7)), "required following item"),
    "moved reasoning": (swap("input", 1), "without its required 'reasoning' item"),
    "no output": (drop("input", 5), "No tool output found for function call"),
    "no call": (drop("input", 3), "No tool call found"),
    "long call id": (put("input", 3, "call_id", to="x" * 65), "maximum length 64"),
    "odd call id": (put("input", 3, "call_id", to="a:b"), "Expected letters"),
    "odd item id": (put("input", 3, "id", to="call_1"), "begins with 'fc'"),
    "input text of the model": (
        put("input", 2, "content", to=[{"type": "input_text", "text": "x"}]),
        "Supported values are: 'output_text'",
    ),
    "empty text": (put("input", 0, "content", to=""), "content is empty"),
    "unknown item": (put("input", 0, to={"type": "item_reference", "id": "x"}), "item_reference"),
    "dict arguments": (put("input", 3, "arguments", to={}), "Invalid type"),
    "user within a loop": (add("input", 5, value={"role": "user", "content": "x"}), "No tool output found"),
}

BAD_ANTHROPIC: dict[str, tuple[Change, str]] = {
    "no limit": (drop("max_tokens"), "max_tokens: Field required"),
    "temperature": (put("temperature", to=0.5), "`temperature` is not supported"),
    "unknown field": (put("store", to=False), "store: Extra inputs are not permitted"),
    "empty system": (put("system", to=""), "must be non-empty"),
    "model first": (drop("messages", 0), 'must use the "user" role'),
    "model last": (drop("messages", 6), "prefill"),
    "two users": (add("messages", 0, value={"role": "user", "content": "x"}), "roles must alternate"),
    "empty text": (put("messages", 0, "content", to=""), "must be non-empty"),
    "blank text": (put("messages", 3, "content", 1, "text", to=" \n"), "non-whitespace"),
    "no blocks": (put("messages", 4, "content", to=[]), "non-empty content"),
    "system role": (put("messages", 4, "role", to="system"), "messages.4.role"),
    "no result": (drop("messages", 2, "content", 1), "without `tool_result` blocks immediately after"),
    "foreign result": (put("messages", 2, "content", 0, "tool_use_id", to="toolu_x"), "unexpected `tool_use_id`"),
    "text first": (add("messages", 2, "content", 0, value={"type": "text", "text": "x"}), "before any other block"),
    "odd id": (put("messages", 1, "content", 2, "id", to="a:b"), "should match pattern"),
    "long id": (put("messages", 1, "content", 2, "id", to="x" * 65), "64 characters"),
    "same id": (lambda body: put("messages", 5, "content", 1, to=body["messages"][1]["content"][2])(body), "unique"),
    "text arguments": (put("messages", 1, "content", 2, "input", to="{}"), "valid object"),
    "empty failure": (
        put("messages", 2, "content", 0, to={"type": "tool_result", "tool_use_id": "x", "is_error": True}),
        "content cannot be empty if `is_error` is true",
    ),
    "other thoughts": (put("messages", 1, "content", 0, "thinking", to="else"), "content was changed"),
    "invented signature": (put("messages", 1, "content", 0, "signature", to="c2lnbmF0dXJl"), "Invalid `signature`"),
    "empty signature": (put("messages", 1, "content", 0, "signature", to=""), "Invalid `signature`"),
    "late thoughts": (swap("messages", 5, "content", 0), "thinking comes before the calls"),
    "thoughts alone": (drop("messages", 3, "content", 1), "cannot be `thinking`"),
    "small budget": (put("thinking", to={"type": "enabled", "budget_tokens": 10}), "1024"),
    "large budget": (put("thinking", to={"type": "enabled", "budget_tokens": 5000}), "must be greater"),
    "openai tool": (put("tools", 0, to=_tool()), "tools.0.function: Extra inputs"),
    "union at the top": (put("tools", 0, "input_schema", "anyOf", to=[]), "'anyOf' at the top level"),
    "prefixed image": (
        put(
            *("messages", 4, "content", 0),
            to={
                "type": "image",
                "source": {"type": "base64", "media_type": "image/png", "data": "data:image/png;base64,AA"},
            },
        ),
        "without a prefix",
    ),
    "marked thoughts": (
        put("messages", 1, "content", 0, "cache_control", to={"type": "ephemeral"}),
        "cannot have cache_control",
    ),
    "five marks": (
        put("system", to=[{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}] * 5),
        "A maximum of 4 blocks",
    ),
}
BAD_GEMINI: dict[str, tuple[Change, str]] = {
    "no contents": (drop("contents"), "contents"),
    "unknown field": (put("messages", to=[]), 'Unknown name "messages"'),
    "unknown setting": (put("generationConfig", "max_tokens", to=5), 'Unknown name "maxTokens"'),
    "both thinking knobs": (
        put("generationConfig", "thinkingConfig", to={"thinkingBudget": 5, "thinkingLevel": "LOW"}),
        "only one of thinking budget",
    ),
    "assistant": (put("contents", 1, "role", to="assistant"), "Please use a valid role"),
    "model first": (drop("contents", 0), "start with a user role"),
    "model last": (drop("contents", 6), "end with a user role"),
    "two users": (add("contents", 0, value={"role": "user", "parts": [{"text": "x"}]}), "alternate"),
    "no parts": (put("contents", 0, "parts", to=[]), "at least one parts field"),
    "empty text": (put("contents", 0, "parts", 0, "text", to=""), "must have a text parameter"),
    "empty part": (put("contents", 0, "parts", 0, to={}), "required oneof field"),
    "unsigned thought": (add("contents", 1, "parts", 0, value={"text": "hm", "thought": True}), "without a signature"),
    "no signature": (drop("contents", 5, "parts", 0, "thoughtSignature"), "missing a thought_signature"),
    "invented signature": (put("contents", 5, "parts", 0, "thoughtSignature", to="AAAA"), "Corrupted thought"),
    "other arguments": (put("contents", 5, "parts", 0, "functionCall", "args", "city", to="x"), "was changed"),
    "dummy on text": (
        put("contents", 3, "parts", 1, "thoughtSignature", to=base64.b64encode(DUMMY).decode()),
        "dummy signature",
    ),
    "text arguments": (put("contents", 5, "parts", 0, "functionCall", "args", to="{}"), "args"),
    "few responses": (drop("contents", 2, "parts", 1), "number of function response parts"),
    "no responses": (put("contents", 6, "parts", to=[{"text": "x"}]), "number of function response parts"),
    "text before": (add("contents", 2, "parts", 0, value={"text": "x"}), "before any other part"),
    "other id": (put("contents", 6, "parts", 0, "functionResponse", "id", to="x"), "its call"),
    "other name": (put("contents", 6, "parts", 0, "functionResponse", "name", to="x"), "is asked for"),
    "text response": (put("contents", 6, "parts", 0, "functionResponse", "response", to="x"), "response"),
    "response of the model": (put("contents", 6, "role", to="model"), "not allowed for this role"),
    "two schemas": (put("tools", 0, "functionDeclarations", 0, "parameters", to=SCHEMA), "mutually exclusive"),
    "no base64": (
        put("contents", 4, "parts", to=[{"inlineData": {"mimeType": "image/png", "data": "%"}}]),
        "Base64 decoding failed",
    ),
}

BAD = [
    *((CHAT, name, *row) for name, row in BAD_CHAT.items()),
    *((RESPONSES, name, *row) for name, row in BAD_RESPONSES.items()),
    *((ANTHROPIC, name, *row) for name, row in BAD_ANTHROPIC.items()),
    *((GEMINI, name, *row) for name, row in BAD_GEMINI.items()),
]


@pytest.mark.parametrize(("protocol", "name", "change", "words"), BAD, ids=[f"{row[0]}-{row[1]}" for row in BAD])
def test_broken_conversation_gives_vendor_complaint(protocol: Protocol, name: str, change: Change, words: str) -> None:
    body = copy.deepcopy(conversation(protocol))
    change(body)
    complaints = found(protocol, body)
    assert any(words in complaint for complaint in complaints), complaints


@pytest.mark.parametrize("protocol", [RESPONSES, ANTHROPIC, GEMINI])
def test_signature_of_other_model_is_refused(protocol: Protocol) -> None:
    body = conversation(protocol, model="another-model")
    if protocol is not GEMINI:
        body["model"] = MODELS[protocol]
    assert any("another-model" in complaint for complaint in found(protocol, body))


@pytest.mark.parametrize("protocol", [RESPONSES, ANTHROPIC, GEMINI])
def test_signature_of_other_endpoint_is_refused(protocol: Protocol) -> None:
    complaints = problems(conversation(protocol), JSON, "/elsewhere" + PATHS[protocol])
    assert any("not from /elsewhere" in complaint for complaint in complaints)


def test_gemini_accepts_dummy_signature_and_none_for_old_models() -> None:
    body = conversation(GEMINI)
    body["contents"][5]["parts"][0]["thought_signature"] = base64.urlsafe_b64encode(DUMMY).decode()
    del body["contents"][5]["parts"][0]["thoughtSignature"]
    assert found(GEMINI, body) == []
    del body["contents"][5]["parts"][0]["thought_signature"]
    del body["contents"][1]["parts"][1]["thoughtSignature"]
    body["contents"][3]["parts"].pop()
    assert problems(body, JSON, "/v1beta/models/gemini-2.5-pro:streamGenerateContent") == []


def test_gemini_needs_no_signature_before_current_turn() -> None:
    body = conversation(GEMINI)
    del body["contents"][1]["parts"][1]["thoughtSignature"]
    assert found(GEMINI, body) == []


def test_anthropic_enabled_thinking_requires_thinking_block_first() -> None:
    body = conversation(ANTHROPIC)
    body["thinking"] = {"type": "enabled", "budget_tokens": 2000}
    assert found(ANTHROPIC, body) == []
    del body["messages"][5]["content"][0]
    assert "must start with a thinking block" in found(ANTHROPIC, body)[0]


def test_chat_thinking_model_requires_its_reasoning() -> None:
    body = conversation(CHAT, model="deepseek-v4")
    assert "must be passed back" in found(CHAT, body)[0]
    for message in body["messages"]:
        if message.get("tool_calls"):
            message["reasoning_content"] = "hm"
    assert found(CHAT, body) == []


def test_older_models_accept_sampling_params() -> None:
    chat = conversation(CHAT) | {"model": "qwen3:8b", "temperature": 0.5, "top_k": 5, "max_tokens": 9}
    del chat["max_completion_tokens"]
    assert found(CHAT, chat) == []
    claude = conversation(ANTHROPIC, model="claude-sonnet-4.5") | {"temperature": 0.5}
    del claude["thinking"]
    assert found(ANTHROPIC, claude) == []


def test_anthropic_redacted_thinking_must_be_unchanged() -> None:
    body = conversation(ANTHROPIC)
    origin = Origin("", ANTHROPIC, MODELS[ANTHROPIC])
    redacted = {"type": "redacted_thinking", "data": seal(origin, "redacted", "", "turn9", 0)}
    body["messages"][3]["content"][0] = redacted
    assert found(ANTHROPIC, body) == []
    body["messages"][3]["content"][0] = redacted | {"data": "AAAA"}
    assert "Invalid `signature`" in found(ANTHROPIC, body)[0]


@pytest.mark.parametrize(
    ("protocol", "headers", "words"),
    [
        (CHAT, {"authorization": "Bearer x"}, ""),
        (CHAT, {}, "didn't provide"),
        (CHAT, {"authorization": "x"}, "Bearer KEY"),
        (CHAT, {"authorization": "Bearer x", "x-api-key": "x"}, "another vendor's"),
        (ANTHROPIC, {"authorization": "Bearer x", "anthropic-version": "1"}, ""),
        (ANTHROPIC, {"x-api-key": "x", "anthropic-version": "1"}, ""),
        (ANTHROPIC, {"x-api-key": "x"}, "anthropic-version"),
        (ANTHROPIC, {"anthropic-version": "1"}, "x-api-key"),
        (GEMINI, {"x-goog-api-key": "x"}, ""),
        (GEMINI, {"authorization": "Bearer x"}, "x-goog-api-key"),
    ],
)
def test_auth_problem_names_missing_or_wrong_header(protocol: Protocol, headers: dict[str, str], words: str) -> None:
    complaint = auth_problem(headers, protocol)
    assert complaint == "" if not words else words in complaint


def test_body_or_content_type_other_than_json_is_refused() -> None:
    assert problems([], JSON, PATHS[RESPONSES]) == ["the body is not a JSON object"]
    assert problems({}, {}, PATHS[CHAT]) == ["content-type is not application/json"]
