"""A conversation in use: it takes messages, has them answered, and keeps the tree."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, replace
from uuid import uuid4

from termchat.core.conversation import Conversation, Node
from termchat.core.events import Event, MessageDone, TurnEnded
from termchat.core.messages import Message
from termchat.core.models import ModelRef
from termchat.core.ports import Totals
from termchat.core.usage import Usage, add_costs
from termchat.engine.turn import Plan, Turn


class Session:
    """The engine's side of `core.ports.Session`: every turn's events pass here on their way to the front end."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._totals: dict[ModelRef, Totals] = {}
        self.conversation = Conversation()

    @property
    def model(self) -> ModelRef:
        return self._plan.model

    @property
    def system(self) -> str:
        return self._plan.system

    @property
    def totals(self) -> Mapping[ModelRef, Totals]:
        return self._totals

    def use(self, model: ModelRef) -> None:
        self._plan = replace(self._plan, model=model)

    def move(self, head: str | None) -> None:
        self.conversation = self.conversation.move(head)

    def new(self) -> None:
        self.conversation = Conversation()

    def add(self, message: Message, parent: str | None) -> str:
        node = Node(uuid4().hex, parent, message)
        self.conversation = self.conversation.add(node)
        return node.id

    def send(self, parent: str, model: ModelRef | None = None) -> SessionTurn:
        plan = replace(self._plan, model=model) if model else self._plan
        return SessionTurn(Turn(plan, self.conversation.history(parent), parent), self, parent)

    def keep(self, event: Event, question: str) -> None:
        """Fold one event of a turn into the tree and the totals; `question` is the node the turn answers."""
        match event:
            case MessageDone():
                self.conversation = self.conversation.add(Node(event.node, event.parent, event.message))
            case TurnEnded():
                if not event.received and self.conversation.head == question:
                    self.move(self.conversation.nodes[question].parent)
                self._count(event)
            case _:
                pass

    def _count(self, event: TurnEnded) -> None:
        so_far = self._totals.get(event.model, Totals())
        spent = event.usage != Usage()
        cost = add_costs(so_far.cost, event.cost) if spent else so_far.cost
        self._totals[event.model] = Totals(so_far.turns + 1, so_far.usage + event.usage, cost)


@dataclass(frozen=True, slots=True)
class SessionTurn:
    """A turn whose events are kept by its session as they pass."""

    turn: Turn
    session: Session
    question: str

    @property
    def id(self) -> str:
        return self.turn.id

    def cancel(self) -> None:
        self.turn.cancel()

    async def events(self) -> AsyncGenerator[Event, None]:
        async with aclosing(self.turn.events()) as events:
            async for event in events:
                self.session.keep(event, self.question)
                yield event
