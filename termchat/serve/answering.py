"""Ports of the server: models that answer requests."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Protocol

from termchat.core.errors import Failure
from termchat.core.events import Event
from termchat.core.models import ModelInfo, ModelRef
from termchat.core.provider import Request


class RunningReply(Protocol):
    """A reply that runs. Read `events` once, to its end: the last event is TurnEnded."""

    @property
    def id(self) -> str: ...

    @property
    def model(self) -> ModelRef: ...

    def events(self) -> AsyncGenerator[Event, None]: ...

    def cancel(self) -> None:
        """Stop now; the reply ends with TurnEnded."""
        ...


class AnsweringModels(Protocol):
    """The configured models; every reply shares their retries, fallbacks, rate limits, budget and ledger."""

    @property
    def system(self) -> str:
        """The system prompt of chats, "" without one."""
        ...

    async def begin(self, model: str, request: Request) -> RunningReply | Failure:
        """Prepare the answer of a model, by any name that the command line takes; "" is the default model."""
        ...

    async def count(self, model: str, request: Request) -> int | Failure:
        """Estimate the tokens of a request."""
        ...

    async def listing(self) -> Sequence[ModelInfo]:
        """List the models of all usable providers; a provider that cannot be reached has only its known ones."""
        ...
