"""Parts shared by the importers: ids derived from foreign ones, times, and a builder of chats."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import field
from datetime import UTC, datetime
from hashlib import sha256
from typing import TypeVar

from termchat.core.chats import ChatInfo, ChatState, FullChat, SkippedRecord
from termchat.core.conversation import Conversation, Node
from termchat.core.messages import Message, Role
from termchat.core.models import ModelRef
from termchat.core.sanitize import safe, safe_format, safe_line
from termchat.late_dataclass import dataclass
from termchat.store import chats
from termchat.store.json_fields import InvalidRecord

T = TypeVar("T")
R = TypeVar("R")


def chat_id(source: str, *foreign: str) -> str:
    """Derive the id of an imported chat, the same on every import."""
    return _hash(source, *foreign)[:16]


def node_id(source: str, *foreign: str) -> str:
    """Derive the id of an imported message, the same on every import."""
    return _hash(source, *foreign)[:32]


def seconds(text: str, default: float) -> float:
    """Parse an ISO 8601 time, in UTC unless it has a zone. Return seconds since 1970, or `default` if it is invalid."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return default
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def as_json(value: object) -> str:
    """Return the arguments of a call as JSON text; text stays unchanged."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def skipped(name: str, error: Exception) -> SkippedRecord:
    """Return the report of an unreadable record."""
    why = str(error) if isinstance(error, InvalidRecord) else "unexpected structure"
    return SkippedRecord(name, safe_line(why))


def read_chats(found: Iterable[T], read: Callable[[ChatBuilder, T], str | None]) -> Iterator[FullChat | SkippedRecord]:
    """Yield the chat of each record, and the number of its parts that were left out; or the skipped record.

    `read` adds a record's title, times and messages to a builder and returns the id of its last message.
    """
    for n, item in enumerate(found, 1):
        chat = ChatBuilder()
        try:
            head = read(chat, item)
            if chat.left_out and not chat.nodes:
                raise InvalidRecord("no part of it can be read")
            if chat.name and not chat.nodes:
                raise InvalidRecord("it has no messages")
            yield chat.record(head)
        except (InvalidRecord, ValueError, RecursionError) as error:
            yield skipped(chat.title or chat.name or f"chat {n}", error)
            continue
        if chat.left_out or chat.omitted:
            why = safe_format("left out {parts}", parts=safe(chat.omissions()))
            yield SkippedRecord(chat.title or chat.name or f"chat {n}", why, chat.left_out + chat.omitted.total())


@dataclass(slots=True)
class ChatBuilder:
    """Builds a chat of foreign messages; `model` is None when the source does not name it.

    `left_out` counts the parts that cannot be read, `omitted` those that belong to no chat, by their description.
    `name` is that of the file, if it holds one chat.
    """

    source: str = ""
    id: str = ""
    title: str = ""
    created: float = 0.0
    updated: float = 0.0
    model: ModelRef | None = None
    system: str = ""
    tree: Conversation = field(default_factory=Conversation)
    nodes: dict[str, Node] = field(default_factory=dict[str, Node])
    times: dict[str, float] = field(default_factory=dict[str, float])
    labels: dict[str, str] = field(default_factory=dict[str, str])
    left_out: int = 0
    omitted: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    name: str = ""

    def value(self, read: Callable[[], T], default: T) -> T:
        """Return what `read` returns; count an InvalidRecord as a part left out and return `default`."""
        try:
            return read()
        except InvalidRecord:
            self.left_out += 1
            return default

    def omit(self, noun: str, rest: str) -> None:
        """Count a part that belongs to no chat: a singular noun, and the words after it."""
        self.omitted[noun, rest] += 1

    def omit_unreadable_line(self) -> None:
        """Count a line that cannot be read."""
        self.left_out += 1

    def omissions(self) -> str:
        """Return the words for all parts left out."""
        unread = {("part", "that cannot be read"): self.left_out} if self.left_out else {}
        counted = {**unread, **self.omitted}
        return ", ".join(f"{n} {noun}{'' if n == 1 else 's'} {rest}" for (noun, rest), n in counted.items())

    def each(self, items: Iterable[T], read: Callable[[T], Iterable[R]]) -> Iterator[R]:
        """Yield all that `read` yields for each item; an unreadable item is left out and counted."""
        for item in items:
            yield from self.value(lambda item=item: list(read(item)), [])

    def add(self, name: str, parent: str | None, message: Message, at: float) -> str:
        """Add a message below `parent` and return its id; of two with one id, the first one is kept."""
        if name in self.nodes:
            return name
        self.nodes[name] = Node(name, parent, message)
        self.times[name] = at
        return name

    def newest_leaf(self) -> str | None:
        """Return the latest of the messages without a child, the last one of several."""
        inner = {node.parent for node in self.nodes.values()}
        leaves = [name for name in self.nodes if name not in inner]
        return max(reversed(leaves), key=self.times.__getitem__, default=None)

    def record(self, head: str | None) -> FullChat:
        """Return the complete chat with its head at a node."""
        questions = [node for node in self.nodes.values() if node.message.role is Role.USER]
        title = " ".join(self.title.split()) or (chats.title(questions[0].message) if questions else "")
        info = ChatInfo(self.id, title, self.model, self.created, self.updated, len(questions))
        settings: Mapping[str, str] = {"imported": self.source}
        tree = Conversation(self.nodes, head, self.labels)
        return FullChat(info, ChatState(self.model, self.system, settings), tree, self.times, bool(self.title))


def _hash(*words: str) -> str:
    return sha256("\x00".join(words).encode("utf-8", "replace")).hexdigest()
