"""The configured models for the server: names, attachments, and turns that share one budget and one ledger."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from uuid import uuid4

from termchat.app.batch.fitted_turns import fitted_messages
from termchat.app.build import App, current_location
from termchat.core.chats import ChatState
from termchat.core.errors import Failure, ProviderError
from termchat.core.models import ModelInfo, ModelRef
from termchat.core.provider import Request
from termchat.engine.batch.batch_turns import BatchSpending
from termchat.engine.served_turns import ServedTurn, ServedTurns, estimated_tokens


class ServedModels:
    """Implements `serve.answering.AnsweringModels` for the parts of a run."""

    def __init__(self, app: App) -> None:
        store = app.session.chat_store
        recorder = store.new_recorder(ChatState(app.first), current_location()) if store else None
        spending = BatchSpending(
            f"serve-{uuid4().hex}", Decimal(0), lambda: store.spending if store else None, recorder
        )
        self._app = app
        self._turns = ServedTurns(app.turn, spending)

    @property
    def system(self) -> str:
        return self._app.turn.system

    async def begin(self, model: str, request: Request) -> ServedTurn | Failure:
        """Prepare the answer of a model."""
        ref = self._resolved(model)
        if isinstance(ref, Failure):
            return ref
        effort = self._app.registry.effort(model) if model else None
        if effort and request.params.think is None:
            request = replace(request, params=replace(request.params, think=effort))
        messages = await fitted_messages(request.messages, ref, self._app.registry)
        if isinstance(messages, Failure):
            return messages
        return self._turns.begin(ref, replace(request, messages=messages))

    async def count(self, model: str, request: Request) -> int | Failure:
        """Estimate the tokens of a request."""
        ref = self._resolved(model)
        return ref if isinstance(ref, Failure) else estimated_tokens(request)

    async def listing(self) -> Sequence[ModelInfo]:
        """List the models of the usable providers."""
        registry = self._app.registry
        lists = await asyncio.gather(*(self._listed(name) for name in registry.usable_providers()))
        found = {info.ref: info for infos in lists for info in infos}
        usable = set(registry.usable_providers())
        known = (ref for ref in registry.known_models() if ref.provider in usable)
        return list({**{ref: ModelInfo(ref) for ref in known}, **found}.values())

    def stop(self) -> None:
        """Stop all replies; each ends as a reply that was cancelled."""
        self._turns.stop()

    async def _listed(self, provider: str) -> Sequence[ModelInfo]:
        try:
            return await self._app.registry.models(provider)
        except ProviderError:
            return ()

    def _resolved(self, name: str) -> ModelRef | Failure:
        return self._app.registry.resolve(name) if name else self._app.first
