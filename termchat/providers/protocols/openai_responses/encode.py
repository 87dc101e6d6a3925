"""Encode a request for the Responses API.

`store` is always off: the vendor stores nothing and every request contains all items, so ids of earlier items would
be invalid. Only a reasoning item keeps its id, next to its encrypted content.
Source: https://platform.openai.com/docs/guides/reasoning
"""

from __future__ import annotations

import re
from collections.abc import Iterator
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
from termchat.core.models import ProviderConfig
from termchat.core.provider import Effort, Params, Request
from termchat.core.wire.history import prepare_history
from termchat.providers.decoder import as_object
from termchat.providers.protocols.cache_diagnosis import CACHE_DIAGNOSIS, previous_reply_id
from termchat.providers.protocols.openai_common import (
    cache_key,
    call_params,
    data_url,
    named_schema,
    result_text,
    service_tier,
    streams,
)

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def encode(request: Request, origin: Origin, config: ProviderConfig) -> dict[str, Any]:
    """Return the body of `POST /responses`, without the `extra_body` of the configuration."""
    body: dict[str, Any] = {
        "model": origin.model,
        "input": list(_items(request, origin)),
        "store": False,
        "stream": streams(config),
    }
    if "no_encrypted_reasoning" not in config.quirks:
        body["include"] = ["reasoning.encrypted_content"]
    if body["stream"] and "obfuscation" in config.quirks:
        body["stream_options"] = {"include_obfuscation": False}  # padding against an eavesdropper that counts bytes
    if request.system:
        body["instructions"] = request.system
    if request.tools:
        body["tools"] = [
            {
                "type": "function",
                "name": t.name,
                "description": t.description,
                "parameters": dict(t.parameters),
                "strict": t.strict,
            }
            for t in request.tools
        ]
    if request.params.search:
        body["tools"] = [*body.get("tools", ()), {"type": "web_search"}]
    body |= call_params(request.params, body.get("tools", ()))
    if (choice := request.params.tool_choice) and choice.name and request.tools:
        body["tool_choice"] = {"type": "function", "name": choice.name}
    if CACHE_DIAGNOSIS in config.quirks and (earlier := previous_reply_id(request, origin)):
        body["prompt_cache_options"] = {"comparison_response_id": earlier}
    if "cache_key" in config.quirks:
        body["prompt_cache_key"] = cache_key(request)
    return body | _params(request.params)


def _params(params: Params) -> dict[str, Any]:
    values: dict[str, Any] = {
        "max_output_tokens": params.max_tokens,
        "temperature": params.temperature,
        "top_p": params.top_p,
        "service_tier": service_tier(params.speed),
    }
    if params.schema:
        values["text"] = {"format": {"type": "json_schema", **named_schema(params.schema, strict=params.strict)}}
    elif params.json_object:
        values["text"] = {"format": {"type": "json_object"}}
    if params.think is Effort.OFF:
        values["reasoning"] = {"effort": "none"}
    elif params.think:
        values["reasoning"] = {"effort": params.think.value, "summary": "auto"}
    return {name: value for name, value in values.items() if value is not None}


def valid_id(call_id: str) -> bool:
    """Return True if the API accepts the id of a call: 1 to 64 letters, digits, `_` and `-`."""
    return _ID.fullmatch(call_id) is not None


def _items(request: Request, origin: Origin) -> Iterator[dict[str, Any]]:
    for message in prepare_history(request.messages, origin, valid_id):
        match message.role:
            case Role.USER:
                content = [_input_part(part) for part in _user_parts(message.parts)]
                yield {"type": "message", "role": "user", "content": content}
            case Role.ASSISTANT:
                yield from _assistant(message, searching=request.params.search)
            case Role.TOOL:
                for result in message.results:
                    yield {"type": "function_call_output", "call_id": result.call_id, "output": _output(result)}


def _user_parts(parts: tuple[Part, ...]) -> Iterator[Text | Image | File]:
    return (part for part in parts if isinstance(part, Text | Image | File))


def _input_part(part: Text | Image | File) -> dict[str, Any]:
    match part:
        case Text():
            return {"type": "input_text", "text": part.text}
        case Image():
            return {"type": "input_image", "image_url": part.url or data_url(part.mime, part.data), "detail": "auto"}
        case File():
            return {"type": "input_file", "filename": part.name, "file_data": data_url(part.mime, part.data)}


def _output(result: ToolResult) -> str | list[dict[str, Any]]:
    images = [_input_part(part) for part in result.parts if isinstance(part, Image)]
    text = result_text(result)
    return [{"type": "input_text", "text": text}, *images] if images else text


def _assistant(message: Message, *, searching: bool) -> Iterator[dict[str, Any]]:
    """Yield the items of a reply, with reasoning only before another item, as the API requires.

    A search is sent back unchanged, and only if the request may search and all reasoning of the reply is sent: the API
    accepts the id of a search item only together with the reasoning item of its reply.
    """
    pending: list[dict[str, Any]] = []
    reasoning = [part for part in message.parts if isinstance(part, Reasoning)]
    searches = searching and all(_reasoning(part) for part in reasoning)
    for part in message.parts:
        if isinstance(part, Reasoning):
            pending += _reasoning(part)
            continue
        item = _search(part) if isinstance(part, Search) and searches else _item(part)
        if item:
            yield from pending
            pending = []
            yield item


def _reasoning(part: Reasoning) -> list[dict[str, Any]]:
    item = as_object((part.provider_data or {}).get("item"))
    if not item.get("encrypted_content"):
        return []
    return [{k: v for k, v in item.items() if k != "status" and v is not None} | {"summary": item.get("summary") or []}]


def _search(part: Search) -> dict[str, Any] | None:
    item = as_object((part.provider_data or {}).get("item"))
    return item if item.get("id") and item.get("status") == "completed" else None


def _item(part: Part) -> dict[str, Any] | None:
    match part:
        case Text() if part.text:
            phase = (part.provider_data or {}).get("phase")
            content = [{"type": "output_text", "text": part.text}]
            item = {"type": "message", "role": "assistant", "content": content}
            return item | ({"phase": phase} if phase else {})
        case ToolCall():
            return {"type": "function_call", "call_id": part.id, "name": part.name, "arguments": part.arguments}
        case _:
            return None
