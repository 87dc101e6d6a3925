"""Values about saved chats: to list, find, resume, count, export and import them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from decimal import Decimal
from enum import StrEnum

from termchat.core.conversation import Conversation, Node
from termchat.core.messages import Json, Message, Role
from termchat.core.models import ModelRef
from termchat.core.sanitize import Safe
from termchat.late_dataclass import dataclass

ONE_SHOT = "one_shot"  # the setting, true in a chat that a one-shot began
COMPARED = "compared"  # the setting: the question of the last comparison, then its models


@dataclass(frozen=True, slots=True)
class Location:
    """The controlling terminal of this process ("" when there is none) and its working directory."""

    terminal: str = ""
    directory: str = ""


@dataclass(frozen=True, slots=True)
class Compared:
    """The last comparison of a chat: its question, and the models in the order in which they were asked."""

    question: str
    models: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ChatState:
    """The model, system prompt and other settings of a chat, restored when it is resumed."""

    model: ModelRef | None = None
    system: str = ""
    settings: Mapping[str, Json] = field(default_factory=dict[str, Json])

    @property
    def compared(self) -> Compared | None:
        """The last comparison, None if there was none."""
        saved = self.settings.get(COMPARED)
        names = [name for name in saved if isinstance(name, str)] if isinstance(saved, list) else []
        return Compared(names[0], tuple(names[1:])) if names else None


@dataclass(frozen=True, slots=True)
class ChatInfo:
    """A chat in a list. Times are seconds since 1970.

    turns            number of the user's messages
    open_elsewhere   True when another running termchat has the chat open
    deleted          time of deletion, None for a chat in use
    one_shot         True for the only turn of a one-shot
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
    one_shot: bool = False


@dataclass(frozen=True, slots=True)
class ChatPage:
    """A page of chats, newest first; `more` is the cursor of the next page, "" on the last."""

    chats: tuple[ChatInfo, ...]
    more: str = ""


@dataclass(frozen=True, slots=True)
class SearchHit:
    """A message that matches a search; `marks` are the matches in `snippet`, as (start, end) in characters."""

    chat: str
    title: str
    node: str
    role: Role
    created: float
    snippet: str
    marks: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class PastPrompt:
    """A prompt that was sent, or a draft that was cleared; `at` is in seconds since 1970."""

    text: str
    directory: str
    at: float
    draft: bool = False


class UsageGroup(StrEnum):
    """The key by which usage is summed up."""

    MODEL = "model"
    DAY = "day"
    CHAT = "chat"


@dataclass(frozen=True, slots=True)
class UsageRow:
    """Requests summed up under one key: a model's name, a day (2026-05-09, local time) or a chat's id.

    cost           sum of the known costs in US dollars
    unpriced       number of requests without a known cost
    about          True when a part of the cost is at the list price of another vendor
    billed         number of requests whose cost the provider reported
    uncounted      number of requests whose tokens are unknown
    cache_misses   the providers' reasons why a prompt cache was missed
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
    about: bool = False
    billed: int = 0
    uncounted: int = 0
    cache_misses: tuple[str, ...] = ()


class ExportFormat(StrEnum):
    """File formats of an export, by file extension. Only JSON is lossless and can be imported."""

    MARKDOWN = "md"
    JSON = "json"
    HTML = "html"
    TEXT = "txt"


@dataclass(frozen=True, slots=True)
class FullChat:
    """A complete chat, for export and import; `times` maps node ids to seconds since 1970."""

    info: ChatInfo
    state: ChatState
    conversation: Conversation
    times: Mapping[str, float]
    renamed: bool = False


@dataclass(frozen=True, slots=True)
class SkippedRecord:
    """A record that could not be imported, and the reason; or `parts` of an imported chat that were left out."""

    name: str
    why: Safe
    parts: int = 0


@dataclass(frozen=True, slots=True)
class ImportReport:
    """The result of an import: `read` chats, of which `known` were already complete in the store.

    last   id of the last chat that was read, "" without any
    """

    source: str
    chats: int = 0
    messages: int = 0
    known: int = 0
    skipped: tuple[SkippedRecord, ...] = ()
    read: int = field(default=0, compare=False)
    last: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class NodeFigures:
    """The time of a message in seconds since 1970; of a reply also its seconds and its cost in US dollars, if known.

    about   the cost is at the list price of another vendor
    """

    created: float
    seconds: float | None = None
    cost: Decimal | None = None
    about: bool = False


@dataclass(frozen=True, slots=True)
class OpenReply:
    """A reply that streams in another process: its text so far, as of the last save, below the message `parent`."""

    turn: str
    chat: str
    parent: str
    model: ModelRef
    began: float
    message: Message | None = None


@dataclass(frozen=True, slots=True)
class WatchedChat:
    """A chat as it is now, or the part of it that is new.

    nodes    by id; the data of an attachment is its hash, in ASCII
    figures  of each node
    labels   by node, of all chats: there are few
    replies  that stream in other processes
    last     the row of its newest message, 0 for none
    sizes    bytes of the attachments, by hash
    """

    info: ChatInfo
    state: ChatState
    head: str | None
    nodes: Mapping[str, Node]
    figures: Mapping[str, NodeFigures]
    labels: Mapping[str, str]
    replies: tuple[OpenReply, ...] = ()
    last: int = 0
    sizes: Mapping[str, int] = field(default_factory=dict[str, int])
