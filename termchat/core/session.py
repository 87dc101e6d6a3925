"""Ports of a running conversation: a session turns a message into a turn, and a turn streams events."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import field
from decimal import Decimal
from typing import Protocol

from termchat.core.approval import ApprovalRequest, Decision
from termchat.core.chat_store import ChatStore, Resumed
from termchat.core.chats import Location
from termchat.core.conversation import Conversation
from termchat.core.errors import Failure
from termchat.core.events import Event, RequestCost
from termchat.core.messages import Message
from termchat.core.models import ModelRef, Timeouts
from termchat.core.provider import Params, Tools
from termchat.core.usage import CostBasis, Usage
from termchat.late_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class TurnSettings:
    """The settings of a turn that the user may change during a session."""

    model: ModelRef
    system: str = ""
    params: Params = field(default_factory=Params)
    timeouts: Timeouts = field(default_factory=Timeouts)
    max_rounds: int = 25


class Turn(Protocol):
    """The answer to one message: requests and tool calls until the model is done."""

    @property
    def id(self) -> str: ...

    def events(self) -> AsyncGenerator[Event, None]:
        """Stream the events, ending with exactly one TurnEnded. Read them once."""
        ...

    def cancel(self) -> None:
        """Stop now. Received content is kept, and the turn ends with TurnEnded."""
        ...

    def retry_now(self) -> None:
        """Skip the wait before the next attempt."""
        ...

    def answer(self, request: ApprovalRequest, decision: Decision) -> None:
        """Answer an `ApprovalAsked`. A question that was answered, withdrawn or cancelled ignores it."""
        ...

    def steer(self, message: Message | None) -> None:
        """Add a user message to the next request that carries tool results; MessageDone reports it as sent.

        A later call replaces the message, None withdraws it. A message the turn did not send remains the caller's.
        """
        ...


@dataclass(frozen=True, slots=True)
class ModelUsage:
    """The usage of one model in this session.

    cost       sum of the known costs in US dollars, None when none is known
    unpriced   number of requests of unknown cost
    about      True when a part of the cost is at the list price of another vendor
    """

    turns: int = 0
    usage: Usage = field(default_factory=Usage)
    cost: Decimal | None = Decimal(0)
    unpriced: int = 0
    about: bool = False

    def with_request(self, request: RequestCost) -> ModelUsage:
        """Add a request."""
        known = self.cost if request.cost is None else (self.cost or Decimal(0)) + request.cost
        return ModelUsage(
            self.turns,
            self.usage + (request.usage or Usage()),
            None if request.cost is None and not self.cost else known,
            self.unpriced + (request.cost is None),
            self.about or request.basis is CostBasis.SIMILAR,
        )

    def __add__(self, other: ModelUsage) -> ModelUsage:
        costs = [cost for cost in (self.cost, other.cost) if cost is not None]
        return ModelUsage(
            self.turns + other.turns,
            self.usage + other.usage,
            sum(costs, Decimal(0)) if costs else None,
            self.unpriced + other.unpriced,
            self.about or other.about,
        )


@dataclass(frozen=True, slots=True)
class SwitchCost:
    """The first request of a chat to another model than the one that answered last.

    tokens   tokens of the chat, about right
    price    US dollars for reading them, None if unknown
    before   the model that answered last, None if unknown
    cached   tokens in that model's prompt cache, which another model cannot use; 0 if unknown
    """

    tokens: int
    price: Decimal | None = None
    before: ModelRef | None = None
    cached: int = 0


class Session(Protocol):
    """The conversation in use and its settings."""

    @property
    def conversation(self) -> Conversation: ...
    @property
    def model(self) -> ModelRef: ...
    @property
    def system(self) -> str: ...
    @property
    def totals(self) -> Mapping[ModelRef, ModelUsage]: ...

    @property
    def tools(self) -> Tools | None:
        """The tools of this run, None if there are none."""
        ...

    @property
    def title(self) -> str:
        """The title of a chat that was resumed or renamed, "" for any other."""
        ...

    @property
    def is_saved(self) -> bool:
        """Return True if chats are saved, also before there is one. Does not open the store."""
        ...

    @property
    def can_save(self) -> bool:
        """Return True if `save_again` begins a chat that is saved: nothing is saved, but was before `incognito`."""
        ...

    def rename(self, title: str) -> None:
        """Set the title that is shown; the store renames the saved chat."""
        ...

    @property
    def failure(self) -> Failure | None:
        """The failure of the last turn that failed, None before one has."""
        ...

    def note_failure(self, failure: Failure) -> None:
        """Make a failure outside of the engine, such as one of the front end, the last one."""
        ...

    def switch_model(self, model: ModelRef) -> None:
        """Use another model from the next turn on."""
        ...

    async def switch_cost(self, model: ModelRef) -> SwitchCost | None:
        """Return the cost of going on with another model; None if nothing changes, or the chat has no reply."""
        ...

    @property
    def settings(self) -> TurnSettings:
        """The settings of the next turns."""
        ...

    def update_settings(self, change: Callable[[TurnSettings], TurnSettings], *, lasting: bool) -> None:
        """Change the settings of the next turns; with `lasting` also those of new chats."""
        ...

    def move_head(self, head: str | None) -> None:
        """Move the head to another node; None is before the first message."""
        ...

    def new(self) -> None:
        """Begin an empty conversation."""
        ...

    @property
    def chat_store(self) -> ChatStore | None:
        """The chat store, None when nothing is saved."""
        ...

    @property
    def chat_id(self) -> str:
        """The id of the saved chat, "" before its first message and when nothing is saved."""
        ...

    @property
    def location(self) -> Location: ...

    async def resume(self, chat: str) -> Resumed | Failure:
        """Resume a saved chat."""
        ...

    async def fork(self, title: str = "") -> Resumed | Failure:
        """Continue in a new chat that shares all messages up to the head."""
        ...

    def incognito(self) -> None:
        """Begin an empty conversation with the same model, and save nothing from now on."""
        ...

    def save_again(self) -> None:
        """Begin an empty conversation with the same model, and save chats again; only if `can_save`."""
        ...

    def draft(self, text: str) -> None:
        """Save the text of the input, so that it survives a crash."""
        ...

    def remember(self, text: str, *, draft: bool = False) -> None:
        """Add a sent prompt, or with `draft` a cleared one, to the prompt history."""
        ...

    def add(self, message: Message, parent: str | None) -> str:
        """Add a message below the node `parent`, move the head to it, and return its node id."""
        ...

    def send(self, parent: str, model: ModelRef | None = None, *, wait_for_host: bool = False) -> Turn:
        """Answer the node `parent`, with the model of the session or another one.

        `wait_for_host`: retry without limit while the host is unreachable.
        """
        ...
