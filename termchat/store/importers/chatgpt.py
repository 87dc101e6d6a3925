"""Import exports of ChatGPT: conversations.json, a list of chats, each a `mapping` of nodes with parents.

OpenAI documents how to export (https://help.openai.com/en/articles/7260999), but not the format, which is described at
https://github.com/mohamed-chs/convoviz/blob/main/docs/dev/chatgpt-spec.md. Nodes without a message, system messages
and hidden ones are skipped; their children move to their parent. Images are not in the file: a line notes each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from termchat.core.chats import FullChat, SkippedRecord
from termchat.core.messages import Message, Origin, Part, Reasoning, Role, Text, ToolCall, ToolResult
from termchat.core.models import ApiProtocol, ModelRef
from termchat.core.outcomes import Outcome
from termchat.store import json_fields
from termchat.store.importers.common import ChatBuilder, chat_id, node_id, read_chats
from termchat.store.json_fields import InvalidRecord, Raw

_SOURCE = "chatgpt"
_PROVIDER = "openai"
_AUTHORS = {"user": Role.USER, "assistant": Role.ASSISTANT, "tool": Role.TOOL}


def read_chatgpt(found: list[Any]) -> Iterator[FullChat | SkippedRecord]:
    """Yield the chats of a file."""
    return read_chats(found, _read)


def _read(chat: ChatBuilder, item: object) -> str | None:
    raw = json_fields.record(item)
    chat.title = chat.value(lambda: json_fields.text(raw, "title", ""), "")
    foreign = json_fields.text(raw, "conversation_id", "") or json_fields.text(raw, "id")
    chat.source, chat.id = _SOURCE, chat_id(_SOURCE, foreign)
    chat.created = chat.value(lambda: json_fields.number(raw, "create_time", 0.0), 0.0)
    chat.updated = chat.value(lambda: json_fields.number(raw, "update_time", chat.created), chat.created)
    slug = chat.value(lambda: json_fields.text(raw, "default_model_slug", ""), "")
    chat.model = ModelRef(_PROVIDER, slug) if slug else None
    mapping = json_fields.record(raw.get("mapping"))
    nodes = {key: node for key in mapping if (node := chat.value(lambda key=key: json_fields.record(mapping[key]), {}))}
    names: dict[str, str | None] = {}
    for key in _parents_first(nodes):
        parent = names.get(_parent(nodes[key]))
        names[key] = chat.value(lambda key=key, parent=parent: _node(chat, foreign, key, nodes[key], parent), parent)
    last = raw.get("current_node")
    return names[last] if isinstance(last, str) and last in names else chat.newest_leaf()


def _parent(raw: Raw) -> str:
    parent = raw.get("parent")
    return parent if isinstance(parent, str) else ""


def _node(chat: ChatBuilder, foreign: str, key: str, raw: Raw, parent: str | None) -> str | None:
    """Add the message of a node. Return the parent id of its children, the node's own parent for a skipped one."""
    message = json_fields.record(raw["message"]) if raw.get("message") else None
    read = _message(chat, message) if message and not _hidden(message) else None
    if message is None or read is None:
        return parent
    if read.results and parent and (calls := chat.nodes[parent].message.calls):
        read = Message(read.role, tuple(replace(result, call_id=calls[-1].id) for result in read.results))
    at = chat.value(lambda: json_fields.number(message, "create_time", chat.created), chat.created)
    return chat.add(node_id(_SOURCE, foreign, key), parent, read, at)


def _parents_first(mapping: Mapping[str, Raw]) -> list[str]:
    """Return the keys ordered so that parents come first. Raises InvalidRecord unless the nodes are a tree."""
    ordered: list[str] = []
    children: dict[str, list[str]] = {}
    for key, value in mapping.items():
        parent = _parent(value)
        children.setdefault(parent if parent in mapping else "", []).append(key)
    waiting = list(reversed(children.get("", [])))
    while waiting:
        key = waiting.pop()
        ordered.append(key)
        waiting += reversed(children.get(key, []))
    if len(ordered) != len(mapping):
        raise InvalidRecord("its messages are not a tree")
    return ordered


def _hidden(raw: Raw) -> bool:
    about = json_fields.inner(raw, "metadata")
    return _author(raw) is None or about.get("is_visually_hidden_from_conversation") is True


def _author(raw: Raw) -> Role | None:
    return _AUTHORS.get(json_fields.text(json_fields.record(raw.get("author")), "role", ""))


def _message(chat: ChatBuilder, raw: Raw) -> Message | None:
    author = _author(raw)
    content = json_fields.record(raw.get("content"))
    parts = tuple(_parts(chat, content))
    if author is None or not parts:
        return None
    tool = json_fields.text(json_fields.record(raw.get("author")), "name", "") or "tool"
    name = json_fields.text(raw, "id", "")
    if author is Role.TOOL:
        texts = tuple(part for part in parts if isinstance(part, Text))
        return Message(author, (ToolResult(name, tool, texts),)) if texts else None
    if author is Role.USER:
        return Message(author, parts)
    recipient = json_fields.text(raw, "recipient", "all")
    if recipient != "all":
        words = "".join(part.text for part in parts if isinstance(part, Text))
        parts = (ToolCall(name, recipient, words),)
    slug = json_fields.text(json_fields.inner(raw, "metadata"), "model_slug", "")
    done = json_fields.text(raw, "status", "finished_successfully") == "finished_successfully"
    origin = Origin(_PROVIDER, ApiProtocol.RESPONSES, slug) if slug else None
    return Message(author, parts, origin, Outcome.COMPLETE if done else Outcome.CUT)


def _parts(chat: ChatBuilder, content: Raw) -> Iterator[Part]:
    kind = json_fields.text(content, "content_type", "text")
    if kind == "thoughts":
        yield from chat.each(json_fields.items(content, "thoughts"), _thought)
        return
    if kind == "reasoning_recap":
        return
    for words in (json_fields.text(content, key, "") for key in ("text", "result")):
        if words:
            yield Text(words)
    yield from chat.each(json_fields.items(content, "parts"), _text)


def _thought(item: object) -> Iterator[Reasoning]:
    raw = json_fields.record(item)
    summary, content = json_fields.text(raw, "summary", ""), json_fields.text(raw, "content", "")
    yield Reasoning(f"{summary}\n{content}".strip())


def _text(item: object) -> Iterator[Text]:
    if words := item if isinstance(item, str) else _elsewhere(item):
        yield Text(words)


def _elsewhere(item: object) -> str:
    """Return the description of a part that is not text."""
    raw = json_fields.record(item)
    kind = json_fields.text(raw, "content_type", "something").removesuffix("_asset_pointer")
    return json_fields.text(raw, "text", "") or f"[{kind}, not in the export]"
