"""The fields of a request: every face with every upstream passes them on, refuses them, or says what it leaves out."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.gateway import Call, Cut, Reply, Text
from tests.serve.served import MODELS, TOKEN, Served, running

pytestmark = pytest.mark.xdist_group("serve")
HEADERS = {"x-api-key": TOKEN}
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False}
URL = "https://example.com/cat.png"
PDF = b64encode(b"%PDF-1.4 tiny").decode()
PATHS = {"chat": "/v1/chat/completions", "responses": "/v1/responses", "messages": "/v1/messages"}
MESSAGE_FIELD = {"chat": "messages", "responses": "input", "messages": "messages"}
TOOLS: dict[str, Any] = {
    "chat": [{"type": "function", "function": {"name": name, "parameters": SCHEMA}} for name in ("add", "take")],
    "responses": [{"type": "function", "name": name, "parameters": SCHEMA} for name in ("add", "take")],
    "messages": [{"name": name, "input_schema": SCHEMA} for name in ("add", "take")],
}
NAMED = {
    "chat": {"type": "function", "function": {"name": "take"}},
    "responses": {"type": "function", "name": "take"},
    "messages": {"type": "tool", "name": "take"},
}
ALLOWED = {
    "chat": {"type": "allowed_tools", "allowed_tools": {"mode": "required", "tools": [NAMED["chat"]]}},
    "responses": {"type": "allowed_tools", "mode": "required", "tools": [NAMED["responses"]]},
}
REFUSED = "refused: "
NOTICE = "notice: "
PICTURE: dict[str, Any] = {
    "chat": [{"type": "image_url", "image_url": {"url": URL}}],
    "responses": [{"type": "input_image", "image_url": URL}],
    "messages": [{"type": "image", "source": {"type": "url", "url": URL}}],
}
DOCUMENT: dict[str, Any] = {
    "chat": [{"type": "file", "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}}],
    "responses": [{"type": "input_file", "filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}],
    "messages": [{"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": PDF}}],
}


def every(value: Any) -> dict[str, Any]:
    return dict.fromkeys(PATHS, value)


def tools(field: str, **values: Any) -> dict[str, Any]:
    """Fields of each face with tools."""
    return {face: {"tools": TOOLS[face], field: value} for face, value in values.items()}


def said(content: dict[str, Any]) -> dict[str, Any]:
    return {face: {MESSAGE_FIELD[face]: [{"role": "user", "content": parts}]} for face, parts in content.items()}


_SCHEMA_FORM = {"name": "n", "schema": SCHEMA, "strict": True}
# name -> fields by face; what each upstream gets: the path of a field and its value, a refusal, or a notice
CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "no tool": (
        tools("tool_choice", chat="none", responses="none", messages={"type": "none"}),
        {
            "openai": ("tool_choice", "none"),
            "responses": ("tool_choice", "none"),
            "anthropic": ("tool_choice", {"type": "none"}),
            "gemini": ("toolConfig.functionCallingConfig", {"mode": "NONE"}),
        },
    ),
    "some tool": (
        tools("tool_choice", chat="required", responses="required", messages={"type": "any"}),
        {
            "openai": ("tool_choice", "required"),
            "responses": ("tool_choice", "required"),
            "anthropic": ("tool_choice", {"type": "any"}),
            "gemini": ("toolConfig.functionCallingConfig", {"mode": "ANY"}),
        },
    ),
    "named tool": (
        tools("tool_choice", **NAMED),
        {
            "openai": ("tool_choice", NAMED["chat"]),
            "responses": ("tool_choice", NAMED["responses"]),
            "anthropic": ("tool_choice", NAMED["messages"]),
            "gemini": ("toolConfig.functionCallingConfig", {"mode": "ANY", "allowedFunctionNames": ["take"]}),
        },
    ),
    "allowed tools": (
        tools("tool_choice", **ALLOWED),
        {
            "openai": ("tools.*.function.name", ["take"]),
            "responses": ("tools.*.name", ["take"]),
            "anthropic": ("tools.*.name", ["take"]),
            "gemini": ("tools.0.functionDeclarations.*.name", ["take"]),
        },
    ),
    "single call": (
        {
            **tools("parallel_tool_calls", chat=False, responses=False),
            **tools("tool_choice", messages={"type": "auto", "disable_parallel_tool_use": True}),
        },
        {
            "openai": ("parallel_tool_calls", False),
            "responses": ("parallel_tool_calls", False),
            "anthropic": ("tool_choice", {"type": "auto", "disable_parallel_tool_use": True}),
            "gemini": NOTICE + "one call at a time",
        },
    ),
    "some tool while thinking": (
        {
            "chat": {"tools": TOOLS["chat"], "tool_choice": "required", "reasoning_effort": "high"},
            "responses": {"tools": TOOLS["responses"], "tool_choice": "required", "reasoning": {"effort": "high"}},
            "messages": {
                "tools": TOOLS["messages"],
                "tool_choice": {"type": "any"},
                "thinking": {"type": "enabled", "budget_tokens": 20_000},
            },
        },
        {
            "openai": ("reasoning_effort", "high"),
            "responses": ("reasoning.effort", "high"),
            "anthropic": REFUSED + "this choice of tools",
            "gemini": ("generationConfig.thinkingConfig.thinking_level", "HIGH"),
        },
    ),
    "json object": (
        {
            "chat": {"response_format": {"type": "json_object"}},
            "responses": {"text": {"format": {"type": "json_object"}}},
        },
        {
            "openai": ("response_format", {"type": "json_object"}),
            "responses": ("text.format", {"type": "json_object"}),
            "anthropic": REFUSED + "JSON without a schema",
            "gemini": ("generationConfig.responseMimeType", "application/json"),
        },
    ),
    "json schema": (
        {
            "chat": {"response_format": {"type": "json_schema", "json_schema": _SCHEMA_FORM}},
            "responses": {"text": {"format": {"type": "json_schema", **_SCHEMA_FORM}}},
            "messages": {"output_config": {"format": {"type": "json_schema", "schema": SCHEMA}}},
        },
        {
            "openai": ("response_format.json_schema.schema", SCHEMA),
            "responses": ("text.format.schema", SCHEMA),
            "anthropic": ("output_config.format.schema", SCHEMA),
            "gemini": ("generationConfig.responseJsonSchema", SCHEMA),
        },
    ),
    "stop": (
        {"chat": {"stop": ["END"]}, "messages": {"stop_sequences": ["END"]}},
        {
            "openai": ("stop", ["END"]),
            "responses": REFUSED + "stop sequences",
            "anthropic": ("stop_sequences", ["END"]),
            "gemini": ("generationConfig.stopSequences", ["END"]),
        },
    ),
    "temperature": (
        every({"temperature": 0.5}),
        {
            "openai": NOTICE + "temperature",
            "responses": NOTICE + "temperature",
            "anthropic": NOTICE + "temperature",
            "gemini": ("generationConfig.temperature", 0.5),
        },
    ),
    "temperature of zero": (
        every({"temperature": 0}),
        {
            "openai": NOTICE + "temperature",
            "responses": NOTICE + "temperature",
            "anthropic": NOTICE + "temperature",
            "gemini": ("generationConfig.temperature", 0),
        },
    ),
    "top_p": (
        every({"top_p": 0.5}),
        {
            "openai": NOTICE + "top-p",
            "responses": NOTICE + "top-p",
            "anthropic": NOTICE + "top-p",
            "gemini": ("generationConfig.topP", 0.5),
        },
    ),
    "max tokens": (
        {"chat": {"max_tokens": 77}, "responses": {"max_output_tokens": 77}, "messages": {"max_tokens": 77}},
        {
            "openai": ("max_completion_tokens", 77),
            "responses": ("max_output_tokens", 77),
            "anthropic": ("max_tokens", 77),
            "gemini": ("generationConfig.maxOutputTokens", 77),
        },
    ),
    "seed": (
        {"chat": {"seed": 7}},
        {
            "openai": ("seed", 7),
            "responses": NOTICE + "seed",
            "anthropic": NOTICE + "seed",
            "gemini": ("generationConfig.seed", 7),
        },
    ),
    "speed": (
        {"chat": {"service_tier": "priority"}, "responses": {"service_tier": "priority"}},
        {
            "openai": ("service_tier", "priority"),
            "responses": ("service_tier", "priority"),
            "anthropic": ("speed", "fast"),
            "gemini": ("serviceTier", "priority"),
        },
    ),
    "picture by address": (
        said(PICTURE),
        {
            "openai": ("messages.0.content.0.image_url.url", URL),
            "responses": ("input.0.content.0.image_url", URL),
            "anthropic": ("messages.0.content.0.source.url", URL),
            "gemini": ("contents.0.parts.0.fileData.file_uri", URL),
        },
    ),
    "document": (
        said(DOCUMENT),
        {
            "openai": ("messages.0.content.0.file.file_data", f"data:application/pdf;base64,{PDF}"),
            "responses": ("input.0.content.0.file_data", f"data:application/pdf;base64,{PDF}"),
            "anthropic": ("messages.0.content.0.source.data", PDF),
            "gemini": ("contents.0.parts.0.inlineData.data", PDF),
        },
    ),
    "reply to continue": (
        {
            face: {field: [{"role": "user", "content": "count"}, {"role": "assistant", "content": "one, "}]}
            for face, field in MESSAGE_FIELD.items()
        },
        {
            "openai": REFUSED + "ends with a reply",
            "responses": REFUSED + "ends with a reply",
            "anthropic": REFUSED + "ends with a reply",
            "gemini": REFUSED + "ends with a reply",
        },
    ),
}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with running(tmp_path_factory.mktemp("home")) as found:
        yield found


@pytest.fixture(scope="module")
def client() -> Iterator[httpx2.Client]:
    with httpx2.Client(trust_env=False, timeout=30, headers=HEADERS) as found:
        yield found


def field_at(value: Any, path: str) -> Any:
    """The value at a path; `*` is each of a list."""
    head, _, rest = path.partition(".")
    if not head:
        return value
    if head == "*":
        return [field_at(item, rest) for item in value]
    return field_at(value[int(head)] if isinstance(value, list) else value.get(head), rest)


def post(client: httpx2.Client, served: Served, face: str, fields: Any) -> httpx2.Response:
    start: dict[str, Any] = {"max_tokens": 30_000} if face == "messages" else {}
    question = {MESSAGE_FIELD[face]: [{"role": "user", "content": "JSON, please"}]}
    return client.post(served.url + PATHS[face], json={**question, **start, **fields})


@pytest.mark.parametrize("upstream", MODELS)
@pytest.mark.parametrize("name", CASES)
def test_field_is_passed_on_or_refused_or_noted(
    served: Served, client: httpx2.Client, name: str, upstream: str
) -> None:
    by_face, wanted = CASES[name][0], CASES[name][1][upstream]
    for face, fields in by_face.items():
        number = len(served.gateway.asked)
        refused = isinstance(wanted, str) and wanted.startswith(REFUSED)
        if not refused:
            served.gateway.reply(Reply(Text("{}")))
        found = post(client, served, face, {"model": MODELS[upstream], **fields})
        sent = [request.body for request in served.gateway.asked[number:]]
        if refused:
            assert (found.status_code, sent) == (400, []), (face, found.text)
            error = found.json()["error"]
            assert wanted.removeprefix(REFUSED) in error["message"]
            assert error["type"] == "invalid_request_error"
        elif isinstance(wanted, str):
            assert found.status_code == 200, (face, found.text)
            assert wanted.removeprefix(NOTICE) in found.headers["x-termchat-notice"]
        else:
            assert found.status_code == 200, (face, found.text)
            assert field_at(sent[0], wanted[0]) == wanted[1], (face, sent)
            assert "x-termchat-notice" not in found.headers, found.headers["x-termchat-notice"]


@pytest.mark.parametrize("face", PATHS)
def test_reply_at_end_is_continued_by_model_that_can(served: Served, client: httpx2.Client, face: str) -> None:
    served.gateway.reply(Reply(Text(" two")))
    begun = [{"role": "user", "content": "count"}, {"role": "assistant", "content": "one, "}]
    found = post(client, served, face, {"model": "xanthropic/claude-haiku-4-5", MESSAGE_FIELD[face]: begun})
    assert found.status_code == 200, found.text
    assert "two" in found.text
    turns = served.gateway.asked[-1].body["messages"]
    assert (turns[-1]["role"], turns[-1]["content"][0]["text"]) == ("assistant", "one,")


def test_strict_tool_and_schema_reach_vendor_as_asked(served: Served, client: httpx2.Client) -> None:
    tool = {"type": "function", "function": {**TOOLS["chat"][0]["function"], "strict": True}}
    for upstream, path in (("openai", "tools.0.function.strict"), ("responses", "tools.0.strict")):
        served.gateway.reply(Reply(Text("x")))
        assert post(client, served, "chat", {"model": MODELS[upstream], "tools": [tool]}).status_code == 200
        assert field_at(served.gateway.asked[-1].body, path) is True


def test_responses_reply_repeats_fields_of_request(served: Served, client: httpx2.Client) -> None:
    served.gateway.reply(Reply(Text("x")))
    fields = {"model": MODELS["openai"], "tools": TOOLS["responses"], "tool_choice": "none", "metadata": {"a": "b"}}
    found = post(client, served, "responses", fields).json()
    assert {name: found[name] for name in ("tools", "tool_choice", "metadata")} == {
        "tools": TOOLS["responses"], "tool_choice": "none", "metadata": {"a": "b"},
    }  # fmt: skip


def test_messages_reply_names_stop_sequence(served: Served, client: httpx2.Client) -> None:
    served.gateway.reply(Reply(Text("x"), finish="stop_sequence"))
    fields = {"model": MODELS["anthropic"], "stop_sequences": ["END"]}
    found = post(client, served, "messages", fields).json()
    assert (found["stop_reason"], found["stop_sequence"]) == ("stop_sequence", "END")


def test_system_message_between_messages_keeps_its_place(served: Served, client: httpx2.Client) -> None:
    served.gateway.reply(Reply(Text("x")))
    rows = [{"role": "user", "content": "hi"}, {"role": "system", "content": "Be brief."}]
    assert post(client, served, "messages", {"model": MODELS["openai"], "messages": rows}).status_code == 200
    sent = served.gateway.asked[-1].body["messages"]
    assert [row["role"] for row in sent] == ["user", "user"]
    assert "Be brief." in sent[1]["content"]


def test_tools_of_namespace_are_called_under_its_name(served: Served, client: httpx2.Client) -> None:
    served.gateway.reply(Reply(Call("team__add", {"n": 1})), Reply(Text("x")))
    fields = {
        "model": MODELS["gemini"],
        "tools": [{"type": "namespace", "name": "team", "tools": TOOLS["responses"]}, {"type": "web_search"}],
    }
    found = post(client, served, "responses", fields)
    assert "web search" in found.headers["x-termchat-notice"]
    (call,) = found.json()["output"]
    assert (call["namespace"], call["name"]) == ("team", "add")
    result = {"type": "function_call_output", "call_id": call["call_id"], "output": "2"}
    rows = [{"role": "user", "content": "hi"}, call, result]
    assert post(client, served, "responses", {**fields, "input": rows}).status_code == 200
    assert '"team__add"' in served.gateway.asked[-1].raw.decode()


def test_responses_stream_that_breaks_ends_with_failed_and_error(served: Served, client: httpx2.Client) -> None:
    served.gateway.reply(Reply(Text("half"), Cut("fin")))
    found = post(client, served, "responses", {"model": MODELS["openai"], "stream": True}).text
    names = [line.removeprefix("event: ") for line in found.splitlines() if line.startswith("event: ")]
    assert names[-2:] == ["response.failed", "error"]
    assert "[DONE]" not in found
