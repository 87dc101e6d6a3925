"""The ports: what the parts of the house expect of each other. `app` alone joins them.

Providers answer requests, tools run calls, prices tell costs; a session turns a message into a turn. All of them
are asynchronous; a port that streams is an async generator, to be consumed under `contextlib.aclosing`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import Any, Protocol

from termchat.core.conversation import Conversation
from termchat.core.errors import Failure
from termchat.core.events import Delta, Event
from termchat.core.messages import Message, Origin, ToolCall, ToolResult
from termchat.core.models import ModelInfo, ModelRef
from termchat.core.usage import Usage


class Effort(StrEnum):
    """How hard a reasoning model should think."""

    OFF = "off"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


@dataclass(frozen=True, slots=True)
class Params:
    """What a user may ask of any model; None leaves it to the model."""

    max_tokens: int | None = None
    think: Effort | None = None


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as a model sees it; `parameters` is JSON Schema with an object at its root."""

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """Everything one request says, for any protocol. The system prompt is "" when none is set."""

    messages: tuple[Message, ...]
    system: str = ""
    tools: tuple[ToolSpec, ...] = ()
    params: Params = Params()


@dataclass(slots=True)
class Wire:
    """Signs of life of a connection, counted by the transport and watched by the pump."""

    received: int = 0


class Provider(Protocol):
    """One model behind one endpoint, ready to answer."""

    @property
    def origin(self) -> Origin: ...

    def stream(self, request: Request, wire: Wire) -> AsyncGenerator[Delta, None]:
        """The reply, delta by delta, ending with `Finished`.

        Raises ProviderError: no reply, or one without its end (`Kind.CUT`).
        """
        ...


class Providers(Protocol):
    """All configured providers."""

    async def open(self, model: ModelRef) -> Provider:
        """The provider of a model, its SDK imported and its client built. Raises ProviderError."""
        ...

    async def models(self, provider: str, *, fresh: bool = False) -> Sequence[ModelInfo]:
        """What the provider's endpoints list, from a cache unless `fresh`. Raises ProviderError."""
        ...

    def resolve(self, name: str) -> ModelRef | Failure:
        """A full name, an alias or an unambiguous part of a known name as a reference."""
        ...

    def known(self) -> Sequence[ModelRef]:
        """Models known without asking anyone, those of usable providers first."""
        ...

    def usable(self) -> Sequence[str]:
        """The providers that have a key, or need none and were asked for, in their order."""
        ...


class Tools(Protocol):
    """The tools a model may call."""

    @property
    def specs(self) -> tuple[ToolSpec, ...]: ...

    async def run(self, call: ToolCall) -> ToolResult:
        """Run one call. Bad arguments, unknown names and errors of the tool are results, never exceptions."""
        ...


class Prices(Protocol):
    def prepare(self) -> None:
        """Load the table in the background; called when the first reply begins to stream."""
        ...

    async def cost(self, model: ModelRef, usage: Usage) -> Decimal | None:
        """US dollars, or None when nobody knows."""
        ...


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


@dataclass(frozen=True, slots=True)
class Totals:
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
    def totals(self) -> Mapping[ModelRef, Totals]: ...

    def use(self, model: ModelRef) -> None:
        """The next turns go to this model."""
        ...

    def move(self, head: str | None) -> None:
        """Go elsewhere in the tree; None is before the first message."""
        ...

    def new(self) -> None:
        """Begin an empty conversation."""
        ...

    def add(self, message: Message, parent: str | None) -> str:
        """A message below `parent`, the head on it; its node id."""
        ...

    def send(self, parent: str, model: ModelRef | None = None) -> Turn:
        """Have what stands at `parent` answered, by the session's model or another."""
        ...
