"""Request parts that Chat Completions and Responses encode alike."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import Any

from termchat.core.messages import (
    File,
    Image,
    Text,
    ToolResult,
)
from termchat.core.provider import Request
from termchat.providers.reply_schema import supports_strict_mode, wire_schema


def named_schema(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A reply's schema as OpenAI wants it."""
    return {"name": "reply", "schema": wire_schema(schema), "strict": supports_strict_mode(schema)}


def cache_key(request: Request) -> str:
    """What tells OpenAI which requests begin alike, so that they go where that is cached.

    It is made of the beginning itself, so it is the same for a whole chat, for what is branched off from it, and for
    a script that asks many questions of one text.
    """
    beginning = request.system.encode("utf-8", "replace") or _first_data(request)
    return f"termchat-{sha256(beginning).hexdigest()[:32]}"


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
    """A result in words; an error says that it is one, where the protocol has no field for it."""
    text = result.text
    if not text and any(isinstance(part, Image) for part in result.parts):
        text = "(an image, shown below)"
    return json.dumps({"error": text}, ensure_ascii=False) if result.is_error else text


def data_url(mime: str, data: bytes) -> str:
    return f"data:{mime};base64,{b64encode(data).decode()}"
