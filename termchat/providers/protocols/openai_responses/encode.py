"""Encode a request for the Responses API.

`store` is always off: the vendor keeps nothing and every request carries all items, so ids of earlier items would
refer to nothing. Only a reasoning item keeps its id, next to the encrypted content that makes it usable.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
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
from termchat.core.models import ProviderConfig
from termchat.core.provider import Effort, Params, Request
from termchat.providers.decoder import as_object
from termchat.providers.protocols.openai_common import cache_key, data_url, named_schema, result_text

_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def encode(request: Request, origin: Origin, config: ProviderConfig) -> dict[str, Any]:
    """The body of `POST /responses`, without what the user's configuration adds."""
    body: dict[str, Any] = {
        "model": origin.model,
        "input": list(_items(request, origin)),
        "store": False,
        "stream": config.stream,
    }
    if request.system:
        body["instructions"] = request.system
    if request.tools:
        body["tools"] = [
            {
                "type": "function",
                "name": t.name,
                "description": t.description,
                "parameters": dict(t.parameters),
                "strict": False,
            }
            for t in request.tools
        ]
    if request.params.search:
        body["tools"] = [*body.get("tools", ()), {"type": "web_search"}]
    if "cache_key" in config.quirks:
        body["prompt_cache_key"] = cache_key(request)
    return body | _params(request.params)


def _params(params: Params) -> dict[str, Any]:
    asked: dict[str, Any] = {
        "max_output_tokens": params.max_tokens,
        "temperature": params.temperature,
        "top_p": params.top_p,
    }
    if params.schema:
        asked["text"] = {"format": {"type": "json_schema", **named_schema(params.schema)}}
    if params.think is Effort.OFF:
        asked["reasoning"] = {"effort": "none"}
    elif params.think:
        asked["reasoning"] = {"effort": params.think.value, "summary": "auto"}
        asked["include"] = ["reasoning.encrypted_content"]
    return {name: value for name, value in asked.items() if value is not None}


def valid_id(call_id: str) -> bool:
    return _ID.fullmatch(call_id) is not None


def _items(request: Request, origin: Origin) -> Iterator[dict[str, Any]]:
    for message in prepare_history(request.messages, origin, valid_id):
        match message.role:
            case Role.USER:
                yield {"type": "message", "role": "user", "content": [_input(p) for p in _shown(message.parts)]}
            case Role.ASSISTANT:
                yield from _assistant(message, searching=request.params.search)
            case Role.TOOL:
                for result in message.results:
                    yield {"type": "function_call_output", "call_id": result.call_id, "output": _output(result)}


def _shown(parts: tuple[Part, ...]) -> Iterator[Text | Image | File]:
    return (part for part in parts if isinstance(part, Text | Image | File))


def _input(part: Text | Image | File) -> dict[str, Any]:
    match part:
        case Text():
            return {"type": "input_text", "text": part.text}
        case Image():
            return {"type": "input_image", "image_url": part.url or data_url(part.mime, part.data), "detail": "auto"}
        case File():
            return {"type": "input_file", "filename": part.name, "file_data": data_url(part.mime, part.data)}


def _output(result: ToolResult) -> str | list[dict[str, Any]]:
    images = [_input(part) for part in result.parts if isinstance(part, Image)]
    text = result_text(result)
    return [{"type": "input_text", "text": text}, *images] if images else text


def _assistant(message: Message, *, searching: bool) -> Iterator[dict[str, Any]]:
    """The reply's items; reasoning only where an item follows that it belongs to.

    A search goes back as it came, and only to a model that may search again and with all that was thought about it:
    the id that it cannot be without belongs to the reasoning of its reply.
    """
    held: list[dict[str, Any]] = []
    thoughts = [part for part in message.parts if isinstance(part, Reasoning)]
    searches = searching and all(_reasoning(part) for part in thoughts)
    for part in message.parts:
        if isinstance(part, Reasoning):
            held += _reasoning(part)
            continue
        item = _search(part) if isinstance(part, Search) and searches else _item(part)
        if item:
            yield from held
            held = []
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
