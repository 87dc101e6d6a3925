"""Encoding shared by Chat Completions and Responses."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

from termchat.core.messages import (
    File,
    Image,
    Text,
    ToolResult,
)
from termchat.core.models import ProviderConfig
from termchat.core.provider import Params, Request, Speed
from termchat.providers.reply_schema import supports_strict_mode, wire_schema

REASONING_FIELD = "reasoning_field="  # begins the quirk that names the field in which a server requires reasoning back


def named_schema(schema: Mapping[str, Any], *, strict: bool = False) -> dict[str, Any]:
    """Return a reply's schema with the name and strictness that OpenAI requires."""
    return {"name": "reply", "schema": wire_schema(schema), "strict": strict or supports_strict_mode(schema)}


def call_params(params: Params, tools: Sequence[object]) -> dict[str, Any]:
    """Return the rules for the calls of a reply, except the choice of one tool by its name."""
    if not tools:
        return {}
    choice = params.tool_choice
    values = {"tool_choice": choice.mode.value} if choice and not choice.name else {}
    return values | ({"parallel_tool_calls": False} if params.single_call else {})


def streams(config: ProviderConfig) -> bool:
    """Return True if the reply is to be streamed: neither the configuration nor the server forbids it."""
    return config.stream and "no_stream" not in config.quirks


def service_tier(speed: Speed | None) -> str | None:
    """Return the `service_tier` of OpenAI and compatible servers, None for the server's own choice."""
    match speed:
        case None:
            return None
        case Speed.CHEAP:
            return "flex"
        case Speed.NORMAL:
            return "default"
        case Speed.FAST:
            return "priority"


def cache_key(request: Request) -> str:
    """Return the `prompt_cache_key`, by which OpenAI routes requests with the same prefix to the same cache.

    It is a digest of the system prompt, or of the first part without one. So it is the same for a chat, for its
    branches, and for a script with many questions about one text.
    Source: https://platform.openai.com/docs/guides/prompt-caching
    """
    prefix = request.system.encode("utf-8", "replace") or _first_data(request)
    return f"termchat-{sha256(prefix).hexdigest()[:32]}"


def _first_data(request: Request) -> bytes:
    match next((part for message in request.messages for part in message.parts), None):
        case Text(text=text):
            return text.encode("utf-8", "replace")
        case Image(data=data, url=url):
            return data or url.encode("utf-8", "replace")
        case File(data=data):
            return data
        case _:
            return b""


def result_text(result: ToolResult) -> str:
    """Return the text of a tool result; an error as {"error": text}, because these protocols have no field for it."""
    text = result.text
    if not text and any(isinstance(part, Image) for part in result.parts):
        text = "(an image, shown below)"
    return json.dumps({"error": text}, ensure_ascii=False) if result.is_error else text


def data_url(mime: str, data: bytes) -> str:
    """Return data as a base64 `data:` URL."""
    return f"data:{mime};base64,{b64encode(data).decode()}"
