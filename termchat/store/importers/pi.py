"""Import the sessions of pi: ~/.pi/agent/sessions/*/*.jsonl.

The format is that of https://github.com/badlogic/pi-mono/blob/main/packages/coding-agent/docs/session.md, version 1 to
3. Entries form a tree by `id` and `parentId`; in version 1 each follows the one before. A compaction begins a branch
with its summary, followed by copies of the messages it kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from termchat.core.chats import FullChat, SkippedRecord
from termchat.core.messages import Image, Message, Origin, Part, Reasoning, Role, Text, ToolCall, ToolResult
from termchat.core.models import ApiProtocol, ModelRef
from termchat.core.outcomes import Outcome
from termchat.store import json_fields
from termchat.store.importers.agent_files import (
    AgentFile,
    argument_text,
    content_blocks,
    decode_base64,
    object_or_empty,
    text_or_empty,
    usage_of,
)
from termchat.store.importers.common import ChatBuilder, chat_id, node_id, read_chats, seconds
from termchat.store.json_fields import InvalidRecord, Raw

_SOURCE = "pi"
_MOST_COPIES = 20_000  # messages that compactions kept, so that a file cannot grow without end
_SILENT = ("session", "thinking_level_change", "custom", "session_info", "context_transform", "ephemeral")
_COUNTS = ("input", "cacheRead", "cacheWrite", "output")
_OUTCOMES = {"length": Outcome.LENGTH, "aborted": Outcome.CANCELLED, "error": Outcome.FAILED}
_PROVIDERS = {"google": "gemini", "openai-codex": "openai"}  # pi's names of vendors -> ours
_PROTOCOLS = {
    "anthropic-messages": ApiProtocol.ANTHROPIC, "openai-responses": ApiProtocol.RESPONSES,
    "openai-codex-responses": ApiProtocol.RESPONSES, "google-generative-ai": ApiProtocol.GEMINI,
}  # fmt: skip


def is_pi(records: list[Raw]) -> bool:
    """Return True if the first records of a file are those of a session."""
    return any(raw.get("type") == "session" and isinstance(raw.get("id"), str) for raw in records[:1])


def read_pi(files: Iterable[AgentFile]) -> Iterator[FullChat | SkippedRecord]:
    """Yield the chat of each file."""
    return read_chats(files, _read)


def _read(chat: ChatBuilder, file: AgentFile) -> str | None:
    chat.name, chat.source = file.name, _SOURCE
    records = list(file.records(chat.omit_unreadable_line))
    empty: Raw = {}
    header = next((raw for _, raw in records if raw.get("type") == "session"), empty)
    foreign = text_or_empty(header, "id") or file.path.stem
    chat.id = chat_id(_SOURCE, foreign)
    titles = [text_or_empty(raw, "name") for _, raw in records if raw.get("type") == "session_info"]
    chat.title = titles[-1] if titles else ""
    chat.model = _model(header, "modelId")
    tree = _Tree(chat, foreign)
    for number, raw in records:
        chat.value(lambda number=number, raw=raw: tree.add(number, raw), None)
    times = chat.times.values()
    chat.created, chat.updated = min(times, default=0.0), max(times, default=0.0)
    return tree.last


class _Tree:
    """Adds the entries of a session to a chat; `last` is the id of the message that the last entry follows."""

    def __init__(self, chat: ChatBuilder, foreign: str) -> None:
        self._chat = chat
        self._foreign = foreign
        self.last: str | None = None
        self._copies = 0
        self._ends: dict[str, str | None] = {}  # entry -> the message that its children follow

    def add(self, number: int, raw: Raw) -> None:
        """Add the message of an entry. Raises InvalidRecord."""
        name = text_or_empty(raw, "id") or f"line {number}"
        above = raw.get("parentId")
        if raw.get("type") == "session" or name in self._ends:
            return
        parent = None if "parentId" in raw and above is None else self.last
        parent = self._ends.get(above, parent) if isinstance(above, str) else parent
        self.last = self._ends[name] = parent  # also if the entry cannot be read
        self.last = self._ends[name] = self._entry(name, raw, parent)

    def _entry(self, name: str, raw: Raw, parent: str | None) -> str | None:
        """Return the message that the children of an entry follow."""
        at = seconds(text_or_empty(raw, "timestamp"), 0.0)
        match raw.get("type"):
            case "message":
                message = self._message(json_fields.record(raw.get("message")))
            case "compaction":
                return self._compact(name, raw, parent, at)
            case "branch_summary":
                message = _said(Text(json_fields.text(raw, "summary", "")))
            case "custom_message":
                message = _said(*self._chat.each(content_blocks(raw), _part))
            case "model_change":
                self._chat.model = _model(raw, "modelId") or self._chat.model
                return parent
            case "label":
                self._label(text_or_empty(raw, "targetId"), text_or_empty(raw, "label"))
                return parent
            case kind if kind in _SILENT:
                return parent
            case _:
                self._chat.omit("entry", "of unknown kind")
                return parent
        return self._put((name,), parent, message, at) if message else parent

    def _put(self, names: tuple[str, ...], parent: str | None, message: Message, at: float) -> str:
        return self._chat.add(node_id(_SOURCE, self._foreign, *names), parent, message, at)

    def _label(self, entry: str, text: str) -> None:
        if node := self._ends.get(entry):
            self._chat.labels.pop(node, None)
            if text:
                self._chat.labels[node] = text

    def _compact(self, name: str, raw: Raw, parent: str | None, at: float) -> str | None:
        first = raw.get("firstKeptEntryId")
        kept = self._ends.get(first) if isinstance(first, str) else None
        path: list[str] = []
        while kept and parent is not None:
            path.append(parent)
            self._copies += 1
            if self._copies > _MOST_COPIES:
                raise InvalidRecord("too many copies")
            if parent == kept:
                break
            parent = self._chat.nodes[parent].parent
        end: str | None = None
        if message := _said(Text(json_fields.text(raw, "summary", ""))):
            end = self._put((name,), None, message, at)
        for copied in reversed(path):
            end = self._put((name, copied), end, self._chat.nodes[copied].message, self._chat.times[copied])
        return end

    def _message(self, raw: Raw) -> Message | None:
        match raw.get("role"):
            case "user" | "custom":
                return _said(*self._chat.each(content_blocks(raw), _part))
            case "assistant":
                return self._reply(raw)
            case "toolResult":
                parts = tuple(
                    part for part in self._chat.each(content_blocks(raw), _part) if isinstance(part, Text | Image)
                )
                call, name = json_fields.text(raw, "toolCallId", ""), json_fields.text(raw, "toolName", "tool")
                return Message(Role.TOOL, (ToolResult(call, name, parts, json_fields.flag(raw, "isError")),))
            case "bashExecution":
                if raw.get("excludeFromContext") is True:
                    return None
                ran, output = json_fields.text(raw, "command", ""), json_fields.text(raw, "output", "")
                return _said(Text(f"Ran `{ran}`\n```\n{output}\n```"))
            case "branchSummary" | "compactionSummary":
                return _said(Text(json_fields.text(raw, "summary", "")))
            case other:
                raise InvalidRecord(f"unknown role {other}")

    def _reply(self, raw: Raw) -> Message | None:
        parts = tuple(self._chat.each(content_blocks(raw), _part))
        model = _model(raw, "model")
        self._chat.model = model or self._chat.model
        protocol = _PROTOCOLS.get(text_or_empty(raw, "api"), ApiProtocol.CHAT)
        origin = Origin(model.provider, protocol, model.model) if model else None
        outcome = _OUTCOMES.get(text_or_empty(raw, "stopReason"), Outcome.COMPLETE)
        usage = usage_of(object_or_empty(raw, "usage"), _COUNTS)
        return Message(Role.ASSISTANT, parts, origin, outcome, usage) if parts else None


def _said(*parts: Part) -> Message | None:
    said = tuple(part for part in parts if not isinstance(part, Text) or part.text)
    return Message(Role.USER, said) if said else None


def _model(raw: Raw, key: str) -> ModelRef | None:
    provider, name = text_or_empty(raw, "provider"), text_or_empty(raw, key)
    return ModelRef(_PROVIDERS.get(provider, provider), name) if provider and name else None


def _part(block: object) -> Iterator[Part]:
    raw = json_fields.record(block)
    match raw.get("type"):
        case "text":
            if words := json_fields.text(raw, "text", ""):
                yield Text(words)
        case "thinking":
            if words := json_fields.text(raw, "thinking", "").strip():
                yield Reasoning(words)
        case "image":
            yield Image(json_fields.text(raw, "mimeType", ""), decode_base64(json_fields.text(raw, "data")))
        case "toolCall":
            call, name = json_fields.text(raw, "id", ""), json_fields.text(raw, "name", "tool")
            yield ToolCall(call, name, argument_text(raw.get("arguments")))
        case other:
            raise InvalidRecord(f"unknown block {other}")
