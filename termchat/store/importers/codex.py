"""Import the sessions of Codex: ~/.codex/sessions/**/rollout-*.jsonl.

Codex appends an item of the Responses API or an event a line, by the types in
https://github.com/openai/codex/blob/main/codex-rs/protocol/src/models.rs: `{"type": "response_item", "payload": ...}`,
before September 2025 the bare item. Items have no ids, so a message is named by its place among those of the file. A
reply is joined of the items up to the next result. A rollback goes back to an earlier message, a compaction begins a
branch with its summary. Texts that Codex itself put into the chat, such as its environment, are left out and counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, cast

from termchat.core.chats import FullChat, SkippedRecord
from termchat.core.messages import Image, Message, Origin, Part, Reasoning, Role, Search, Text, ToolCall, ToolResult
from termchat.core.models import ApiProtocol
from termchat.core.outcomes import Outcome
from termchat.store import json_fields
from termchat.store.importers.agent_files import AgentFile, argument_text, image_of_url, object_or_empty, text_or_empty
from termchat.store.importers.common import ChatBuilder, chat_id, node_id, read_chats, seconds
from termchat.store.json_fields import InvalidRecord, Raw

_SOURCE = "codex"
_PROVIDER = "openai"
_ENVELOPES = ("session_meta", "response_item", "event_msg", "turn_context", "compacted", "world_state")
_ITEMS = ("message", "reasoning", "function_call", "function_call_output", "local_shell_call")  # of older files
_OWN_TEXTS = (
    "<environment_context>", "<user_instructions>", "# AGENTS.md instructions", "<INSTRUCTIONS>", "<permissions",
    "<turn_aborted>", "<skill>", "<user_shell_command>", "<collaboration_mode>", "<subagent_notification>",
)  # fmt: skip
_SILENT = ("ghost_snapshot", "compaction", "compaction_summary", "context_compaction")  # they hold no text
_RESULTS = ("function_call_output", "custom_tool_call_output")
_ABORTED = ("turn_aborted", "stream_error")


def is_codex(records: list[Raw]) -> bool:
    """Return True if the first records of a file are those of a session."""
    if any(raw.get("type") in _ENVELOPES and isinstance(raw.get("payload"), dict) for raw in records):
        return True
    begins = bool(records) and "instructions" in records[0] and isinstance(records[0].get("id"), str)
    return begins or any(raw.get("record_type") == "state" for raw in records)


def is_codex_sub_agent(records: list[Raw]) -> bool:
    """Return True if another session started this one."""
    abouts = [object_or_empty(raw, "payload") for raw in records if raw.get("type") == "session_meta"][:1]
    return any(
        about.get("thread_source") == "subagent" or "subagent" in object_or_empty(about, "source") for about in abouts
    )


def read_codex(files: Iterable[AgentFile]) -> Iterator[FullChat | SkippedRecord]:
    """Yield the chat of each file."""
    return read_chats(files, _read)


def _read(chat: ChatBuilder, file: AgentFile) -> str | None:
    chat.name, chat.source = file.name, _SOURCE
    empty: Raw = {}
    records = [raw for _, raw in file.records(chat.omit_unreadable_line)]
    abouts = [object_or_empty(raw, "payload") for raw in records if raw.get("type") == "session_meta"]
    about = [*abouts, *records[:1], empty][0]
    foreign = text_or_empty(about, "id") or file.path.stem
    chat.id = chat_id(_SOURCE, foreign)
    session = _Session(chat, foreign, text_or_empty(about, "model_provider") or _PROVIDER)
    has_items = any(_item(raw).get("type") == "message" for raw in records)
    for raw in records:
        chat.value(lambda raw=raw: session.add(raw, events=not has_items), None)
    session.close()
    times = chat.times.values()
    chat.created, chat.updated = min(times, default=0.0), max(times, default=0.0)
    return session.head


def _item(raw: Raw) -> Raw:
    """Return the item of a record, {} if it has none."""
    kind = raw.get("type")
    return (
        object_or_empty(raw, "payload")
        if kind == "response_item"
        else raw
        if kind in _ITEMS and "payload" not in raw
        else {}
    )


class _Session:
    """Adds the records of a session to a chat."""

    def __init__(self, chat: ChatBuilder, foreign: str, provider: str) -> None:
        self._chat = chat
        self._foreign = foreign
        self._provider = provider
        self.head: str | None = None
        self._model = ""
        self._count = 0  # of items
        self._role = Role.ASSISTANT
        self._parts: list[Part] = []  # of the message that is being joined
        self._first = 0  # number of its first item
        self._at = 0.0
        self._names: dict[str, str] = {}  # call -> name of the tool

    def add(self, raw: Raw, *, events: bool) -> None:
        """Add a record; with `events`, take the messages from the events. Raises InvalidRecord."""
        kind, payload = raw.get("type"), object_or_empty(raw, "payload")
        at = seconds(text_or_empty(raw, "timestamp"), self._at)
        if item := _item(raw):
            self._item(item, at)
        elif kind == "turn_context":
            self._model = text_or_empty(payload, "model") or self._model
        elif kind == "compacted":
            self._compact(payload, at)
        elif kind == "event_msg":
            self._event(payload, at, messages=events)
        elif kind not in _ENVELOPES and raw.get("record_type") != "state" and "instructions" not in raw:
            self._chat.omit("record", "of unknown kind")

    def close(self) -> None:
        """Add the message that is being joined."""
        parts, self._parts = self._parts, []
        if not parts:
            return
        if self._role is Role.ASSISTANT:
            origin = Origin(self._provider, ApiProtocol.RESPONSES, self._model) if self._model else None
            self._chat.model = origin.ref if origin else self._chat.model
            self._put(Message(Role.ASSISTANT, tuple(parts), origin, Outcome.COMPLETE), len(parts))
        else:
            self._put(Message(self._role, tuple(parts)), len(parts))

    def _put(self, message: Message, items: int) -> None:
        name = node_id(_SOURCE, self._foreign, str(self._first), str(items))
        self.head = self._chat.add(name, self.head, message, self._at)

    def _item(self, item: Raw, at: float) -> None:
        self._count += 1
        kind = item.get("type")
        if kind == "message" and item.get("role") not in ("user", "assistant"):
            self._chat.omit("note", "of Codex")
        elif kind == "message" and item.get("role") == "user":
            self._question(list(self._chat.each(_items(item, "content"), _content)), at)
        elif kind in _RESULTS:
            call = json_fields.text(item, "call_id", "")
            self._join(Role.TOOL, [_result(item, call, self._names.get(call, "tool"))], at)
        elif kind not in _SILENT:
            parts = list(_reply(item))
            self._names.update({part.id: part.name for part in parts if isinstance(part, ToolCall)})
            self._join(Role.ASSISTANT, parts, at)

    def _join(self, role: Role, parts: list[Part], at: float) -> None:
        if not parts:
            return
        if self._role is not role:
            self.close()
        self._first = self._first if self._parts else self._count
        self._role, self._at = role, at
        self._parts += parts

    def _question(self, parts: list[Part], at: float) -> None:
        own = [part for part in parts if isinstance(part, Text) and part.text.lstrip().startswith(_OWN_TEXTS)]
        for _ in own:
            self._chat.omit("note", "of Codex")
        if said := [part for part in parts if part not in own]:
            self.close()
            self._join(Role.USER, said, at)
            self.close()

    def _event(self, event: Raw, at: float, *, messages: bool) -> None:
        kind = event.get("type")
        if kind == "thread_rolled_back":
            self._roll_back(json_fields.whole(event, "num_turns"))
        elif kind in _ABORTED:
            self._abort()
        elif messages and kind in ("user_message", "agent_message", "agent_reasoning"):
            self._count += 1
            words = json_fields.text(event, "text" if kind == "agent_reasoning" else "message", "")
            if kind == "user_message":
                self._question([Text(words)] if words else [], at)
            elif words:
                self._join(Role.ASSISTANT, [Reasoning(words) if kind == "agent_reasoning" else Text(words)], at)

    def _roll_back(self, turns: int) -> None:
        self.close()
        for _ in range(turns):
            while self.head is not None:
                node = self._chat.nodes[self.head]
                self.head = node.parent
                if node.message.role is Role.USER:
                    break
            else:
                return

    def _abort(self) -> None:
        self.close()
        node = self._chat.nodes.get(self.head or "")
        if node and node.message.role is Role.ASSISTANT and not node.message.calls:
            self._chat.nodes[node.id] = replace(node, message=replace(node.message, outcome=Outcome.CANCELLED))

    def _compact(self, payload: Raw, at: float) -> None:
        """Begin a branch with the history after a compaction; without a readable one, go on with the whole."""
        self.close()
        kept = [json_fields.record(item) for item in _items(payload, "replacement_history")]
        summary = json_fields.text(payload, "message", "")
        readable = [
            item for item in kept if item.get("type") == "message" and item.get("role") in ("user", "assistant")
        ]
        if not readable and not summary:
            return
        self.head = None
        if readable:
            for item in kept:
                self._item(item, at)
            self.close()
        else:
            self._count += 1
            self._question([Text(summary)], at)


def _items(raw: Raw, key: str) -> Iterator[object]:
    if isinstance(found := raw.get(key), str):
        return iter(({"type": "input_text", "text": found},))
    return json_fields.items(raw, key)


def _content(item: object) -> Iterator[Part]:
    raw = json_fields.record(item)
    if raw.get("type") == "input_image":
        yield image_of_url(json_fields.text(raw, "image_url"))
    elif words := json_fields.text(raw, "text", ""):
        yield Text(words)


def _reply(item: Raw) -> Iterator[Part]:
    """Yield the parts of an item that the model wrote. Raises InvalidRecord for an unknown one."""
    match item.get("type"):
        case "message":
            for part in _items(item, "content"):
                yield from _content(part)
        case "reasoning":
            found = [*_items(item, "content"), *_items(item, "summary")]
            words = [json_fields.text(json_fields.record(part), "text", "") for part in found]
            if text := "\n\n".join(filter(None, words)):
                yield Reasoning(text)
        case "function_call" | "custom_tool_call":
            given = item.get("arguments", item.get("input"))
            own = item["type"] == "custom_tool_call" and isinstance(given, str)
            arguments = argument_text({"input": given} if own else given)
            yield ToolCall(json_fields.text(item, "call_id", ""), json_fields.text(item, "name", "tool"), arguments)
        case "local_shell_call":
            call = json_fields.text(item, "call_id", "") or json_fields.text(item, "id", "")
            yield ToolCall(call, "local_shell", argument_text(json_fields.inner(item, "action")))
        case "web_search_call":
            query = json_fields.inner(item, "action").get("query")
            yield Search((query,) if isinstance(query, str) else ())
        case other:
            raise InvalidRecord(f"unknown item {other}")


def _result(item: Raw, call: str, name: str) -> ToolResult:
    output: Any = item.get("output")
    if isinstance(output, dict):
        failed = cast("Raw", output).get("success") is False
        return ToolResult(call, name, (Text(json_fields.text(cast("Raw", output), "content", "")),), failed)
    parts = tuple(part for found in _items(item, "output") for part in _content(found))
    return ToolResult(call, name, tuple(part for part in parts if isinstance(part, Text | Image)))
