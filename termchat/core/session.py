"""Ports of a running conversation: a session turns a message into a turn, and a turn streams events."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol

from termchat.core.chat_store import ChatStore, Resumed
from termchat.core.chats import (
    Location,
)
from termchat.core.conversation import Conversation
from termchat.core.errors import Failure
from termchat.core.events import Event
from termchat.core.messages import Message
from termchat.core.models import ModelRef, Timeouts
from termchat.core.provider import Params
from termchat.core.usage import Usage


@dataclass(frozen=True, slots=True)
class TurnSettings:
    """What turns are made with, as far as a user may change it on the way."""

    model: ModelRef
    system: str = ""
    params: Params = field(default_factory=Params)
    timeouts: Timeouts = field(default_factory=Timeouts)
    max_rounds: int = 25


class Turn(Protocol):
    """One message being answered: requests and tool calls until the model is done."""

    @property
    def id(self) -> str: ...

    def events(self) -> AsyncGenerator[Event, None]:
        """All that happens, ending with exactly one TurnEnded. To be read once."""
        ...

    def cancel(self) -> None:
        """Stop now: what came is kept and the turn ends as an event."""
        ...

    def retry_now(self) -> None:
        """Send again at once what waits to be sent again."""
        ...

    def steer(self, message: Message | None) -> None:
        """Say this too with the next request, if one answers tools: it comes back as a MessageDone of the user's.

        A later one takes its place, None takes it back. Whatever the turn ends without is still the caller's.
        """
        ...


@dataclass(frozen=True, slots=True)
class ModelUsage:
    """What a model was asked in this session."""

    turns: int = 0
    usage: Usage = field(default_factory=Usage)
    cost: Decimal | None = Decimal(0)


class Session(Protocol):
    """A conversation in use."""

    @property
    def conversation(self) -> Conversation: ...
    @property
    def model(self) -> ModelRef: ...
    @property
    def system(self) -> str: ...
    @property
    def totals(self) -> Mapping[ModelRef, ModelUsage]: ...

    @property
    def failure(self) -> Failure | None:
        """Why the last turn that failed did; None while none has."""
        ...

    def switch_model(self, model: ModelRef) -> None:
        """The next turns go to this model."""
        ...

    @property
    def settings(self) -> TurnSettings:
        """What the turns to come are made with."""
        ...

    def update_settings(self, change: Callable[[TurnSettings], TurnSettings], *, lasting: bool) -> None:
        """The turns to come are made with other terms; `lasting`: those of new chats too."""
        ...

    def move_head(self, head: str | None) -> None:
        """Go elsewhere in the tree; None is before the first message."""
        ...

    def new(self) -> None:
        """Begin an empty conversation."""
        ...

    @property
    def library(self) -> ChatStore | None:
        """All chats that are kept; None when nothing is kept."""
        ...

    @property
    def chat_id(self) -> str:
        """The id of this chat as it is kept; "" while nothing of it is."""
        ...

    @property
    def location(self) -> Location: ...

    async def resume(self, chat: str) -> Resumed | Failure:
        """Go on with a chat that was kept."""
        ...

    async def fork(self, title: str = "") -> Resumed | Failure:
        """Go on in a chat of its own that shares everything up to the head."""
        ...

    def incognito(self) -> None:
        """Begin an empty conversation, and keep nothing from now on."""
        ...

    def draft(self, text: str) -> None:
        """What stands in the input, so that it outlives a crash."""
        ...

    def remember(self, text: str, *, draft: bool = False) -> None:
        """Add a prompt that was sent, or a draft that was cleared, to the history of prompts."""
        ...

    def add(self, message: Message, parent: str | None) -> str:
        """A message below `parent`, the head on it; its node id."""
        ...

    def send(self, parent: str, model: ModelRef | None = None, *, wait_for_host: bool = False) -> Turn:
        """Have what stands at `parent` answered, by the session's model or another.

        `wait_for_host`: where its host cannot be reached, that is waited for until it can.
        """
        ...
