"""Import the sessions of aichat: sessions/*.yaml in its configuration folder.

The format is that of https://github.com/sigoden/aichat/blob/main/src/config/session.rs: settings and `messages`, whose
content is text, a list of parts, or calls with their results. Compressed messages are kept in `compressed_messages`;
the session goes on from their summary, a branch of its own. There are no ids and no times: a session is named by its
file and its first question, a message by all messages up to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, cast

from termchat.core.chats import FullChat, SkippedRecord
from termchat.core.errors import error_reason
from termchat.core.messages import Image, Message, Origin, Part, Role, Text, ToolCall, ToolResult
from termchat.core.models import ApiProtocol, ModelRef
from termchat.core.outcomes import Outcome
from termchat.late_dataclass import dataclass
from termchat.store import json_fields
from termchat.store.importers.agent_files import AgentFile, argument_text, image_of_url, text_or_empty
from termchat.store.importers.common import ChatBuilder, as_json, chat_id, node_id, read_chats
from termchat.store.importers.yaml_blocks import parse_yaml
from termchat.store.json_fields import InvalidRecord, Raw

_SOURCE = "aichat"
_PROVIDERS = {"claude": "anthropic"}  # aichat's names of vendors -> ours
_HEAD = 4000  # characters that decide the format


def is_aichat(begin: str) -> bool:
    """Return True if the beginning of a file is that of a session."""
    lines = begin[:_HEAD].split("\n")
    return any(line.startswith("model: ") for line in lines) and any(
        line.rstrip() in ("messages:", "compressed_messages:", "messages: []") for line in begin.split("\n")
    )


def read_aichat(files: Iterable[AgentFile]) -> Iterator[FullChat | SkippedRecord]:
    """Yield the chat of each file."""
    return read_chats(files, _read)


def _read(chat: ChatBuilder, file: AgentFile) -> str | None:
    chat.name, chat.source = file.name, _SOURCE
    raw = json_fields.record(parse_yaml(file.text()))
    client, colon, name = json_fields.text(raw, "model", "").partition(":")
    chat.model = ModelRef(_PROVIDERS.get(client, client), name) if colon and client and name else None
    before, now = list(json_fields.items(raw, "compressed_messages")), list(json_fields.items(raw, "messages"))
    said = (json_fields.record(cast("object", item)) for item in (*before, *now) if isinstance(item, dict))
    first = next((as_json(item.get("content")) for item in said if item.get("role") == "user"), "")
    chat.id = chat_id(_SOURCE, file.path.stem, first)
    chat.created = chat.updated = _changed(file)
    session = _Session(chat, json_fields.inner(raw, "data_urls"))
    for item in before:
        chat.value(lambda item=item: session.add(item), None)
    if before:
        session.branch()
    for item in now:
        chat.value(lambda item=item: session.add(item), None)
    return session.head


def _changed(file: AgentFile) -> float:
    try:
        return file.path.stat().st_mtime
    except OSError as error:
        raise InvalidRecord(error_reason(error)) from error


@dataclass(slots=True)
class _Session:
    """Adds the messages of a session to a chat."""

    chat: ChatBuilder
    files: Raw  # digest of an attached file -> its path
    head: str | None = None
    _named: str = ""
    _summarised: bool = False
    _calls: int = 0

    def branch(self) -> None:
        """Begin the branch that follows a compression: its summary is written as a system message."""
        self.head, self._named, self._summarised = None, "compressed", True

    def add(self, item: object) -> None:
        """Add a message. Raises InvalidRecord."""
        raw = json_fields.record(item)
        role, content = json_fields.text(raw, "role"), raw.get("content")
        if role == "system" and not self._summarised:
            self.chat.system = self.chat.system or _words(content)
            return
        if isinstance(content, dict):
            self._run(json_fields.record(cast("object", content)))
            return
        parts = tuple(self.chat.each(_parts(content), self._part))
        if role == "assistant":
            self._put(self._reply(*parts)) if parts else None
        elif role in ("user", "system"):
            self._put(Message(Role.USER, parts))
        else:
            raise InvalidRecord(f"unknown role {role}")

    def _reply(self, *parts: Part) -> Message:
        model = self.chat.model
        origin = Origin(model.provider, ApiProtocol.CHAT, model.model) if model else None
        return Message(Role.ASSISTANT, parts, origin, Outcome.COMPLETE)

    def _run(self, raw: Raw) -> None:
        """Add the calls of a reply and their results."""
        calls: list[ToolCall] = []
        results: list[ToolResult] = []
        for item in json_fields.items(raw, "tool_results"):
            found = json_fields.record(item)
            call = json_fields.record(found.get("call"))
            self._calls += 1
            name = text_or_empty(call, "id") or f"call_{self._calls}"
            calls.append(ToolCall(name, json_fields.text(call, "name"), argument_text(call.get("arguments"))))
            results.append(ToolResult(name, calls[-1].name, (Text(as_json(found.get("output"))),)))
        words = json_fields.text(raw, "text", "")
        if parts := (*((Text(words),) if words else ()), *calls):
            self._put(self._reply(*parts))
        if results:
            self._put(Message(Role.TOOL, tuple(results)))

    def _put(self, message: Message) -> None:
        self._named = node_id(_SOURCE, self.chat.id, self._named, message.role, repr(message.parts))
        self.head = self.chat.add(self._named, self.head, message, self.chat.created)

    def _part(self, item: object) -> Iterator[Part]:
        raw = json_fields.record(item)
        match raw.get("type"):
            case "text":
                if words := json_fields.text(raw, "text", ""):
                    yield Text(words)
            case "image_url":
                url = json_fields.text(json_fields.inner(raw, "image_url"), "url")
                yield image_of_url(url) if url.startswith(("data:", "http")) else self._lost(url)
            case other:
                raise InvalidRecord(f"unknown part {other}")

    def _lost(self, url: str) -> Text | Image:
        return Text(f"[image {text_or_empty(self.files, url) or url}, not in the session]\n")


def _parts(content: object) -> Iterator[object]:
    if isinstance(content, str):
        return iter(({"type": "text", "text": content},))
    if content is None or isinstance(content, bool | int | float):  # a text that YAML takes for a number
        return iter(({"type": "text", "text": "" if content is None else as_json(content)},))
    return json_fields.items({"content": content}, "content")


def _words(content: Any) -> str:
    return content if isinstance(content, str) else ""
