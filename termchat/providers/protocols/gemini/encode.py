"""Encode a request for the Gemini API.

Values have the types the SDK takes: binary data stays bytes, and the SDK encodes it as base64.
"""

from __future__ import annotations

import re
from base64 import b64decode
from typing import Any

from termchat.core.history import prepare_history
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
from termchat.core.provider import Effort, Params, Request
from termchat.providers.decoder import arguments_object
from termchat.providers.reply_schema import wire_schema

# The documented stand-in for the signature of a call that another model made.
_FOREIGN = b"skip_thought_signature_validator"
_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_.:-]{0,127}")


def encode_contents(request: Request, origin: Origin) -> list[dict[str, Any]]:
    """The turns, alternating between `user` and `model`; all results of a turn's calls in one user turn."""
    contents: list[dict[str, Any]] = []
    own_ids: frozenset[str] = frozenset()
    for message in prepare_history(request.messages, origin, valid_id, valid_name):
        own_ids = own_ids if message.role is Role.TOOL else _own_ids(message)
        parts = _results(message, own_ids) if message.role is Role.TOOL else _signed(message, own_ids)
        if not parts:
            continue
        role = "model" if message.role is Role.ASSISTANT else "user"
        if contents and contents[-1]["role"] == role:
            contents[-1]["parts"] += parts
        else:
            contents.append({"role": role, "parts": parts})
    return contents


def encode_config(request: Request) -> dict[str, Any]:
    """Everything beside the turns, as the SDK's `GenerateContentConfig` takes it."""
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
    if request.params.search:
        config["tools"] = [*config.get("tools", ()), {"google_search": {}}]
    return config | _params(request.params)


def _params(params: Params) -> dict[str, Any]:
    asked: dict[str, Any] = {
        "max_output_tokens": params.max_tokens,
        "temperature": params.temperature,
        "top_p": params.top_p,
        "stop_sequences": list(params.stop) or None,
        "seed": params.seed,
        "response_json_schema": wire_schema(params.schema) if params.schema else None,
        "response_mime_type": "application/json" if params.schema else None,
    }
    if params.think is Effort.OFF:
        asked["thinking_config"] = {"thinking_budget": 0}
    elif params.think:
        asked["thinking_config"] = {"include_thoughts": True, "thinking_level": params.think.value.upper()}
    return {name: value for name, value in asked.items() if value is not None}


def valid_id(call_id: str) -> bool:
    return 0 < len(call_id) <= 64 and call_id.isascii() and call_id.isprintable()


def valid_name(name: str) -> bool:
    return _NAME.fullmatch(name) is not None


def _own_ids(message: Message) -> frozenset[str]:
    """The ids that the server itself gave to the calls: they go back with call and response, ours do not."""
    return frozenset(call.id for call in message.calls if (call.provider_data or {}).get("id"))


def _signed(message: Message, own_ids: frozenset[str]) -> list[dict[str, Any]]:
    """The parts of a turn; its first call has a signature, the stand-in if its own is missing."""
    parts = [part for p in message.parts if (part := _part(p, own_ids)) is not None]
    first = next((part for part in parts if "function_call" in part), None)
    if first:
        first.setdefault("thought_signature", _FOREIGN)
    return parts


def _results(message: Message, own_ids: frozenset[str]) -> list[dict[str, Any]]:
    """The responses, then what they show: responses come before any other part."""
    responses: list[dict[str, Any]] = []
    for result in message.results:
        said = {"error" if result.is_error else "output": result.text}
        response: dict[str, Any] = {"name": result.name, "response": said}
        own = {"id": result.call_id} if result.call_id in own_ids else {}
        responses.append({"function_response": response | own})
    shown = [_image(part) for result in message.results for part in result.parts if isinstance(part, Image)]
    return responses + shown


def _part(part: Part, own_ids: frozenset[str]) -> dict[str, Any] | None:
    match part:
        case Text():
            signature = _signature(part)
            return {"text": part.text} | signature if part.text or signature else None
        case Reasoning():
            signature = _signature(part)
            return {"text": "", "thought": True} | signature if signature else None
        case ToolCall():
            call: dict[str, Any] = {"name": part.name, "args": arguments_object(part)}
            own = {"id": part.id} if part.id in own_ids else {}
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
