"""Upper bounds for the tokens of a request: the most that its prompt can have, and the longest reply."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, cast

from termchat.core.messages import File, Image, Message, Part, Reasoning, Role, Search, Text, ToolCall, ToolResult
from termchat.core.provider import Request
from termchat.core.usage import Usage
from termchat.late_dataclass import dataclass

_FILE = Path(__file__).with_name("bounds.toml")
_PAGE = re.compile(rb"/Type\s*/Page\b")
_PAGES = re.compile(rb"/Count\s+(\d{1,6})\b")


@cache
def bounds() -> Mapping[str, int]:
    """Return the numbers of `bounds.toml`."""
    import tomllib

    return tomllib.loads(_FILE.read_text("utf-8"))


@dataclass(frozen=True, slots=True)
class CountedRequest:
    """A request that was sent, with the counts of its provider."""

    request: Request
    usage: Usage


def prompt_bound(request: Request, counted: CountedRequest | None, window: int | None) -> int:
    """Return the most tokens that the prompt of a request can have.

    counted   the last request to the same model; what the two begin with has the tokens that were counted then
    window    the context window of the model in tokens, None if unknown; a longer prompt is refused
    """
    before = counted.request if counted else None
    if before and counted and _begins_with(request, before):
        rest = request.messages[len(before.messages) :]
        most = counted.usage.input + _after(rest, counted.usage)
    else:
        most = bounds()["request"] + _text(request.system) + _tools(request) + sum(map(_message, request.messages))
    return min(most, window) if window else most


def reply_bound(max_tokens: int | None, max_output: int | None, window: int | None) -> int:
    """Return the longest possible reply in tokens.

    max_tokens           the limit in the request, None without one
    max_output, window   the limits of the model, None if unknown
    """
    limits = [limit for limit in (max_tokens, max_output, window) if limit]
    return min(limits) if limits else bounds()["longest_reply"]


def _begins_with(request: Request, before: Request) -> bool:
    """Return True if a request is another one with more messages."""
    same = (request.system, request.tools, request.params.schema) == (
        before.system, before.tools, before.params.schema,
    )  # fmt: skip
    return same and request.messages[: len(before.messages)] == before.messages


def _after(messages: Sequence[Message], usage: Usage) -> int:
    """Return the bound of the messages after a counted request: its reply, then those that nobody counted."""
    if messages and messages[0].role is Role.ASSISTANT and messages[0].usage == usage:
        counted = max(usage.output + bounds()["message"], _message(messages[0]))
        return counted + sum(map(_message, messages[1:]))
    return sum(map(_message, messages))


def _message(message: Message) -> int:
    return bounds()["message"] + sum(map(_part, message.parts))


def _part(part: Part) -> int:
    around = bounds()["message"]
    match part:
        case Text(text=text, provider_data=data) | Reasoning(text=text, provider_data=data):
            return _text(text) + _json(data) + around
        case ToolCall(name=name, arguments=arguments, provider_data=data):
            return _text(name) + _text(arguments) + _json(data) + around
        case ToolResult(name=name, parts=parts):
            return _text(name) + around + sum(map(_part, parts))
        case Search(queries=queries, provider_data=data):
            return sum(map(_text, queries)) + _json(data) + around
        case Image():
            return bounds()["image"]
        case File():
            return _file(part)


def _file(part: File) -> int:
    """Return the bound of a document. The pages of a compressed one cannot be counted, only guessed by its size."""
    if not part.mime.startswith("application/pdf"):
        return max(len(part.data), bounds()["image"])
    return max(stated_pages(part.data), len(part.data) // bounds()["page_bytes"] + 1) * bounds()["page"]


def stated_pages(pdf: bytes) -> int:
    """Return the pages that a PDF states without being decompressed, 0 if it states none."""
    stated = max((int(number) for number in _PAGES.findall(pdf)), default=0)
    return max(len(_PAGE.findall(pdf)), stated)


def _text(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode("utf-8", "replace"))


def _tools(request: Request) -> int:
    found = [{"name": t.name, "description": t.description, "parameters": t.parameters} for t in request.tools]
    return _json(found) + _json(request.params.schema)


def _json(value: object) -> int:
    return len(json.dumps(cast("Any", value), default=dict)) if value else 0
