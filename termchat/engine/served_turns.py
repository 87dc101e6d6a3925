"""Answer requests of a server's clients: a turn for each, with one budget and one ledger for all.

The tools are those of the clients: a turn ends with the calls, and their results come with the next request.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import fields, replace

from termchat.batch.items import has_value
from termchat.core.chat_store import Recorder
from termchat.core.conversation import Node
from termchat.core.events import Event
from termchat.core.models import ModelRef
from termchat.core.provider import Params, Request
from termchat.core.sanitize import safe_format
from termchat.engine.batch.batch_gate import BatchGate
from termchat.engine.batch.batch_turns import BatchSpending, SharedBudget
from termchat.engine.context import prepare_context
from termchat.engine.estimate import estimate_messages, estimate_tools
from termchat.engine.turn import Turn, TurnConfig


class ServerGate(BatchGate):
    """The gate of the requests of one turn; the money is that of the server's whole run."""

    where = safe_format("by this server")


class RunningTurns:
    """The turns that run now; after `stop`, one that begins is cancelled at once."""

    def __init__(self) -> None:
        self._turns: set[Turn] = set()
        self._stopped = False

    def add(self, turn: Turn) -> None:
        self._turns.add(turn)
        if self._stopped:
            turn.cancel()

    def discard(self, turn: Turn) -> None:
        self._turns.discard(turn)

    def stop(self) -> None:
        """Cancel all turns, now and later."""
        self._stopped = True
        for turn in list(self._turns):
            turn.cancel()


class ServedTurn:
    """The answer to one request; its costs join the ledger."""

    def __init__(self, turn: Turn, model: ModelRef, recorder: Recorder | None, running: RunningTurns) -> None:
        self.id = turn.id
        self.model = model
        self._turn = turn
        self._recorder = recorder
        self._running = running

    async def events(self) -> AsyncGenerator[Event, None]:
        """Stream the events, ending with TurnEnded."""
        recording = self._recorder.begin_aside(self.id) if self._recorder else None
        self._running.add(self._turn)
        try:
            async with aclosing(self._turn.events()) as events:
                async for event in events:
                    if recording:
                        recording.record(event)
                    yield event
        finally:
            self._running.discard(self._turn)
            if recording:
                recording.close()

    def cancel(self) -> None:
        """Stop now. The turn ends with TurnEnded."""
        self._turn.cancel()


class ServedTurns:
    """Begins turns. They share the budget; each is independent of the others otherwise.

    config     the turns of the run; a request's own parameters come before its parameters
    spending   the money of the run, and the ledger
    """

    def __init__(self, config: TurnConfig, spending: BatchSpending) -> None:
        self._config = replace(config, tools=None, fit=False, role=None)
        self._spending = spending
        self._budget = SharedBudget(config, spending)
        self._running = RunningTurns()

    def begin(self, model: ModelRef, request: Request) -> ServedTurn:
        """Prepare a turn; nothing is sent before its events are read."""
        params = merged_params(self._config.params, request.params)
        config = replace(
            self._config, model=model, system=request.system, params=params, client_tools=request.tools
        )  # fmt: skip
        path = [Node(str(n), str(n - 1) if n else None, message) for n, message in enumerate(request.messages)]
        context = prepare_context(path, config)
        config = replace(config, refusal=context.refusal)
        gate = self._budget.gate(config, _noted, lambda: None, ServerGate)
        turn = Turn(config, context.messages, path[-1].id, self._spending.run, gate)
        return ServedTurn(turn, model, self._spending.recorder, self._running)

    def stop(self) -> None:
        """Stop all turns, those that begin later at once; each ends with TurnEnded."""
        self._running.stop()


async def _noted() -> None:
    """A server keeps no journal of what it has sent."""


def merged_params(base: Params, own: Params) -> Params:
    """Return the parameters of a request, with those of the run where it has none. A temperature may be 0."""
    given = {row.name: getattr(own, row.name) for row in fields(own)}
    return replace(base, **{name: value for name, value in given.items() if has_value(value)})


def estimated_tokens(request: Request) -> int:
    """Estimate the tokens of a request."""
    return estimate_messages(request.messages, request.system) + estimate_tools(request.tools)
