"""Ports of a running conversation: a session turns a message into a turn, and a turn streams events."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import field
from decimal import Decimal
from typing import Protocol

from termchat.core.approval import ApprovalRequest, Decision
from termchat.core.chat_store import ChatStore, Resumed
from termchat.core.chats import Location
from termchat.core.conversation import ContextMarks, Conversation
from termchat.core.errors import Failure
from termchat.core.events import Event, RequestCost
from termchat.core.messages import Message
from termchat.core.models import ModelRef, Timeouts
from termchat.core.provider import Effort, Params, Tools
from termchat.core.usage import BudgetState, CostBasis, Usage
from termchat.late_dataclass import dataclass


@dataclass(frozen=True, slots=True)
class TurnSettings:
    """The settings of a turn that the user may change during a session.

    max_cost, max_cost_day   limits in US dollars as the settings of these names hold them, "" for none
    unpriced                 True if models without a known price may be used under a limit
    role                     the role in use, if any
    marks                    messages that are left out of requests, or always kept
    fit                      leave out the oldest turns of a chat that does not fit the model
    """

    model: ModelRef
    system: str = ""
    params: Params = field(default_factory=Params)
    timeouts: Timeouts = field(default_factory=Timeouts)
    max_rounds: int = 25
    max_cost: str = ""
    max_cost_day: str = ""
    unpriced: bool = False
    role: ActiveRole | None = None
    marks: ContextMarks = field(default_factory=ContextMarks)
    fit: bool = False


@dataclass(frozen=True, slots=True)
class ActiveRole:
    """A role in use: the settings `before` and `after` it began, and the tools that were offered before.

    Of a chat that was resumed in its role only the name is known.
    """

    name: str
    before: TurnSettings | None = None
    after: TurnSettings | None = None
    tools: tuple[str, ...] = ()


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

    def cancel_call(self, place: int) -> None:
        """Cancel one running tool call, by its place in the reply: its result reports it, and the turn goes on.

        A call that waits for an answer, has ended or is being cancelled ignores it.
        """
        ...

    def steer(self, message: Message | None) -> None:
        """Add a user message to the next request that carries tool results; MessageDone reports it as sent.

        A later call replaces the message, None withdraws it. A message the turn did not send remains the caller's.
        """
        ...

    def so_far(self) -> tuple[Message, ...]:
        """Return the messages of the turn and those before it, with the text of the reply that is being received.

        A question without any text of a reply is left out.
        """
        ...


class Comparison(Protocol):
    """Several turns at once that answer one question; their replies are siblings, and the head does not move."""

    @property
    def offers(self) -> Sequence[Offer]:
        """The offer of each reply, in the order of the models; its node is set once the reply has ended."""
        ...

    def events(self) -> AsyncGenerator[tuple[int, Event], None]:
        """Stream the events of all turns, each with the index of its model, every turn with exactly one TurnEnded.

        Read them once.
        """
        ...

    def cancel(self) -> None:
        """Stop all turns. Received content is kept."""
        ...


@dataclass(frozen=True, slots=True)
class Offer:
    """A reply beside the chat, which `Session.adopt` makes a part of it.

    number     its number, from 1; unique in the chat
    model      the model that was asked
    think      its reasoning effort, None for that of the chat
    node       the node of the reply in the tree, "" for a side question and for no reply
    beside     the head when the side question was asked, None before the first message
    messages   a side question and its reply, which are not in the tree; () for a reply that is
    """

    number: int
    model: ModelRef
    node: str = ""
    beside: str | None = None
    messages: tuple[Message, ...] = ()
    think: Effort | None = None


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


@dataclass(frozen=True, slots=True)
class Rates:
    """The prices of a model, in US dollars per million tokens.

    free    nobody bills the model
    about   the list price of another vendor's model of the same name
    """

    input: Decimal
    output: Decimal
    free: bool = False
    about: bool = False


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

    def switch_model(self, model: ModelRef, think: Effort | None = None) -> None:
        """Use another model from the next turn on, and another reasoning effort unless it is None."""
        ...

    async def switch_cost(self, model: ModelRef) -> SwitchCost | None:
        """Return the cost of going on with another model; None if nothing changes, or the chat has no reply."""
        ...

    async def rates(self, model: ModelRef) -> Rates | None:
        """Return the prices of a model, None if they are unknown."""
        ...

    @property
    def budget(self) -> BudgetState:
        """The limits on spending and the last known figures. Does not open the store."""
        ...

    async def read_budget(self) -> BudgetState:
        """Read what this chat and this day have cost."""
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

    def label(self, node: str, text: str) -> None:
        """Label a node, or remove its label for ""."""
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

    def send(
        self,
        parent: str,
        model: ModelRef | None = None,
        *,
        think: Effort | None = None,
        wait_for_host: bool = False,
        tools: bool = True,
    ) -> Turn:
        """Answer the node `parent`, with the model and the effort of the session or other ones.

        `wait_for_host`: retry without limit while the host is unreachable. `tools`: offer the tools of the session.
        """
        ...

    @property
    def offers(self) -> Sequence[Offer]:
        """The replies beside this chat that `adopt` takes, by number."""
        ...

    def compare(self, question: str, models: Sequence[ModelRef], efforts: Sequence[Effort | None] = ()) -> Comparison:
        """Answer the node `question` with several models at once, without tools.

        `efforts`: the reasoning effort of each model, None for that of the chat; () for that of the chat for all.
        """
        ...

    def ask_aside(self, question: Message, model: ModelRef | None = None, during: Turn | None = None) -> Turn:
        """Answer a question with the context of the chat, but outside of it and without tools.

        Only the usage is recorded. The reply becomes an offer. `during`: a running turn, whose text so far is sent.
        """
        ...

    async def fork_aside(self, model: ModelRef, title: str = "") -> Session | Failure:
        """Copy the chat up to the head into a session of its own, which answers with `model`.

        The caller closes it; its usage counts in the totals of this session, too.
        """
        ...

    def adopt(self, number: int) -> bool:
        """Make an offered reply a part of the chat; return True if the head is now there.

        A reply of a comparison becomes the head. A side question and its reply are added below the turn during or
        after which it was asked, and become the head unless the chat has gone on. Raises KeyError for no such offer.
        """
        ...

    async def close(self) -> Failure | None:
        """Release the chat and write what is pending. The failure names what could not be saved."""
        ...
