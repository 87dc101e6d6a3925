"""Import exports of ChatGPT: conversations.json, a list of chats, each a `mapping` of nodes with parents.

OpenAI documents how to export (https://help.openai.com/en/articles/7260999), but not the format, which is described at
https://github.com/mohamed-chs/convoviz/blob/main/docs/dev/chatgpt-spec.md. Nodes without a message, system messages
and hidden ones are skipped; their children move to their parent. Images are not in the file: a line notes each.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from termchat.core.chats import FullChat, SkippedRecord
from termchat.core.messages import Message, Origin, Part, Reasoning, Role, Text, ToolCall, ToolResult
from termchat.core.models import ApiProtocol, ModelRef
from termchat.core.outcomes import Outcome
from termchat.store import json_fields
from termchat.store.importers.common import ChatBuilder, chat_id, node_id, skipped
from termchat.store.json_fields import InvalidRecord, Raw

_SOURCE = "chatgpt"
_PROVIDER = "openai"
_AUTHORS = {"user": Role.USER, "assistant": Role.ASSISTANT, "tool": Role.TOOL}


def read_chatgpt(found: list[Any]) -> Iterator[FullChat | SkippedRecord]:
    """Yield the chats of a file."""
    for n, item in enumerate(found, 1):
        name = f"chat {n}"
        try:
            raw = json_fields.record(item)
            name = json_fields.text(raw, "title", "") or name
            yield _chat(raw)
        except (InvalidRecord, ValueError, RecursionError) as error:
            yield skipped(name, error)


def _chat(raw: Raw) -> FullChat:
    foreign = json_fields.text(raw, "conversation_id", "") or json_fields.text(raw, "id")
    created = json_fields.number(raw, "create_time", 0.0)
    updated = json_fields.number(raw, "update_time", created)
    slug = json_fields.text(raw, "default_model_slug", "")
    model = ModelRef(_PROVIDER, slug) if slug else None
    chat = ChatBuilder(_SOURCE, chat_id(_SOURCE, foreign), json_fields.text(raw, "title", ""), created, updated, model)
    mapping = json_fields.record(raw.get("mapping"))
    names: dict[str, str | None] = {}
    for key in _parents_first(mapping):
        names[key] = _node(chat, foreign, key, json_fields.record(mapping[key]), names)
    return chat.record(names.get(json_fields.text(raw, "current_node", "")))


def _node(chat: ChatBuilder, foreign: str, key: str, raw: Raw, names: dict[str, str | None]) -> str | None:
    """Add the message of a node. Return the parent id of its children, the node's own parent for a skipped one."""
    parent = names.get(json_fields.text(raw, "parent", ""))
    message = json_fields.record(raw["message"]) if raw.get("message") else None
    read = _message(message) if message and not _hidden(message) else None
    if message is None or read is None:
        return parent
    if read.results and parent and (calls := chat.nodes[parent].message.calls):
        read = Message(read.role, tuple(replace(result, call_id=calls[-1].id) for result in read.results))
    return chat.add(
        node_id(_SOURCE, foreign, key), parent, read, json_fields.number(message, "create_time", chat.created)
    )


def _parents_first(mapping: Raw) -> list[str]:
    """Return the keys ordered so that parents come first. Raises InvalidRecord unless the nodes are a tree."""
    ordered: list[str] = []
    children: dict[str, list[str]] = {}
    for key, value in mapping.items():
        parent = json_fields.text(json_fields.record(value), "parent", "")
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


def _message(raw: Raw) -> Message | None:
    author = _author(raw)
    content = json_fields.record(raw.get("content"))
    parts = tuple(_parts(content))
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


def _parts(content: Raw) -> Iterator[Part]:
    kind = json_fields.text(content, "content_type", "text")
    if kind == "thoughts":
        for item in json_fields.items(content, "thoughts"):
            thought = json_fields.record(item)
            yield Reasoning(
                f"{json_fields.text(thought, 'summary', '')}\n{json_fields.text(thought, 'content', '')}".strip()
            )
        return
    if kind == "reasoning_recap":
        return
    for words in (json_fields.text(content, key, "") for key in ("text", "result")):
        if words:
            yield Text(words)
    for item in json_fields.items(content, "parts"):
        if words := item if isinstance(item, str) else _elsewhere(item):
            yield Text(words)


def _elsewhere(item: object) -> str:
    """Return the description of a part that is not text."""
    raw = json_fields.record(item)
    kind = json_fields.text(raw, "content_type", "something").removesuffix("_asset_pointer")
    return json_fields.text(raw, "text", "") or f"[{kind}, not in the export]"
