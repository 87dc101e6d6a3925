"""Import JSON exports of termchat (export/json.py) with the ids, trees, times and settings of the chats."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from termchat.core.chats import ChatInfo, ChatState, FullChat, SkippedRecord
from termchat.core.conversation import Conversation, Node
from termchat.core.messages import Role
from termchat.core.models import ModelRef
from termchat.store import json_fields, message_json
from termchat.store.export.json import VERSION
from termchat.store.importers.common import skipped
from termchat.store.json_fields import InvalidRecord, Raw


def read_termchat(raw: dict[str, Any]) -> Iterator[FullChat | SkippedRecord]:
    """Return the chats of a file. Raises InvalidRecord if its version is unknown."""
    if raw.get("version") != VERSION:
        raise InvalidRecord("written by another version of termchat")
    return _chats(raw)


def _chats(raw: Raw) -> Iterator[FullChat | SkippedRecord]:
    for n, item in enumerate(json_fields.items(raw, "chats"), 1):
        name = f"chat {n}"
        try:
            chat = json_fields.record(item)
            name = json_fields.text(chat, "title", "") or name
            yield _chat(chat)
        except (InvalidRecord, ValueError) as error:
            yield skipped(name, error)


def _chat(raw: Raw) -> FullChat:
    created = json_fields.number(raw, "created", 0.0)
    nodes, times, labels = _nodes(raw, created)
    head = json_fields.text(raw, "head", "") or None
    if head is not None and head not in nodes:
        raise InvalidRecord("its head is not one of its messages")
    tree = Conversation(nodes, head, labels)
    questions = sum(node.message.role is Role.USER for node in nodes.values())
    state = ChatState(
        _model(raw.get("model")),
        json_fields.text(raw, "system", ""),
        message_json.decode_provider_data(json_fields.inner(raw, "settings")),
    )
    updated = json_fields.number(raw, "updated", created)
    directory = json_fields.text(raw, "directory", "")
    info = ChatInfo(_id(raw), json_fields.text(raw, "title", ""), state.model, created, updated, questions, directory)
    return FullChat(info, state, tree, times, json_fields.flag(raw, "renamed"))


def _nodes(raw: Raw, created: float) -> tuple[dict[str, Node], dict[str, float], dict[str, str]]:
    """Return the nodes, their times and labels.

    Raises InvalidRecord unless parents come first, which excludes cycles.
    """
    nodes: dict[str, Node] = {}
    times: dict[str, float] = {}
    labels: dict[str, str] = {}
    for item in json_fields.items(raw, "messages"):
        entry = json_fields.record(item)
        name, parent = json_fields.text(entry, "id"), json_fields.text(entry, "parent", "") or None
        if name in nodes or (parent is not None and parent not in nodes):
            raise InvalidRecord("its messages are not a tree")
        nodes[name] = Node(name, parent, message_json.from_dict(entry.get("message")))
        times[name] = json_fields.number(entry, "created", created)
        if label := json_fields.text(entry, "label", ""):
            labels[name] = label
    return nodes, times, labels


def _id(raw: Raw) -> str:
    name = json_fields.text(raw, "id")
    if not name or len(name) > 64 or not all(c.isascii() and (c.isalnum() or c in "-_") for c in name):
        raise InvalidRecord("invalid id")
    return name


def _model(value: object) -> ModelRef | None:
    match value:
        case [str(provider), str(model)]:
            return ModelRef(provider, model)
        case _:
            return None
