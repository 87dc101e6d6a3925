"""One conversation as each protocol sends it: whole bodies.

The conversation holds a system prompt, an image, signed reasoning, a call of the same model, one of another model
with an invalid id, a result with an image, an error, and a call without a result.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from termchat.core.messages import (
    File,
    Image,
    Message,
    Origin,
    Part,
    Reasoning,
    Role,
    Text,
    ToolCall,
    ToolResult,
    user_message,
)
from termchat.core.models import ApiProtocol, ProviderConfig
from termchat.core.provider import Params, Request, ToolSpec
from termchat.providers.catalog.capabilities import quirks
from termchat.providers.protocols.anthropic import encode as anthropic
from termchat.providers.protocols.gemini import encode as gemini
from termchat.providers.protocols.openai_chat import encode as chat
from termchat.providers.protocols.openai_responses import encode as responses
from tests.gateway import Gateway, Reply
from tests.providers.support import PROTOCOLS, provider_config, run_request, text_of

SCHEMA = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
LOOK = ToolSpec("look", "Looks out.", SCHEMA)
CONFIG = ProviderConfig("home")
PNG = Image("image/png", b"png")
ODD_ID = "föreign/id"


def origin(protocol: ApiProtocol, model: str = "m") -> Origin:
    return Origin("home", protocol, model)


def reply(by: Origin, *parts: Part) -> Message:
    return Message(Role.ASSISTANT, parts, by)


def results(*parts: ToolResult) -> Message:
    return Message(Role.TOOL, parts)


def conversation_request(own: Origin, *thoughts: Reasoning, call: ToolCall) -> Request:
    """The conversation; `thoughts` and `call` come from the requested model."""
    return Request(
        (
            user_message("What is this?", PNG),
            reply(own, *thoughts, Text("I look."), call),
            results(ToolResult(call.id, "look", (Text("a hill"), Image("image/jpeg", url="https://a.example/i.jpg")))),
            reply(
                Origin("other", own.protocol, "m"),
                Reasoning("secret", provider_data={"signature": "x"}),
                Text("A hill 你好🙂."),
            ),
            user_message("And there?"),
            reply(
                Origin("other", own.protocol, "m"), ToolCall(ODD_ID, "look", '{"city": 1'), ToolCall("c3", "look", "")
            ),
            results(ToolResult(ODD_ID, "look", (Text("no such city"),), is_error=True)),
            user_message("Well?"),
        ),
        system="Be brief.",
        tools=(LOOK,),
    )


def replaced_id(body: list[dict[str, Any]], *path: Any) -> str:
    """The replacement of the invalid id: nine letters and digits, which every server accepts."""
    value: Any = body
    for key in path:
        value = value[key]
    assert isinstance(value, str)
    assert (len(value), value.isalnum()) == (9, True)
    return value


def test_encode_chat_body() -> None:
    own = origin(ApiProtocol.CHAT)
    call = ToolCall(
        "c1", "look", '{"city":"Köln"}', provider_data={"extra_content": {"google": {"thought_signature": "s"}}}
    )
    details: list[Any] = [{"type": "reasoning.text", "text": "hm", "signature": "s"}]
    body = chat.encode(
        conversation_request(own, Reasoning("hm", provider_data={"reasoning_details": details}), call=call), own, CONFIG
    )
    new = replaced_id(body["messages"], 7, "tool_calls", 0, "id")
    assert body == {
        "model": "m",
        "messages": [
            {"role": "system", "content": "Be brief."},
            {
                "role": "user",
                "content": [
                    {"type": "image_url", "image_url": {"url": "data:image/png;base64,cG5n"}},
                    {"type": "text", "text": "What is this?"},
                ],
            },
            {
                "role": "assistant",
                "content": "I look.",
                "tool_calls": [
                    {
                        "id": "c1",
                        "type": "function",
                        "function": {"name": "look", "arguments": '{"city":"Köln"}'},
                        "extra_content": {"google": {"thought_signature": "s"}},
                    }
                ],
                "reasoning_details": details,
            },
            {"role": "tool", "tool_call_id": "c1", "content": "a hill"},
            {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://a.example/i.jpg"}}]},
            {"role": "assistant", "content": "A hill 你好🙂."},
            {"role": "user", "content": "And there?"},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {"id": new, "type": "function", "function": {"name": "look", "arguments": '{"city": 1'}},
                    {"id": "c3", "type": "function", "function": {"name": "look", "arguments": ""}},
                ],
            },
            {"role": "tool", "tool_call_id": new, "content": '{"error": "no such city"}'},
            {"role": "tool", "tool_call_id": "c3", "content": '{"error": "cancelled by the user"}'},
            {"role": "user", "content": "Well?"},
        ],
        "stream": True,
        "stream_options": {"include_usage": True},
        "tools": [
            {"type": "function", "function": {"name": "look", "description": "Looks out.", "parameters": SCHEMA}}
        ],
    }


def test_encode_responses_body() -> None:
    own = origin(ApiProtocol.RESPONSES)
    item: dict[str, Any] = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "x", "status": None}
    request = conversation_request(
        own, Reasoning("hm", provider_data={"item": item}), call=ToolCall("c1", "look", '{"city":"Köln"}')
    )
    body = responses.encode(request, own, CONFIG)
    new = replaced_id(body["input"], 7, "call_id")
    assert body == {
        "model": "m",
        "instructions": "Be brief.",
        "input": [
            {
                "type": "message",
                "role": "user",
                "content": [
                    {"type": "input_image", "image_url": "data:image/png;base64,cG5n", "detail": "auto"},
                    {"type": "input_text", "text": "What is this?"},
                ],
            },
            {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "x"},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "I look."}]},
            {"type": "function_call", "call_id": "c1", "name": "look", "arguments": '{"city":"Köln"}'},
            {
                "type": "function_call_output",
                "call_id": "c1",
                "output": [
                    {"type": "input_text", "text": "a hill"},
                    {"type": "input_image", "image_url": "https://a.example/i.jpg", "detail": "auto"},
                ],
            },
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "A hill 你好🙂."}]},
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "And there?"}]},
            {"type": "function_call", "call_id": new, "name": "look", "arguments": '{"city": 1'},
            {"type": "function_call", "call_id": "c3", "name": "look", "arguments": ""},
            {"type": "function_call_output", "call_id": new, "output": '{"error": "no such city"}'},
            {"type": "function_call_output", "call_id": "c3", "output": '{"error": "cancelled by the user"}'},
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Well?"}]},
        ],
        "store": False,
        "stream": True,
        "include": ["reasoning.encrypted_content"],
        "tools": [
            {
                "type": "function",
                "name": "look",
                "description": "Looks out.",
                "parameters": SCHEMA,
                "strict": False,
            }
        ],
    }


def test_encode_anthropic_body() -> None:
    own = origin(ApiProtocol.ANTHROPIC)
    thoughts = (
        Reasoning("hm", provider_data={"signature": "sig"}),
        Reasoning("", redacted=True, provider_data={"data": "xx"}),
        Reasoning("unsigned"),
    )
    body = anthropic.encode(
        conversation_request(own, *thoughts, call=ToolCall("c1", "look", '{"city":"Köln"}')), own, CONFIG, 4096
    )
    new = replaced_id(body["messages"], 5, "content", 0, "id")
    assert body == {
        "model": "m",
        "max_tokens": 4096,
        "system": "Be brief.",
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "cG5n"}},
                    {"type": "text", "text": "What is this?"},
                ],
            },
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "hm", "signature": "sig"},
                    {"type": "redacted_thinking", "data": "xx"},
                    {"type": "text", "text": "I look."},
                    {"type": "tool_use", "id": "c1", "name": "look", "input": {"city": "Köln"}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {
                        "type": "tool_result",
                        "tool_use_id": "c1",
                        "content": [
                            {"type": "text", "text": "a hill"},
                            {"type": "image", "source": {"type": "url", "url": "https://a.example/i.jpg"}},
                        ],
                    }
                ],
            },
            {"role": "assistant", "content": [{"type": "text", "text": "A hill 你好🙂."}]},
            {"role": "user", "content": [{"type": "text", "text": "And there?"}]},
            {
                "role": "assistant",
                "content": [
                    {"type": "tool_use", "id": new, "name": "look", "input": {"_raw": '{"city": 1'}},
                    {"type": "tool_use", "id": "c3", "name": "look", "input": {}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {
                        "type": "tool_result",
                        "tool_use_id": new,
                        "content": [{"type": "text", "text": "no such city"}],
                        "is_error": True,
                    },
                    {
                        "type": "tool_result",
                        "tool_use_id": "c3",
                        "content": [{"type": "text", "text": "cancelled by the user"}],
                        "is_error": True,
                    },
                    {"type": "text", "text": "Well?"},
                ],
            },
        ],
        "stream": True,
        "tools": [{"name": "look", "description": "Looks out.", "input_schema": SCHEMA}],
    }


def test_encode_gemini_contents_and_config() -> None:
    own = origin(ApiProtocol.GEMINI)
    call = ToolCall("c1", "look", '{"city":"Köln"}', provider_data={"id": True, "thought_signature": "c2ln"})
    request = conversation_request(own, Reasoning("hm"), call=call)
    dummy = b"skip_thought_signature_validator"
    assert gemini.encode_contents(request, own) == [
        {
            "role": "user",
            "parts": [{"inline_data": {"mime_type": "image/png", "data": b"png"}}, {"text": "What is this?"}],
        },
        {
            "role": "model",
            "parts": [
                {"text": "I look."},
                {
                    "function_call": {"name": "look", "args": {"city": "Köln"}, "id": "c1"},
                    "thought_signature": b"sig",
                },
            ],
        },
        {
            "role": "user",
            "parts": [
                {"function_response": {"name": "look", "response": {"output": "a hill"}, "id": "c1"}},
                {"file_data": {"mime_type": "image/jpeg", "file_uri": "https://a.example/i.jpg"}},
            ],
        },
        {"role": "model", "parts": [{"text": "A hill 你好🙂."}]},
        {"role": "user", "parts": [{"text": "And there?"}]},
        {
            "role": "model",
            "parts": [
                {"function_call": {"name": "look", "args": {"_raw": '{"city": 1'}}, "thought_signature": dummy},
                {"function_call": {"name": "look", "args": {}}},
            ],
        },
        {
            "role": "user",
            "parts": [
                {"function_response": {"name": "look", "response": {"error": "no such city"}}},
                {"function_response": {"name": "look", "response": {"error": "cancelled by the user"}}},
                {"text": "Well?"},
            ],
        },
    ]
    assert gemini.encode_config(request, own) == {
        "automatic_function_calling": {"disable": True},
        "automatic_continuation": False,
        "system_instruction": "Be brief.",
        "tools": [
            {"function_declarations": [{"name": "look", "description": "Looks out.", "parameters_json_schema": SCHEMA}]}
        ],
    }


def test_encode_chat_quirks_change_body() -> None:
    own = origin(ApiProtocol.CHAT)
    params = Params(max_tokens=50)
    quirky = replace(CONFIG, quirks=frozenset({"max_tokens", "no_stream_options", "reasoning_back"}))
    foreign = reply(origin(ApiProtocol.GEMINI), Reasoning("secret"), ToolCall("c2", "look", "{}"))
    mine = reply(own, Reasoning("hm"), ToolCall("c1", "look", "{}"))
    body = chat.encode(Request((user_message("q"), mine, foreign, user_message("r")), params=params), own, quirky)
    assert {k: v for k, v in body.items() if k != "messages"} == {"model": "m", "stream": True, "max_tokens": 50}
    assert [m.get("reasoning_content") for m in body["messages"] if m["role"] == "assistant"] == ["hm", ""]


def test_encode_documents_in_each_protocol() -> None:
    pdf = Request((user_message("read", File("a.pdf", "application/pdf", b"pdf")),))
    assert chat.encode(pdf, origin(ApiProtocol.CHAT), CONFIG)["messages"][0]["content"][0] == {
        "type": "file",
        "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,cGRm"},
    }
    assert responses.encode(pdf, origin(ApiProtocol.RESPONSES), CONFIG)["input"][0]["content"][0] == {
        "type": "input_file",
        "filename": "a.pdf",
        "file_data": "data:application/pdf;base64,cGRm",
    }
    assert anthropic.encode(pdf, origin(ApiProtocol.ANTHROPIC), CONFIG, 1)["messages"][0]["content"][0] == {
        "type": "document",
        "title": "a.pdf",
        "source": {"type": "base64", "media_type": "application/pdf", "data": "cGRm"},
    }
    assert gemini.encode_contents(pdf, origin(ApiProtocol.GEMINI))[0]["parts"][0] == {
        "inline_data": {"mime_type": "application/pdf", "data": b"pdf"}
    }


def test_encode_anthropic_trailing_thinking_is_left_out() -> None:
    own = origin(ApiProtocol.ANTHROPIC)
    cut = reply(own, Text("so"), Reasoning("hm", provider_data={"signature": "s"}))
    only = reply(own, Reasoning("hm", provider_data={"signature": "s"}), ToolCall("c", "look", "{", complete=False))
    body = anthropic.encode(
        Request((user_message("q"), cut, user_message("r"), only, user_message("s"))), own, CONFIG, 1
    )
    assert body["messages"] == [
        {"role": "user", "content": [{"type": "text", "text": "q"}]},
        {"role": "assistant", "content": [{"type": "text", "text": "so"}]},
        {"role": "user", "content": [{"type": "text", "text": "r"}, {"type": "text", "text": "s"}]},
    ]


def test_encode_responses_reasoning_without_next_item_is_left_out() -> None:
    own = origin(ApiProtocol.RESPONSES)
    item: dict[str, Any] = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "x"}
    message = reply(own, Reasoning("hm", provider_data={"item": item}), ToolCall("c", "look", "{", complete=False))
    unsealed = reply(own, Reasoning("hm", provider_data={"item": item | {"encrypted_content": None}}), Text("so"))
    body = responses.encode(
        Request((user_message("q"), message, user_message("r"), unsealed, user_message("s"))), own, CONFIG
    )
    assert [item.get("role", item["type"]) for item in body["input"]] == ["user", "user", "assistant", "user"]


def test_encode_chat_for_mistral_has_short_ids_and_reply_after_results() -> None:
    own = Origin("mistral", ApiProtocol.CHAT, "mistral-medium-latest")
    config = replace(CONFIG, quirks=quirks(own))
    other = reply(Origin("openai", ApiProtocol.RESPONSES, "gpt"), ToolCall("call_0123456789", "look", "{}"))
    result = ToolResult("call_0123456789", "look", (Text("a hill"), Image("image/png", b"png")))
    request = Request((user_message("q"), other, Message(Role.TOOL, (result,)), user_message("and?")))
    messages = chat.encode(request, own, config)["messages"]
    assert [message["role"] for message in messages] == ["user", "assistant", "tool", "assistant", "user", "user"]
    call_id = messages[1]["tool_calls"][0]["id"]
    assert (len(call_id), call_id.isalnum(), messages[2]["tool_call_id"]) == (9, True, call_id)


ODD = (
    File("a.md", "text/markdown", b"words"),
    File("a.bin", "application/x-thing", b"\0"),
    Image("image/svg+xml", b"<svg/>"),
    Image("image/tiff", b"II*"),
    Image("image/png", b""),
    File("a.pdf", "application/pdf", b"%PDF-"),
)


@pytest.mark.parametrize("protocol", PROTOCOLS)
async def test_odd_attachments_in_any_place_give_valid_request(gateway: Gateway, protocol: ApiProtocol) -> None:
    gateway.reply(Reply.text("ok"))
    foreign = reply(Origin("import", ApiProtocol.CHAT, "x"), Text("Welcome."), *ODD)
    call = reply(Origin("import", ApiProtocol.CHAT, "x"), ToolCall("c", "look", "{}"))
    result = Message(Role.TOOL, (ToolResult("c", "look", (Image("image/tiff", b"II*"), Text("x"))),))
    request = Request((foreign, user_message("q", *ODD), call, result), tools=(LOOK,))
    deltas, failure = await run_request(provider_config(gateway.url, protocol), request)
    assert (text_of(deltas), failure) == ("ok", None)
