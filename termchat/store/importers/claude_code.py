"""Import the sessions of Claude Code: ~/.claude/projects/*/*.jsonl.

The format is not documented; this reads what versions 1.0 to 2.1 write. A record of type `user` or `assistant` holds a
message of the Messages API, `uuid` and `parentUuid` make a tree. A reply is written as one record a block, all with
the same `message.id`, and the results of parallel calls hang below the record of their call: both are joined again.
After a compaction the session goes on from its summary, which has no parent: a branch of its own, like the original.

Signatures of reasoning are left out: only Anthropic reads them, and only in the request of that session. So are the
program's own notes and the messages of sub agents, which are counted; a file of a sub agent alone is a chat.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import field, replace

from termchat.core.chats import FullChat, SkippedRecord
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
from termchat.core.models import ApiProtocol, ModelRef
from termchat.core.outcomes import Outcome
from termchat.core.usage import Usage
from termchat.late_dataclass import dataclass
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

_SOURCE = "claude code"
_PROVIDER = "anthropic"
_SYNTHETIC = "<synthetic>"  # the model of messages that the program wrote, such as errors
_INTERRUPTED = "[Request interrupted by user"
_TITLES = {"custom-title": "customTitle", "ai-title": "aiTitle", "summary": "summary"}  # the best one first
_BOOKKEEPING = frozenset({
    *_TITLES, "system", "attachment", "progress", "file-history-snapshot", "file-history-delta", "queue-operation",
    "mode", "permission-mode", "last-prompt", "agent-name", "agent-color", "agent-setting", "tag", "pr-link",
    "worktree-state", "content-replacement", "marble-origami-commit", "marble-origami-snapshot", "speculation-accept",
})  # fmt: skip
_NOTE = re.compile(r"Caveat: The messages below were|<local-command-(?:caveat|std(?:out|err))>|<bash-std(?:out|err)>")
_COMMAND = re.compile(r"<command-name>\s*(.*?)\s*</command-name>", re.DOTALL)
_ARGUMENTS = re.compile(r"<command-args>\s*(.*?)\s*</command-args>", re.DOTALL)
_COUNTS = ("input_tokens", "cache_read_input_tokens", "cache_creation_input_tokens", "output_tokens")
_OUTCOMES = {"max_tokens": Outcome.LENGTH, "refusal": Outcome.REFUSED}


def is_claude_code(records: list[Raw]) -> bool:
    """Return True if the first records of a file are those of a session."""
    return any(
        (raw.get("type") in ("user", "assistant") and isinstance(raw.get("message"), dict) and "parentUuid" in raw)
        or ("leafUuid" in raw and raw.get("type") == "summary")
        or (raw.get("type") in _BOOKKEEPING and isinstance(raw.get("sessionId"), str))
        for raw in records
    )


def is_sub_agent(records: list[Raw]) -> bool:
    """Return True if a file holds the messages of a sub agent only."""
    said = [raw for raw in records if raw.get("type") in ("user", "assistant")]
    return bool(said) and all(raw.get("isSidechain") is True for raw in said)


def read_claude_code(files: Iterable[AgentFile]) -> Iterator[FullChat | SkippedRecord]:
    """Yield the chat of each file."""
    return read_chats(files, _read)


def _read(chat: ChatBuilder, file: AgentFile) -> str | None:
    chat.name, chat.source = file.name, _SOURCE
    records = [raw for _, raw in file.records(chat.omit_unreadable_line)]
    session = next((name for raw in records if (name := text_or_empty(raw, "sessionId"))), file.path.stem)
    sub_agent = is_sub_agent(records)
    agent = next((name for raw in records if (name := text_or_empty(raw, "agentId"))), "") if sub_agent else ""
    chat.id = chat_id(_SOURCE, session, agent)
    for kind, key in _TITLES.items():
        titles = [title for raw in records if raw.get("type") == kind and (title := text_or_empty(raw, key))]
        chat.title = chat.title or (titles[-1] if titles and not sub_agent else "")
    tree = _Tree(chat, session)
    for number, raw in enumerate(records):
        if raw.get("isSidechain") is True and not sub_agent:
            tree.skip(raw)
            if raw.get("type") in ("user", "assistant"):
                chat.omit("message", "of sub agents")
        else:
            chat.value(lambda number=number, raw=raw: tree.add(number, raw), None)
    tree.close()
    times = chat.times.values()
    chat.created, chat.updated = min(times, default=0.0), max(times, default=0.0)
    return tree.last


@dataclass(slots=True)
class _Joined:
    """A message that is joined of records: blocks of one reply, or results of its calls."""

    role: Role
    group: str
    parent: str | None
    at: float
    parts: list[Part] = field(default_factory=list[Part])
    uuids: list[str] = field(default_factory=list[str])
    origin: Origin | None = None
    outcome: Outcome | None = None
    usage: Usage | None = None


class _Tree:
    """Adds the records of a session to a chat; `last` is the id of the last message."""

    def __init__(self, chat: ChatBuilder, session: str) -> None:
        self._chat = chat
        self._session = session
        self.last: str | None = None
        self._open: _Joined | None = None
        self._above: dict[str, str | None] = {}  # record without a message -> its parent
        self._nodes: dict[str, str] = {}  # record -> message
        self._groups: dict[str, str] = {}  # record -> reply
        self._ends: dict[str, str] = {}  # reply -> the last message of its blocks and results
        self._calls: dict[str, tuple[str, str]] = {}  # call -> name of the tool, reply

    def add(self, number: int, raw: Raw) -> None:
        """Add the message of a record. Raises InvalidRecord."""
        kind, message = raw.get("type"), raw.get("message")
        uuid = text_or_empty(raw, "uuid") or f"line {number}"
        if uuid in self._nodes or uuid in self._above or (self._open and uuid in self._open.uuids):
            return  # written twice
        at = seconds(text_or_empty(raw, "timestamp"), 0.0)
        if kind == "attachment" and (words := _queued(raw)):
            kind, message = "user", {"content": words}
        if kind not in ("user", "assistant"):
            self.skip(raw)
            if kind not in _BOOKKEEPING:
                self._chat.omit("record", "of unknown kind")
            return
        try:
            body = json_fields.record(message)
            (self._reply if kind == "assistant" else self._said)(uuid, raw, body, at)
        except InvalidRecord:
            self.skip(raw)
            raise

    def skip(self, raw: Raw) -> None:
        """Let the children of a record without a message follow its parent."""
        uuid, parent = raw.get("uuid"), raw.get("parentUuid")
        if isinstance(uuid, str) and uuid != parent:
            self._above.setdefault(uuid, parent if isinstance(parent, str) else None)

    def close(self) -> None:
        """Add the message that is being joined."""
        joined, self._open = self._open, None
        if joined is None:
            return
        name = node_id(_SOURCE, self._session, *joined.uuids)
        reply = joined.role is Role.ASSISTANT
        outcome = joined.outcome or (Outcome.COMPLETE if reply else None)
        message = Message(joined.role, tuple(joined.parts), joined.origin, outcome, joined.usage)
        self.last = self._chat.add(name, joined.parent, message, joined.at)
        self._nodes.update(dict.fromkeys(joined.uuids, name))
        if joined.group:
            self._groups.update(dict.fromkeys(joined.uuids, joined.group))
            self._ends[joined.group] = name

    def _reply(self, uuid: str, raw: Raw, body: Raw, at: float) -> None:
        model = json_fields.text(body, "model", "")
        if model == _SYNTHETIC or raw.get("isApiErrorMessage") is True:
            self.skip(raw)
            self._chat.omit("note", "of Claude Code")
            return
        parts = list(self._chat.each(content_blocks(body), _reply_part))
        if not parts:
            self.skip(raw)
            return
        group = json_fields.text(body, "id", "") or uuid
        joined = self._begin(Role.ASSISTANT, group, uuid, raw, at)
        joined.parts += parts
        joined.uuids.append(uuid)
        if model:
            joined.origin = Origin(_PROVIDER, ApiProtocol.ANTHROPIC, model)
            self._chat.model = ModelRef(_PROVIDER, model)
        joined.outcome = _OUTCOMES.get(text_or_empty(body, "stop_reason"), joined.outcome)
        joined.usage = usage_of(object_or_empty(body, "usage"), _COUNTS) or joined.usage
        self._calls.update({part.id: (part.name, group) for part in parts if isinstance(part, ToolCall)})

    def _said(self, uuid: str, raw: Raw, body: Raw, at: float) -> None:
        parts = list(self._chat.each(content_blocks(body), self._user_part))
        results = [part for part in parts if isinstance(part, ToolResult)]
        others = [part for part in parts if not isinstance(part, ToolResult) and not self._is_note(part)]
        if results:
            group = self._calls.get(results[0].call_id, ("", ""))[1]
            joined = self._begin(Role.TOOL, group, uuid, raw, at)
            joined.parts += results
            joined.uuids.append(uuid)
        if others:
            joined = self._begin(Role.USER, "", uuid, raw, at, follow=bool(results))
            joined.parts += others
            joined.uuids.append(f"{uuid} text" if results else uuid)
        if others or not results:
            self.close()
        if not others and not results:
            self.skip(raw)

    def _begin(self, role: Role, group: str, uuid: str, raw: Raw, at: float, *, follow: bool = False) -> _Joined:
        """Return the message that a record belongs to: the one being joined, or a new one.

        With `follow`, a new one after the message being joined.
        """
        if self._open and self._open.role is role and group and self._open.group == group:
            return self._open
        self.close()
        parent = self.last if follow else self._parent(raw.get("parentUuid"))
        self._open = _Joined(role, group, parent, at)
        return self._open

    def _parent(self, uuid: object) -> str | None:
        """Return the message that the children of a record follow; for a record that is lost, the last message."""
        passed: list[str] = []
        while isinstance(uuid, str) and uuid in self._above:
            passed.append(uuid)
            above, self._above[uuid] = self._above[uuid], None  # cut, so that a circle ends
            uuid = above
        self._above.update(dict.fromkeys(passed, uuid if isinstance(uuid, str) else None))
        if not isinstance(uuid, str):
            return None
        if uuid in self._groups:
            return self._ends[self._groups[uuid]]
        return self._nodes.get(uuid, self.last)

    def _user_part(self, block: object) -> Iterator[Part]:
        raw = json_fields.record(block)
        if raw.get("type") == "tool_result":
            call = json_fields.text(raw, "tool_use_id", "")
            name = self._calls.get(call, ("tool", ""))[0]
            yield ToolResult(call, name, tuple(_result_parts(raw)), json_fields.flag(raw, "is_error"))
        else:
            yield from _plain_part(raw)

    def _is_note(self, part: Part) -> bool:
        """Return True for text that the program wrote; an interruption is noted in the outcome of the reply."""
        if not isinstance(part, Text):
            return False
        if part.text.startswith(_INTERRUPTED):
            self._interrupt()
            return True
        if _NOTE.match(part.text.lstrip()):
            self._chat.omit("note", "of Claude Code")
            return True
        return False

    def _interrupt(self) -> None:
        self.close()
        node = self._chat.nodes.get(self.last or "")
        if node and node.message.role is Role.ASSISTANT and not node.message.calls:
            self._chat.nodes[node.id] = replace(node, message=replace(node.message, outcome=Outcome.CANCELLED))


def _queued(raw: Raw) -> str:
    """Return the prompt that was sent while the reply ran, "" for any other attachment."""
    found = object_or_empty(raw, "attachment")
    is_prompt = found.get("type") == "queued_command" and found.get("commandMode") == "prompt"
    return text_or_empty(found, "prompt") if is_prompt else ""


def _reply_part(block: object) -> Iterator[Part]:
    raw = json_fields.record(block)
    match raw.get("type"):
        case "thinking":
            if words := json_fields.text(raw, "thinking", "").strip():
                yield Reasoning(words)
        case "redacted_thinking" | "web_search_tool_result":
            pass  # only the vendor can read it
        case "tool_use":
            name = json_fields.text(raw, "name", "tool")
            yield ToolCall(json_fields.text(raw, "id", ""), name, argument_text(raw.get("input")))
        case "server_tool_use":
            query = json_fields.inner(raw, "input").get("query")
            yield Search((query,) if isinstance(query, str) else ())
        case _:
            yield from _plain_part(raw)


def _plain_part(raw: Raw) -> Iterator[Text | Image | File]:
    match raw.get("type"):
        case "text":
            if words := _typed(json_fields.text(raw, "text", "")):
                yield Text(words)
        case "image" | "document":
            source = json_fields.inner(raw, "source")
            mime = json_fields.text(source, "media_type", "")
            if source.get("type") == "url":
                yield Image("", url=json_fields.text(source, "url"))
            elif raw["type"] == "image":
                yield Image(mime, decode_base64(json_fields.text(source, "data")))
            else:
                data = json_fields.text(source, "data")
                content = data.encode("utf-8", "replace") if source.get("type") == "text" else decode_base64(data)
                yield File(json_fields.text(raw, "title", "document"), mime or "text/plain", content)
        case other:
            raise InvalidRecord(f"unknown block {other}")


def _typed(text: str) -> str:
    """Return a slash command as it was typed; any other text stays unchanged."""
    if not text.lstrip().startswith("<command-") or not (name := _COMMAND.search(text)):
        return text
    arguments = _ARGUMENTS.search(text)
    return f"{name[1]} {arguments[1] if arguments else ''}".strip()


def _result_parts(raw: Raw) -> Iterator[Text | Image]:
    if isinstance(content := raw.get("content"), str):
        yield Text(content)
        return
    for item in json_fields.items(raw, "content"):
        block = json_fields.record(item)
        try:
            yield from (part for part in _plain_part(block) if not isinstance(part, File))
        except InvalidRecord:
            yield Text(f"[{block.get('type') or 'something'}, not in the session]")
