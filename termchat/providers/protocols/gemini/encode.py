"""Encode a request for the Gemini API.

Values have the types of the SDK: binary data stays bytes, and the SDK encodes it as base64.
Source: https://ai.google.dev/api/generate-content
"""

from __future__ import annotations

import re
from base64 import b64decode
from typing import Any

from termchat.core.messages import (
    File,
    Image,
    Message,
    Origin,
    Part,
    Reasoning,
    Role,
    Search,
    Text,
    ToolCall,
    ToolResult,
)
from termchat.core.provider import Effort, Params, Request, Speed, ToolMode
from termchat.core.wire.history import prepare_history
from termchat.providers.catalog.capabilities import thinking_budget
from termchat.providers.decoder import arguments_object
from termchat.providers.reply_schema import wire_schema

# The documented placeholder for the signature of another model's call:
# https://ai.google.dev/gemini-api/docs/thought-signatures
_PLACEHOLDER_SIGNATURE = b"skip_thought_signature_validator"
_TIERS = {Speed.CHEAP: "flex", Speed.NORMAL: "standard", Speed.FAST: "priority"}
_MODES = {ToolMode.AUTO: "AUTO", ToolMode.NONE: "NONE", ToolMode.REQUIRED: "ANY"}
_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,127}")


def encode_contents(request: Request, origin: Origin) -> list[dict[str, Any]]:
    """Return the turns, alternating between `user` and `model`. All results of a turn's calls are in one user turn."""
    contents: list[dict[str, Any]] = []
    server_ids: frozenset[str] = frozenset()
    for message in prepare_history(request.messages, origin, valid_id, valid_name):
        server_ids = server_ids if message.role is Role.TOOL else _server_ids(message)
        parts = _results(message, server_ids) if message.role is Role.TOOL else _turn_parts(message, server_ids)
        if not parts:
            continue
        role = "model" if message.role is Role.ASSISTANT else "user"
        if contents and contents[-1]["role"] == role:
            contents[-1]["parts"] += parts
        else:
            contents.append({"role": role, "parts": parts})
    return contents


def encode_config(request: Request, origin: Origin, quirks: frozenset[str] = frozenset()) -> dict[str, Any]:
    """Return the rest of the request, as the fields of the SDK's `GenerateContentConfig`."""
    config: dict[str, Any] = {
        "automatic_function_calling": {"disable": True},
        "automatic_continuation": False,
    }
    if request.system:
        config["system_instruction"] = request.system
    if request.tools:
        declarations = [
            {"name": t.name, "description": t.description, "parameters_json_schema": dict(t.parameters)}
            for t in request.tools
        ]
        config["tools"] = [{"function_declarations": declarations}]
        if choice := request.params.tool_choice:
            names = {"allowed_function_names": [choice.name]} if choice.name else {}
            config["tool_config"] = {"function_calling_config": {"mode": _MODES[choice.mode], **names}}
    if request.params.search:
        found: list[dict[str, Any]] = [*config.get("tools", ()), {"google_search": {}}]
        config["tools"] = found if "no_url_context" in quirks else [*found, {"url_context": {}}]
    return config | _params(request.params, origin, quirks)


def _params(params: Params, origin: Origin, quirks: frozenset[str]) -> dict[str, Any]:
    values: dict[str, Any] = {
        "max_output_tokens": params.max_tokens,
        "temperature": params.temperature,
        "top_p": params.top_p,
        "stop_sequences": list(params.stop) or None,
        "seed": params.seed,
        "response_json_schema": wire_schema(params.schema) if params.schema else None,
        "response_mime_type": "application/json" if params.schema or params.json_object else None,
        "service_tier": _TIERS.get(params.speed) if params.speed else None,
    }
    by_budget = "thinking_budget" in quirks and "thinking_level" not in quirks
    if params.think and (by_budget or params.think is Effort.OFF):
        budget = thinking_budget(origin, params.think)
        values["thinking_config"] = {"thinking_budget": budget} | ({"include_thoughts": True} if budget else {})
    elif params.think:
        values["thinking_config"] = {"include_thoughts": True, "thinking_level": params.think.value.upper()}
    return {name: value for name, value in values.items() if value is not None}


def valid_id(call_id: str) -> bool:
    """Return True if the API accepts the id of a call: 1 to 64 printable ASCII characters."""
    return 0 < len(call_id) <= 64 and call_id.isascii() and call_id.isprintable()


def valid_name(name: str) -> bool:
    """Return True if the API accepts the name of a function."""
    return _NAME.fullmatch(name) is not None


def _server_ids(message: Message) -> frozenset[str]:
    """Return the ids of calls that came from the server: only these are sent back, with call and response."""
    return frozenset(call.id for call in message.calls if (call.provider_data or {}).get("id"))


def _turn_parts(message: Message, server_ids: frozenset[str]) -> list[dict[str, Any]]:
    """Return the parts of a turn. Its first call needs a signature: the placeholder if it has none."""
    parts = [part for p in message.parts if (part := _part(p, server_ids)) is not None]
    first = next((part for part in parts if "function_call" in part), None)
    if first:
        first.setdefault("thought_signature", _PLACEHOLDER_SIGNATURE)
    return parts


def _results(message: Message, server_ids: frozenset[str]) -> list[dict[str, Any]]:
    """Return the function responses, then their images: the API requires responses before any other part."""
    responses: list[dict[str, Any]] = []
    for result in message.results:
        output = {"error" if result.is_error else "output": result.text}
        response: dict[str, Any] = {"name": result.name, "response": output}
        own = {"id": result.call_id} if result.call_id in server_ids else {}
        responses.append({"function_response": response | own})
    shown = [_image(part) for result in message.results for part in result.parts if isinstance(part, Image)]
    return responses + shown


def _part(part: Part, server_ids: frozenset[str]) -> dict[str, Any] | None:
    match part:
        case Text():
            signature = _signature(part)
            return {"text": part.text} | signature if part.text or signature else None
        case Reasoning():
            signature = _signature(part)
            return {"text": "", "thought": True} | signature if signature else None
        case ToolCall():
            call: dict[str, Any] = {"name": part.name, "args": arguments_object(part)}
            own = {"id": part.id} if part.id in server_ids else {}
            return {"function_call": call | own} | _signature(part)
        case Image():
            return _image(part)
        case File():
            return {"inline_data": {"mime_type": part.mime, "data": part.data}}
        case ToolResult() | Search():
            return None


def _image(part: Image) -> dict[str, Any]:
    if part.url:
        return {"file_data": {"mime_type": part.mime, "file_uri": part.url}}
    return {"inline_data": {"mime_type": part.mime, "data": part.data}}


def _signature(part: Text | Reasoning | ToolCall) -> dict[str, Any]:
    found = (part.provider_data or {}).get("thought_signature")
    return {"thought_signature": b64decode(found)} if isinstance(found, str) and found else {}
