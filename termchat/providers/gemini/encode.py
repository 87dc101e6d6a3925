"""A request in Gemini form (providers.md 5.2, 5.3, 6).

The values are what the SDK takes: bytes are bytes, and it makes base64 of them on the way.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator
from typing import Any

from termchat.core.context import sendable
from termchat.core.messages import (
    Author,
    File,
    Image,
    Message,
    Origin,
    Part,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
)
from termchat.core.ports import Effort, Request
from termchat.providers.anthropic.encode import arguments

# The documented stand-in for the signature of a call that another model made.
_FOREIGN = b"skip_thought_signature_validator"


def encode_contents(request: Request, origin: Origin) -> list[dict[str, Any]]:
    """The turns, alternating between `user` and `model`; all results of a turn's calls in one user turn."""
    contents: list[dict[str, Any]] = []
    for message in sendable(request.messages, origin, valid_id):
        parts = list(_parts(message))
        if not parts:
            continue
        role = "model" if message.author is Author.ASSISTANT else "user"
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
    if request.params.max_tokens:
        config["max_output_tokens"] = request.params.max_tokens
    if request.params.think is Effort.OFF:
        config["thinking_config"] = {"thinking_budget": 0}
    elif request.params.think:
        config["thinking_config"] = {"include_thoughts": True, "thinking_level": request.params.think.value.upper()}
    return config


def valid_id(call_id: str) -> bool:
    return 0 < len(call_id) <= 64 and call_id.isascii() and call_id.isprintable()


def _parts(message: Message) -> Iterator[dict[str, Any]]:
    own_ids = message.author is not Author.TOOL
    signed = False
    for part in message.parts:
        encoded = _part(part)
        if encoded is None:
            continue
        if own_ids and "function_call" in encoded and not signed:
            encoded.setdefault("thought_signature", _FOREIGN)
            signed = True
        yield encoded
        if isinstance(part, ToolResult):
            yield from (_image(p) for p in part.parts if isinstance(p, Image))


def _part(part: Part) -> dict[str, Any] | None:
    match part:
        case Text():
            signature = _signature(part)
            return {"text": part.text} | signature if part.text or signature else None
        case Reasoning():
            signature = _signature(part)
            return {"text": "", "thought": True} | signature if signature else None
        case ToolCall():
            call: dict[str, Any] = {"name": part.name, "args": arguments(part)}
            if (part.extra or {}).get("id"):
                call["id"] = part.id
            return {"function_call": call} | _signature(part)
        case ToolResult():
            response = {"error" if part.is_error else "output": part.text}
            return {"function_response": {"name": part.name, "response": response}}
        case Image():
            return _image(part)
        case File():
            return {"inline_data": {"mime_type": part.mime, "data": part.data}}


def _image(part: Image) -> dict[str, Any]:
    if part.url:
        return {"file_data": {"mime_type": part.mime, "file_uri": part.url}}
    return {"inline_data": {"mime_type": part.mime, "data": part.data}}


def _signature(part: Text | Reasoning | ToolCall) -> dict[str, Any]:
    found = (part.extra or {}).get("thought_signature")
    return {"thought_signature": b64decode(found)} if isinstance(found, str) and found else {}
