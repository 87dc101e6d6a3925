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
from termchat.store.importers.common import ChatBuilder, as_json, chat_id, node_id, read_chats, seconds
from termchat.store.json_fields import Raw

_SOURCE = "claude"
_NO_PARENT = "00000000-0000-4000-8000-000000000000"


def read_claude(found: list[Any]) -> Iterator[FullChat | SkippedRecord]:
    """Yield the chats of a file."""
    return read_chats(found, _read)


def _read(chat: ChatBuilder, item: object) -> str | None:
    raw = json_fields.record(item)
    chat.title = chat.value(lambda: json_fields.text(raw, "name", ""), "")
    chat.source, chat.id = _SOURCE, chat_id(_SOURCE, json_fields.text(raw, "uuid"))
    chat.created = chat.value(lambda: seconds(json_fields.text(raw, "created_at", ""), 0.0), 0.0)
    chat.updated = chat.value(lambda: seconds(json_fields.text(raw, "updated_at", ""), chat.created), chat.created)
    last: str | None = None
    ends: dict[str, str | None] = {}
    for message in chat.each(json_fields.items(raw, "chat_messages"), lambda found: [json_fields.record(found)]):
        above = message.get("parent_message_uuid")
        parent = ends[above] if isinstance(above, str) and above in ends else None if above == _NO_PARENT else last
        last = chat.value(lambda message=message, parent=parent: _add(chat, message, parent), parent)
        if isinstance(uuid := message.get("uuid"), str):
            ends[uuid] = last
    return last


def _add(chat: ChatBuilder, raw: Raw, parent: str | None) -> str | None:
    """Add a foreign message, as several messages if it calls tools. Return the id of the last one."""
    uuid = json_fields.text(raw, "uuid")
    at = chat.value(lambda: seconds(json_fields.text(raw, "created_at", ""), chat.created), chat.created)
    for n, message in enumerate(_messages(chat, raw)):
        parent = chat.add(node_id(_SOURCE, chat.id, uuid, str(n)), parent, message, at)
    return parent


def _messages(chat: ChatBuilder, raw: Raw) -> Iterator[Message]:
    parts = list(chat.each(json_fields.items(raw, "content"), lambda item: _part(json_fields.record(item))))
    if not any(isinstance(part, Text) for part in parts) and (words := json_fields.text(raw, "text", "")):
        parts.append(Text(words))
    if json_fields.text(raw, "sender") == "human":
        if everything := (*_attached(chat, raw), *parts):
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


def _part(raw: Raw) -> Iterator[Part]:
    match raw.get("type"):
        case "text":
            if words := json_fields.text(raw, "text", ""):
                yield Text(words)
        case "thinking":
            if words := json_fields.text(raw, "thinking", ""):
                yield Reasoning(words)
        case "tool_use":
            yield ToolCall(
                json_fields.text(raw, "id", ""), json_fields.text(raw, "name", "tool"), as_json(raw.get("input") or {})
            )
        case "tool_result":
            name, call = json_fields.text(raw, "name", "tool"), json_fields.text(raw, "tool_use_id", "")
            yield ToolResult(call, name, (Text(_result(raw)),), json_fields.flag(raw, "is_error"))
        case _:
            pass


def _result(raw: Raw) -> str:
    content = raw.get("content")
    if isinstance(content, str):
        return content
    blocks = (json_fields.record(item) for item in json_fields.items(raw, "content"))
    return "\n".join(json_fields.text(block, "text", "") for block in blocks)


def _attached(chat: ChatBuilder, raw: Raw) -> Iterator[Part]:
    yield from chat.each(json_fields.items(raw, "attachments"), _attachment)
    yield from chat.each(json_fields.items(raw, "files"), _missing_file)


def _attachment(item: object) -> Iterator[File]:
    raw = json_fields.record(item)
    words = json_fields.text(raw, "extracted_content", "")
    yield File(json_fields.text(raw, "file_name", "attachment"), "text/plain", words.encode("utf-8", "replace"))


def _missing_file(item: object) -> Iterator[Text]:
    name = json_fields.text(json_fields.record(item), "file_name", "file")
    yield Text(f"[file {name}, not in the export]\n")
