"""Import exports of claude.ai: conversations.json, a list of chats with `chat_messages`.

Anthropic documents how to export (https://support.anthropic.com/en/articles/9450526), but not the format. A message
has a `sender`, its text in `text`, and in newer exports `content`: blocks of text, thinking, tool_use and
tool_result. `parent_message_uuid` makes a tree of the messages; without it each follows the one before. Attachments
are exported as extracted text only, and the model is not recorded.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import groupby
from typing import Any

from termchat.core.chats import FullChat, SkippedRecord
from termchat.core.messages import File, Message, Part, Reasoning, Role, Text, ToolCall, ToolResult
from termchat.core.outcomes import Outcome
from termchat.store import json_fields
from termchat.store.importers.common import ChatBuilder, as_json, chat_id, node_id, seconds, skipped
from termchat.store.json_fields import InvalidRecord, Raw

_SOURCE = "claude"
_NO_PARENT = "00000000-0000-4000-8000-000000000000"


def read_claude(found: list[Any]) -> Iterator[FullChat | SkippedRecord]:
    """Yield the chats of a file."""
    for n, item in enumerate(found, 1):
        name = f"chat {n}"
        try:
            raw = json_fields.record(item)
            name = json_fields.text(raw, "name", "") or name
            yield _chat(raw)
        except (InvalidRecord, ValueError, RecursionError) as error:
            yield skipped(name, error)


def _chat(raw: Raw) -> FullChat:
    foreign = json_fields.text(raw, "uuid")
    created = seconds(json_fields.text(raw, "created_at", ""), 0.0)
    updated = seconds(json_fields.text(raw, "updated_at", ""), created)
    chat = ChatBuilder(_SOURCE, chat_id(_SOURCE, foreign), json_fields.text(raw, "name", ""), created, updated)
    last: str | None = None
    ends: dict[str, str | None] = {}
    for item in json_fields.items(raw, "chat_messages"):
        message = json_fields.record(item)
        above = json_fields.text(message, "parent_message_uuid", "")
        parent = ends.get(above) if above in ends else None if above == _NO_PARENT else last
        last = ends[json_fields.text(message, "uuid")] = _add(chat, message, parent)
    return chat.record(last)


def _add(chat: ChatBuilder, raw: Raw, parent: str | None) -> str | None:
    """Add a foreign message, as several messages if it calls tools. Return the id of the last one."""
    uuid = json_fields.text(raw, "uuid")
    at = seconds(json_fields.text(raw, "created_at", ""), chat.created)
    for n, message in enumerate(_messages(raw)):
        parent = chat.add(node_id(_SOURCE, chat.id, uuid, str(n)), parent, message, at)
    return parent


def _messages(raw: Raw) -> Iterator[Message]:
    parts = [part for item in json_fields.items(raw, "content") if (part := _part(json_fields.record(item)))]
    if not any(isinstance(part, Text) for part in parts) and (words := json_fields.text(raw, "text", "")):
        parts.append(Text(words))
    if json_fields.text(raw, "sender") == "human":
        if everything := (*_attached(raw), *parts):
            yield Message(Role.USER, everything)
        return
    for of_tools, group in groupby(_joined(parts), lambda part: isinstance(part, ToolResult)):
        members = tuple(group)
        yield Message(Role.TOOL, members) if of_tools else Message(Role.ASSISTANT, members, outcome=Outcome.COMPLETE)


def _joined(parts: list[Part]) -> Iterator[Part]:
    """Pair calls and results by id. Older exports have no ids: there a result belongs to the earliest open call."""
    calls = list[str]()
    for n, part in enumerate(parts):
        if isinstance(part, ToolCall):
            part = replace(part, id=part.id or f"call_{n}")
            calls.append(part.id)
        elif isinstance(part, ToolResult) and calls:
            found = part.call_id or calls[0]
            calls = [call for call in calls if call != found]
            part = replace(part, call_id=found)
        yield part


def _part(raw: Raw) -> Part | None:
    match raw.get("type"):
        case "text":
            return Text(words) if (words := json_fields.text(raw, "text", "")) else None
        case "thinking":
            return Reasoning(words) if (words := json_fields.text(raw, "thinking", "")) else None
        case "tool_use":
            return ToolCall(
                json_fields.text(raw, "id", ""), json_fields.text(raw, "name", "tool"), as_json(raw.get("input") or {})
            )
        case "tool_result":
            name, call = json_fields.text(raw, "name", "tool"), json_fields.text(raw, "tool_use_id", "")
            return ToolResult(call, name, (Text(_result(raw)),), json_fields.flag(raw, "is_error"))
        case _:
            return None


def _result(raw: Raw) -> str:
    content = raw.get("content")
    if isinstance(content, str):
        return content
    blocks = (json_fields.record(item) for item in json_fields.items(raw, "content"))
    return "\n".join(json_fields.text(block, "text", "") for block in blocks)


def _attached(raw: Raw) -> Iterator[Part]:
    for item in json_fields.items(raw, "attachments"):
        attachment = json_fields.record(item)
        words = json_fields.text(attachment, "extracted_content", "")
        yield File(
            json_fields.text(attachment, "file_name", "attachment"), "text/plain", words.encode("utf-8", "replace")
        )
    for item in json_fields.items(raw, "files"):
        yield Text(f"[file {json_fields.text(json_fields.record(item), 'file_name', 'file')}, not in the export]\n")
