"""Ports to the models: a provider streams deltas for a request; tools run calls; prices turn usage into cost."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any, Protocol

from termchat.core.errors import Failure
from termchat.core.events import Delta
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
    """What a user may ask of any model; None leaves it to the model. What one does not take is left out, and said.

    stop     texts that end the reply
    schema   JSON Schema, with an object at its root, of the reply
    search   the vendor may search the web for the model
    """

    max_tokens: int | None = None
    think: Effort | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None
    schema: Mapping[str, Any] | None = None
    search: bool = False


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """A tool as a model sees it; `parameters` is JSON Schema with an object at its root."""

    name: str
    description: str
    parameters: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """Everything one request says, for any protocol. The system prompt is "" when none is set.

    chat   which conversation it is of, "" being one of its own: what is told once is told once in it
    wait_for_host   a host that cannot be reached is waited for, however long
    """

    messages: tuple[Message, ...]
    system: str = ""
    tools: tuple[ToolSpec, ...] = ()
    params: Params = Params()
    chat: str = ""
    wait_for_host: bool = False


@dataclass(slots=True)
class StreamMonitor:
    """Signs of life of a connection, counted by the transport and watched by the pump.

    hurry   ends the wait before the next try; does nothing while there is none
    """

    bytes_received: int = 0
    skip_wait: Callable[[], None] = lambda: None


class Provider(Protocol):
    """One model behind one endpoint, ready to answer."""

    @property
    def origin(self) -> Origin: ...

    def stream(self, request: Request, wire: StreamMonitor) -> AsyncGenerator[Delta, None]:
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

    def model_info(self, model: ModelRef) -> ModelInfo | None:
        """What was listed of a model, without asking anyone; None when nothing was."""
        ...

    def known_models(self) -> Sequence[ModelRef]:
        """Models known without asking anyone, those of usable providers first."""
        ...

    def usable_providers(self) -> Sequence[str]:
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
    def preload(self) -> None:
        """Load the table in the background; called when the first reply begins to stream."""
        ...

    async def cost(self, model: ModelRef, usage: Usage) -> Decimal | None:
        """US dollars, or None when nobody knows."""
        ...
