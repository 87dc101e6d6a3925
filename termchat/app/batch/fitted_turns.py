"""Fit the attachments of an item to its model before it is asked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from termchat.attachments.fit_to_model import fit_messages, taker_of
from termchat.batch.batch_result import BatchResult
from termchat.batch.items import BatchItem
from termchat.core.errors import Failure
from termchat.core.messages import File, Image, Message
from termchat.core.models import ModelRef
from termchat.core.outcomes import Outcome
from termchat.core.provider import Providers
from termchat.engine.batch.batch_turns import BatchTurns


class FittedTurns:
    """Answers items as `BatchTurns` does; an item whose attachment the model does not take fails unsent."""

    def __init__(self, turns: BatchTurns, providers: Providers) -> None:
        self._turns = turns
        self._providers = providers

    async def ask(
        self, item: BatchItem, sent: Callable[[], Awaitable[None]], unsent: Callable[[], None]
    ) -> BatchResult:
        """Answer an item."""
        fitted = await fitted_item(item, self._providers)
        if isinstance(fitted, Failure):
            return BatchResult(Outcome.FAILED, item.model, failure=fitted)
        return await self._turns.ask(fitted, sent, unsent)

    def cancel(self) -> None:
        self._turns.cancel()

    def cancel_waiting(self) -> None:
        self._turns.cancel_waiting()


async def fitted_item(item: BatchItem, providers: Providers) -> BatchItem | Failure:
    """Return an item with its attachments as its model takes them; a failure if it does not take one."""
    messages = await fitted_messages(item.request.messages, item.model, providers)
    if isinstance(messages, Failure):
        return messages
    return replace(item, request=replace(item.request, messages=messages))


async def fitted_messages(
    messages: tuple[Message, ...], model: ModelRef, providers: Providers
) -> tuple[Message, ...] | Failure:
    """Return messages with their attachments as a model takes them; a failure if it does not take one."""
    if not any(isinstance(part, Image | File) for message in messages for part in message.parts):
        return messages
    return await fit_messages(messages, taker_of(providers, model))
