"""Encode a request for the Chat Completions API.

Source: https://platform.openai.com/docs/api-reference/chat/create
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Iterator
from typing import Any

from termchat.core.messages import (
    File,
    Image,
    Message,
    Origin,
    Reasoning,
    Role,
    Text,
    ToolCall,
)
from termchat.core.models import ProviderConfig
from termchat.core.provider import Effort, Params, Request
from termchat.core.wire.history import prepare_history
from termchat.providers.protocols.openai_common import (
    REASONING_FIELD,
    cache_key,
    call_params,
    data_url,
    named_schema,
    result_text,
    service_tier,
    streams,
)

_AUDIO = {"audio/wav": "wav", "audio/mpeg": "mp3"}  # names of formats
_MAX_ID = 40  # characters
_BETWEEN = "(continued)"  # between a tool result and a user message, for servers that reject one after the other


def encode(request: Request, origin: Origin, config: ProviderConfig) -> dict[str, Any]:
    """Return the body of `POST /chat/completions`, without the `extra_body` of the configuration."""
    messages = _messages(request, origin, config)
    body: dict[str, Any] = {
        "model": origin.model,
        "messages": list(messages if "assistant_after_tool" not in config.quirks else _separated(messages)),
        "stream": streams(config),
    }
    if body["stream"] and "no_stream_options" not in config.quirks:
        hidden = {"include_obfuscation": False} if "obfuscation" in config.quirks else {}
        body["stream_options"] = {"include_usage": True, **hidden}
    if request.tools:
        body["tools"] = [
            {
                "type": "function",
                "function": {"name": t.name, "description": t.description, "parameters": dict(t.parameters)}
                | ({"strict": True} if t.strict else {}),
            }
            for t in request.tools
        ]
        body |= call_params(request.params, request.tools)
        if (choice := request.params.tool_choice) and choice.name:
            body["tool_choice"] = {"type": "function", "function": {"name": choice.name}}
    if "cache_key" in config.quirks:
        body["prompt_cache_key"] = cache_key(request)
    if request.params.search:
        body |= {"plugins": [{"id": "web"}]} if "search_plugin" in config.quirks else {"web_search_options": {}}
    return body | _params(request.params, config)


def _params(params: Params, config: ProviderConfig) -> dict[str, Any]:
    older = "old_limit" in config.quirks or ("max_tokens" in config.quirks and "new_limit" not in config.quirks)
    limit = "max_tokens" if older else "max_completion_tokens"
    effort = "none" if params.think is Effort.OFF else params.think
    values: dict[str, Any] = {
        limit: params.max_tokens,
        "reasoning_effort": effort and str(effort),
        "temperature": params.temperature,
        "top_p": params.top_p,
        "stop": list(params.stop) or None,
        "seed": params.seed,
        "service_tier": service_tier(params.speed),
    }
    if params.schema:
        schema = named_schema(params.schema, strict=params.strict)
        values["response_format"] = {"type": "json_schema", "json_schema": schema}
    elif params.json_object:
        values["response_format"] = {"type": "json_object"}
    return {name: value for name, value in values.items() if value is not None}


def valid_id(call_id: str) -> bool:
    """Return True if the API accepts the id of a call: 1 to 40 printable ASCII characters."""
    return 0 < len(call_id) <= _MAX_ID and call_id.isprintable() and call_id.isascii()


def valid_short_id(call_id: str) -> bool:
    """Return True for nine letters and digits, which Mistral requires."""
    return len(call_id) == 9 and call_id.isalnum() and call_id.isascii()


def _messages(request: Request, origin: Origin, config: ProviderConfig) -> Iterator[dict[str, Any]]:
    if request.system:
        yield {"role": "system", "content": request.system}
    check = valid_short_id if "short_ids" in config.quirks else valid_id
    for message in prepare_history(request.messages, origin, check):
        match message.role:
            case Role.USER:
                yield {"role": "user", "content": _content(message)}
            case Role.ASSISTANT:
                if turn := _assistant(message, config):
                    yield turn
            case Role.TOOL:
                yield from _results(message)


def _separated(messages: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield the messages with a reply between a tool result and a user message."""
    last = ""
    for message in messages:
        if (last, message["role"]) == ("tool", "user"):
            yield {"role": "assistant", "content": _BETWEEN}
        last = message["role"]
        yield message


def _content(message: Message) -> str | list[dict[str, Any]]:
    if all(isinstance(part, Text) for part in message.parts):
        return "".join(part.text for part in message.parts if isinstance(part, Text))
    return [_user_part(part) for part in message.parts if isinstance(part, Text | Image | File)]


def _user_part(part: Text | Image | File) -> dict[str, Any]:
    match part:
        case Text():
            return {"type": "text", "text": part.text}
        case Image():
            return {"type": "image_url", "image_url": {"url": part.url or data_url(part.mime, part.data)}}
        case File() if part.mime in _AUDIO:
            data = b64encode(part.data).decode()
            return {"type": "input_audio", "input_audio": {"data": data, "format": _AUDIO[part.mime]}}
        case File():
            return {"type": "file", "file": {"filename": part.name, "file_data": data_url(part.mime, part.data)}}


def _assistant(message: Message, config: ProviderConfig) -> dict[str, Any] | None:
    """Return a reply as a message, None for a reply without text and calls: reasoning alone is rejected."""
    turn: dict[str, Any] = {"role": "assistant", "content": message.text or None}
    calls = [_call(call) for call in message.calls]
    if calls:
        turn["tool_calls"] = calls
    if not calls and not message.text:
        return None
    turn.update(_reasoning(message.parts, config))
    return turn


def _reasoning(parts: Iterable[object], config: ProviderConfig) -> dict[str, Any]:
    """Return the reasoning fields a server requires back: OpenRouter its details, DeepSeek the text.

    Where a server requires reasoning with tool calls, another model's reply gets an empty text.
    """
    parts = list(parts)
    thoughts = [part for part in parts if isinstance(part, Reasoning)]
    details = [item for part in thoughts for item in _details(part)]
    if details:
        return {"reasoning_details": details}
    text = "".join(part.text for part in thoughts)
    name = next((word.removeprefix(REASONING_FIELD) for word in config.quirks if word.startswith(REASONING_FIELD)), "")
    asked = name or "reasoning_back" in config.quirks
    required = asked and (text or any(isinstance(part, ToolCall) for part in parts))
    return {name or "reasoning_content": text} if required else {}


def _details(part: Reasoning) -> list[Any]:
    found = (part.provider_data or {}).get("reasoning_details")
    return found if isinstance(found, list) else []


def _call(call: ToolCall) -> dict[str, Any]:
    function = {"name": call.name, "arguments": call.arguments}
    extra = (call.provider_data or {}).get("extra_content")
    return {"id": call.id, "type": "function", "function": function} | ({"extra_content": extra} if extra else {})


def _results(message: Message) -> Iterator[dict[str, Any]]:
    """Yield one message per result, with text only, then one user message with all their images."""
    images: list[dict[str, Any]] = []
    for result in message.results:
        yield {"role": "tool", "tool_call_id": result.call_id, "content": result_text(result)}
        images += [_user_part(part) for part in result.parts if isinstance(part, Image)]
    if images:
        yield {"role": "user", "content": images}
