"""One valid conversation in each protocol; tests derive the broken ones from it.

A question, a reply of reasoning and two calls, their results, a reply of reasoning and text, another question, a
call, its result. The renderers write the model's messages, signatures included.
"""

from __future__ import annotations

from typing import Any

from tests.gateway import render
from tests.gateway.render.frames import Ask, Json
from tests.gateway.script import Call, Reasoning, Reply, Text
from tests.gateway.signatures import Origin, Protocol

MODELS = {
    Protocol.CHAT: "gpt-5.2",
    Protocol.RESPONSES: "gpt-5.2",
    Protocol.ANTHROPIC: "claude-opus-5",
    Protocol.GEMINI: "gemini-3-pro-preview",
}
PATHS = {
    Protocol.CHAT: "/v1/chat/completions",
    Protocol.RESPONSES: "/v1/responses",
    Protocol.ANTHROPIC: "/v1/messages",
    Protocol.GEMINI: "/v1/models/gemini-3-pro-preview:streamGenerateContent",
}
SCHEMA: Json = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "days": {"type": "array", "items": {"type": "integer"}}},
    "required": ["city"],
}
LOOK = Call("look", {"city": "Köln"})
REPLIES = (
    Reply(Reasoning("I must look twice."), Text("I look."), LOOK, Call("look", {"city": "Bonn"})),
    Reply(Reasoning("Now I know."), Text("Rain.")),
    Reply(Reasoning("Once more."), LOOK),
)


def conversation(protocol: Protocol, *, replies: tuple[Reply, Reply, Reply] = REPLIES, model: str = "") -> Json:
    """The body of the request that returns the last result."""
    origin = Origin("", protocol, model or MODELS[protocol])
    turns = [render.whole(reply, Ask(origin, {}, f"turn{number}")) for number, reply in enumerate(replies)]
    return _BODIES[protocol](turns, origin.model)


def chat_message(whole: Json) -> Json:
    """The model's message as a client sends it back to OpenAI."""
    message = whole["choices"][0]["message"]
    return {name: message[name] for name in ("role", "content", "tool_calls") if message.get(name)}


def _chat(turns: list[Json], model: str) -> Json:
    first, second, third = (chat_message(turn) for turn in turns)
    messages = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "The weather?"},
        first,
        *({"role": "tool", "tool_call_id": call["id"], "content": "rain"} for call in first["tool_calls"]),
        second,
        {"role": "user", "content": [{"type": "text", "text": "And now?"}]},
        third,
        *({"role": "tool", "tool_call_id": call["id"], "content": "sun"} for call in third["tool_calls"]),
    ]
    function = {"name": "look", "description": "Looks.", "parameters": SCHEMA}
    return {
        "model": model,
        "messages": messages,
        "stream": True,
        "stream_options": {"include_usage": True},
        "max_completion_tokens": 500,
        "tools": [{"type": "function", "function": function}],
        "tool_choice": "auto",
    }


def _responses(turns: list[Json], model: str) -> Json:
    items: list[Any] = [{"role": "user", "content": "The weather?"}]
    for number, turn in enumerate(turns):
        items += turn["output"]
        calls = [item for item in turn["output"] if item["type"] == "function_call"]
        items += [{"type": "function_call_output", "call_id": call["call_id"], "output": "rain"} for call in calls]
        if number == 1:
            items.append({"role": "user", "content": [{"type": "input_text", "text": "And now?"}]})
    tool = {"type": "function", "name": "look", "description": "Looks.", "parameters": SCHEMA, "strict": False}
    return {
        "model": model,
        "instructions": "Be brief.",
        "input": items,
        "stream": True,
        "store": False,
        "include": ["reasoning.encrypted_content"],
        "reasoning": {"effort": "low", "summary": "auto"},
        "tools": [tool],
    }


def _anthropic(turns: list[Json], model: str) -> Json:
    first, second, third = (turn["content"] for turn in turns)
    messages = [
        {"role": "user", "content": "The weather?"},
        {"role": "assistant", "content": first},
        {"role": "user", "content": _results(first, "rain")},
        {"role": "assistant", "content": second},
        {"role": "user", "content": [{"type": "text", "text": "And now?"}]},
        {"role": "assistant", "content": third},
        {"role": "user", "content": _results(third, "sun")},
    ]
    return {
        "model": model,
        "max_tokens": 4000,
        "system": "Be brief.",
        "messages": messages,
        "stream": True,
        "thinking": {"type": "adaptive", "display": "summarized"},
        "tools": [{"name": "look", "description": "Looks.", "input_schema": SCHEMA}],
    }


def _results(blocks: list[Json], words: str) -> list[Json]:
    called = [block["id"] for block in blocks if block["type"] == "tool_use"]
    return [{"type": "tool_result", "tool_use_id": known, "content": words} for known in called]


def _gemini(turns: list[Json], model: str) -> Json:
    first, second, third = (_kept(turn["candidates"][0]["content"]) for turn in turns)
    contents = [
        {"role": "user", "parts": [{"text": "The weather?"}]},
        first,
        {"role": "user", "parts": _answers(first, "rain")},
        second,
        {"role": "user", "parts": [{"text": "And now?"}]},
        third,
        {"role": "user", "parts": _answers(third, "sun")},
    ]
    declared = {"name": "look", "description": "Looks.", "parameters_json_schema": SCHEMA}
    return {
        "contents": contents,
        "systemInstruction": {"parts": [{"text": "Be brief."}], "role": "user"},
        "generationConfig": {"maxOutputTokens": 500, "thinkingConfig": {"include_thoughts": True}},
        "tools": [{"functionDeclarations": [declared]}],
    }


def _kept(content: Json) -> Json:
    """The parts a client sends back: without reasoning, and without unsigned empty text."""
    parts = [part for part in content["parts"] if not part.get("thought")]
    return content | {"parts": [part for part in parts if part.get("text") != "" or "thoughtSignature" in part]}


def _answers(content: Json, words: str) -> list[Json]:
    calls = [part["functionCall"] for part in content["parts"] if "functionCall" in part]
    return [
        {"functionResponse": {"name": call["name"], "response": {"output": words}, "id": call["id"]}} for call in calls
    ]


_BODIES = {
    Protocol.CHAT: _chat,
    Protocol.RESPONSES: _responses,
    Protocol.ANTHROPIC: _anthropic,
    Protocol.GEMINI: _gemini,
}
