"""What is kept of chats, as values: who wants to list, find, resume, count or export them speaks in these."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from termchat.core.conversation import Conversation
from termchat.core.messages import Json, Role
from termchat.core.models import ModelRef
from termchat.core.sanitize import Safe


@dataclass(frozen=True, slots=True)
class Location:
    """Where termchat runs: its controlling terminal ("" when there is none) and its working directory."""

    terminal: str = ""
    directory: str = ""


@dataclass(frozen=True, slots=True)
class ChatState:
    """What a chat is led with; resuming gives it back. `settings` holds whatever else belongs to the chat."""

    model: ModelRef | None = None
    system: str = ""
    settings: Mapping[str, Json] = field(default_factory=dict[str, Json])


@dataclass(frozen=True, slots=True)
class ChatInfo:
    """A chat in a list. Times are seconds since 1970.

    turns      messages of the user
    held       whether another running termchat has it open
    deleted    when it was set aside, None for a chat in use
    """

    id: str
    title: str
    model: ModelRef | None
    created: float
    updated: float
    turns: int
    directory: str = ""
    open_elsewhere: bool = False
    deleted: float | None = None


@dataclass(frozen=True, slots=True)
class ChatPage:
    """Some chats, newest first; `more` asks for the ones after them, "" when there are none."""

    chats: tuple[ChatInfo, ...]
    more: str = ""


@dataclass(frozen=True, slots=True)
class SearchHit:
    """A message in which a search found something; `marks` are the places in `snippet` to be shown as found."""

    chat: str
    title: str
    node: str
    role: Role
    created: float
    snippet: str
    marks: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class PastPrompt:
    """A prompt sent once, or a draft that was cleared."""

    text: str
    directory: str
    at: float
    draft: bool = False


class UsageGroup(StrEnum):
    """What usage is added up by."""

    MODEL = "model"
    DAY = "day"
    CHAT = "chat"


@dataclass(frozen=True, slots=True)
class UsageRow:
    """Requests added up under one key: a model's name, a day (2026-05-09, local time) or a chat's id.

    `cost` is the sum of the known costs in US dollars; `unpriced` counts the requests that it does not contain.
    """

    key: str
    title: str
    requests: int
    input: int
    cached: int
    cache_write: int
    output: int
    reasoning: int
    cost: Decimal
    unpriced: int
    estimated: bool
    first: float | None
    seconds: float


class ExportFormat(StrEnum):
    """What a chat can be written as; JSON alone can be read back, and keeps everything."""

    MARKDOWN = "md"
    JSON = "json"
    HTML = "html"
    TEXT = "txt"


@dataclass(frozen=True, slots=True)
class FullChat:
    """A whole chat on its way out of the library or into it; `times` says when each node came."""

    info: ChatInfo
    state: ChatState
    conversation: Conversation
    times: Mapping[str, float]
    renamed: bool = False


@dataclass(frozen=True, slots=True)
class SkippedRecord:
    """A record that could not be imported: which one, and why."""

    name: str
    why: Safe


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What an import did. `known` chats were here already and got nothing new."""

    source: str
    chats: int = 0
    messages: int = 0
    known: int = 0
    skipped: tuple[SkippedRecord, ...] = ()
