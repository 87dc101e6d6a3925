"""Encode a request for the Messages API.

Source: https://platform.claude.com/docs/en/api/messages
"""

from __future__ import annotations

import re
from base64 import b64encode
from dataclasses import replace
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
from termchat.core.outcomes import Outcome
from termchat.core.provider import Effort, Params, Request, Speed, ToolMode
from termchat.core.wire.history import prepare_history
from termchat.providers.catalog.capabilities import thinking_budget
from termchat.providers.catalog.efforts import fitting_budget
from termchat.providers.decoder import arguments_object, as_object, as_text
from termchat.providers.protocols.anthropic.signature_prefix import PrefixDigest
from termchat.providers.protocols.cache_diagnosis import CACHE_DIAGNOSIS, previous_reply_id
from termchat.providers.reply_schema import wire_schema

_SEARCH_RESULT = "web_search_tool_result"
_SEARCH_TOOL = {"type": "web_search_20250305", "name": "web_search"}
_THOUGHTS = ("thinking", "redacted_thinking")
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


def encode(request: Request, origin: Origin, config: ProviderConfig, max_tokens: int) -> dict[str, Any]:
    """Return the body of `POST /v1/messages`; `max_tokens` is the default output limit, which the API requires."""
    body: dict[str, Any] = {"model": origin.model, "max_tokens": request.params.max_tokens or max_tokens}
    if request.system:
        body["system"] = request.system
    if request.tools:
        body["tools"] = [
            {"name": t.name, "description": t.description, "input_schema": dict(t.parameters)}
            | ({"strict": True} if t.strict else {})
            for t in request.tools
        ]
    if request.params.search:
        body["tools"] = [*body.get("tools", ()), _SEARCH_TOOL]
    if "tools" in body and (choice := _tool_choice(request.params)):
        body["tool_choice"] = choice
    body |= _params(request.params, origin, config.quirks, body["max_tokens"])
    body["messages"] = _turns(request, origin, body)
    _settle_thinking(body, request)
    if CACHE_DIAGNOSIS in config.quirks and f"no_{CACHE_DIAGNOSIS}" not in config.quirks:
        body["diagnostics"] = {"previous_message_id": previous_reply_id(request, origin) or None}  # null: keep this one
    body["stream"] = config.stream and "no_stream" not in config.quirks
    return body


def _tool_choice(params: Params) -> dict[str, Any] | None:
    mode, name = (params.tool_choice.mode, params.tool_choice.name) if params.tool_choice else (ToolMode.AUTO, "")
    if mode is ToolMode.NONE:
        return {"type": "none"}
    single = {"disable_parallel_tool_use": True} if params.single_call else {}
    if name:
        return {"type": "tool", "name": name, **single}
    if mode is ToolMode.REQUIRED:
        return {"type": "any", **single}
    return {"type": "auto", **single} if single else None


def _params(params: Params, origin: Origin, quirks: frozenset[str], max_tokens: int) -> dict[str, Any]:
    asked: dict[str, Any] = {"temperature": params.temperature, "top_p": params.top_p}
    asked["stop_sequences"] = list(params.stop) or None
    output: dict[str, Any] = {}
    if params.think is Effort.OFF:
        asked["thinking"] = {"type": "between_tools" if "between_tools" in quirks else "disabled"}
    elif params.think and "thinking_budget" in quirks and "thinking_level" not in quirks:
        budget = fitting_budget(thinking_budget(origin, params.think), max_tokens)
        asked["thinking"] = {"type": "enabled", "budget_tokens": budget} if budget else {"type": "disabled"}
    elif params.think:
        asked["thinking"] = {"type": "adaptive", "display": "summarized"}
        output["effort"] = params.think.value
    if params.speed is Speed.FAST:
        asked["speed"] = "fast"
    if params.schema:
        output["format"] = {"type": "json_schema", "schema": wire_schema(params.schema)}
    asked["output_config"] = output or None
    return {name: value for name, value in asked.items() if value is not None}


def valid_id(call_id: str) -> bool:
    """Return True if the API accepts the id of a call: 1 to 64 letters, digits, `_` and `-`."""
    return _ID.fullmatch(call_id) is not None


def _turns(request: Request, origin: Origin, body: dict[str, Any]) -> list[dict[str, Any]]:
    """Return alternating turns: consecutive messages of a role are merged, tool results first in their turn."""
    turns: list[dict[str, Any]] = []
    prefix = PrefixDigest(body)
    messages = prepare_history(request.messages, origin, valid_id)
    for message in messages:
        role = "assistant" if message.role is Role.ASSISTANT else "user"
        kept = message if request.params.search else _without_searches(message)
        paused = message is messages[-1] and message.outcome is Outcome.COMPLETE
        blocks = _blocks(
            _drop_unbound_thinking(kept, prefix.digest(turns)) if _has_reasoning(kept) else kept, paused=paused
        )
        if not blocks:
            continue
        if turns and turns[-1]["role"] == role:
            turns[-1]["content"] += blocks
        else:
            turns.append({"role": role, "content": blocks})
    return turns


def _settle_thinking(body: dict[str, Any], request: Request) -> None:
    """Turn thinking off where the API accepts none: in a turn that began without it, and to continue a reply.

    A turn lasts from a question to the last result of its calls. Another model may have begun it, or this one without
    thinking. `adaptive` thinking has no such rule. Source:
    https://platform.claude.com/docs/en/build-with-claude/extended-thinking
    """
    turns, enabled = body["messages"], body.get("thinking", {}).get("type") == "enabled"
    prefilled = bool(turns) and turns[-1]["role"] == "assistant" and request.messages[-1].can_continue
    if enabled and (prefilled or not _began_with_thinking(turns)):
        del body["thinking"]
        enabled = False
    if prefilled and not enabled:
        turns[-1]["content"] = [block for block in turns[-1]["content"] if block["type"] not in _THOUGHTS]


def _began_with_thinking(turns: list[dict[str, Any]]) -> bool:
    """Return True if the first reply since the last question begins with thinking, or if there is none."""
    question = len(turns) - 1
    while question > 0 and turns[question]["content"][0]["type"] == "tool_result":
        question -= 2
    replies = turns[question + 1 :]
    return not replies or replies[0]["content"][0]["type"] in _THOUGHTS


def _has_reasoning(message: Message) -> bool:
    return any(isinstance(part, Reasoning) for part in message.parts)


def _drop_unbound_thinking(message: Message, prefix: str) -> Message:
    """Remove thinking whose signature is bound to another prefix."""
    kept = (p for p in message.parts if not isinstance(p, Reasoning) or _prefix(p) in (None, prefix))
    return replace(message, parts=tuple(kept))


def _without_searches(message: Message) -> Message:
    """Remove searches and the citations of their results, for a request without web search."""
    kept = (
        replace(p, provider_data=None) if isinstance(p, Text) else p for p in message.parts if not isinstance(p, Search)
    )
    return replace(message, parts=tuple(kept))


def _prefix(part: Reasoning) -> object:
    return (part.provider_data or {}).get("prefix")


def _blocks(message: Message, *, paused: bool) -> list[dict[str, Any]]:
    """Return the blocks of a turn, without those that the API rejects in a truncated reply.

    Thinking must not be last in a turn. A search needs its results, except in the last turn of a `paused` reply, which
    the server continues.
    """
    blocks = [block for part in message.parts if (block := _block(part))]
    asked = {as_text(block.get("id")) for block in blocks if block["type"] == "server_tool_use"}
    answered = {as_text(block.get("tool_use_id")) for block in blocks if block["type"] == _SEARCH_RESULT}
    unpaired = (asked ^ answered) & (answered if paused else asked | answered) | {""}  # a gateway may tell no id
    blocks = [b for b in blocks if not (b["type"] in ("server_tool_use", _SEARCH_RESULT) and _search_id(b) in unpaired)]
    while blocks and blocks[-1]["type"] in _THOUGHTS:
        blocks.pop()
    return blocks


def _search_id(block: dict[str, Any]) -> str:
    return as_text(block.get("tool_use_id")) or as_text(block.get("id"))


def _block(part: Part) -> dict[str, Any] | None:
    match part:
        case Text():
            citations = (part.provider_data or {}).get("citations")
            block: dict[str, Any] = {"type": "text", "text": part.text}
            return block | ({"citations": citations} if citations else {}) if part.text.strip() else None
        case Search():
            return as_object((part.provider_data or {}).get("block")) or None
        case Reasoning():
            return _thinking(part)
        case ToolCall():
            return {"type": "tool_use", "id": part.id, "name": part.name, "input": arguments_object(part)}
        case ToolResult():
            return _result(part)
        case Image():
            return _image(part)
        case File():
            source = {"type": "base64", "media_type": part.mime, "data": b64encode(part.data).decode()}
            return {"type": "document", "title": part.name, "source": source}


def _thinking(part: Reasoning) -> dict[str, Any] | None:
    """Return thinking unchanged with its signature, None without a signature: the API would reject it."""
    extra = part.provider_data or {}
    if extra.get("data"):
        return {"type": "redacted_thinking", "data": extra["data"]}
    if extra.get("signature"):
        return {"type": "thinking", "thinking": part.text, "signature": extra["signature"]}
    return None


def _result(part: ToolResult) -> dict[str, Any]:
    content = [block for p in part.parts if (block := _block(p))]
    if part.is_error and not content:
        content = [{"type": "text", "text": "failed, without a word"}]  # the API rejects an empty error
    answer: dict[str, Any] = {"type": "tool_result", "tool_use_id": part.call_id, "content": content}
    return answer | ({"is_error": True} if part.is_error else {})


def _image(part: Image) -> dict[str, Any]:
    if part.url:
        return {"type": "image", "source": {"type": "url", "url": part.url}}
    source = {"type": "base64", "media_type": part.mime, "data": b64encode(part.data).decode()}
    return {"type": "image", "source": source}
