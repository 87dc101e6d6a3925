"""Deltas, yielded by providers, and events, yielded by turns.

The engine wraps deltas into events and adds events of its own; every consumer (REPL, one-shot, JSON lines, store,
tests) reads events only. Every event carries the id of its turn. Events are created per token, so they are slotted
and not frozen, which is faster; treat them as immutable.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TypeAlias

from termchat.core.approval import ApprovalRequest, Decision
from termchat.core.errors import Failure
from termchat.core.messages import Citation, Extra, Message, Origin, ToolCall, ToolResult
from termchat.core.models import ModelRef
from termchat.core.outcomes import FinishReason, Outcome
from termchat.core.sanitize import Safe
from termchat.core.usage import CostBasis, Usage
from termchat.late_dataclass import dataclass

# Deltas. `index` numbers the part of the message a piece belongs to; parts are ordered by their first piece.
# A piece may be empty and carry only `provider_data`, opaque data of the part.


@dataclass(slots=True)
class TextDelta:
    """A piece of text; `provisional` while a `TextBecameReasoning` is likely enough to wait for it, in a pipe."""

    index: int
    text: str
    provider_data: Extra = None
    provisional: bool = False


@dataclass(slots=True)
class TextBecameReasoning:
    """The text of part `index` so far was reasoning: its closing tag came without an opening one."""

    index: int


@dataclass(slots=True)
class ReasoningDelta:
    """A piece of reasoning; `redacted` when the vendor does not show its text."""

    index: int
    text: str
    redacted: bool = False
    provider_data: Extra = None


@dataclass(slots=True)
class ToolCallDelta:
    """A piece of a call: `id` and `name` as soon as they are known ("" never overwrites), then argument text.

    `complete` is True when the arguments are complete.
    """

    index: int
    id: str = ""
    name: str = ""
    arguments: str = ""
    complete: bool = False
    provider_data: Extra = None


@dataclass(slots=True)
class SearchDelta:
    """A web search by the vendor; `queries` is empty until the queries are known."""

    index: int
    queries: tuple[str, ...] = ()
    provider_data: Extra = None


@dataclass(slots=True)
class CitationDelta:
    """A source cited in the text part `index`."""

    index: int
    citation: Citation


@dataclass(slots=True)
class UsageDelta:
    """Token counts so far; a later delta replaces an earlier one."""

    usage: Usage


@dataclass(slots=True)
class RequestAccepted:
    """The server has accepted a request, by its status; the deltas that follow are of `origin`'s reply to it.

    prefilled   True when the request ends with a reply to continue, sent without its trailing white space
    """

    origin: Origin
    prefilled: bool = False


@dataclass(slots=True)
class Finished:
    """The end of a reply as reported by the server; a reply without it was cut.

    raw        the vendor's finish reason
    why        the vendor's explanation, "" when there is none
    reply_id   the server's id of the reply, "" when there is none
    """

    reason: FinishReason
    raw: str = ""
    why: str = ""
    reply_id: str = ""


@dataclass(slots=True)
class Retrying:
    """The request failed before any content; attempt `attempt` of `tries` follows after `delay` seconds.

    `tries` is 0 for unlimited attempts: the user has asked to wait until the host answers.
    """

    attempt: int
    tries: int
    delay: float
    failure: Failure


@dataclass(slots=True)
class ProviderNotice:
    """A change the provider made to the request, reported once. `restarted`: another provider answers from now on."""

    words: Safe
    restarted: bool = False


Delta: TypeAlias = (
    TextDelta
    | TextBecameReasoning
    | ReasoningDelta
    | ToolCallDelta
    | SearchDelta
    | CitationDelta
    | UsageDelta
    | RequestAccepted
    | Finished
    | Retrying
    | ProviderNotice
)
CONTENT_DELTAS = (TextDelta, ReasoningDelta, ToolCallDelta, SearchDelta)


@dataclass(slots=True)
class TurnStarted:
    """The first event of a turn."""

    turn_id: str
    model: ModelRef


@dataclass(slots=True)
class StepStarted:
    """A request of the turn is sent; `step` counts from 1, later steps carry tool results."""

    turn_id: str
    step: int


@dataclass(slots=True)
class Streamed:
    """A delta of the reply."""

    turn_id: str
    delta: Delta


@dataclass(frozen=True, slots=True)
class RequestCost:
    """The tokens and cost of one request; None where unknown. `cost` is in US dollars at the time of the request."""

    origin: Origin
    usage: Usage | None
    cost: Decimal | None
    basis: CostBasis = CostBasis.UNKNOWN


@dataclass(slots=True)
class StepCounted:
    """The requests of a step in their order, after its reply has ended.

    The last one is the request that was answered or that failed; those before it were counted by a server, but
    another request followed, to the same model or to a fallback.
    """

    turn_id: str
    requests: tuple[RequestCost, ...]


@dataclass(slots=True)
class ToolStarted:
    """A tool call is taken up: it is judged, perhaps approved, and run.

    `place` is that of the call in the reply, from 0, in all events about calls: some servers use an id twice.
    """

    turn_id: str
    call: ToolCall
    place: int = 0


@dataclass(slots=True)
class ApprovalAsked:
    """A call waits for the answer of a person, which `Turn.answer` takes."""

    turn_id: str
    request: ApprovalRequest
    place: int = 0


@dataclass(slots=True)
class ApprovalAnswered:
    """A question has its answer; None when it was withdrawn because a new rule allows the call."""

    turn_id: str
    request: ApprovalRequest
    decision: Decision | None


@dataclass(slots=True)
class ToolProgress:
    """A piece of what a running call prints; pieces may be dropped, the result has all of it."""

    turn_id: str
    call: ToolCall
    text: str
    place: int = 0


@dataclass(slots=True)
class ToolFinished:
    """A tool call has ended after `seconds`."""

    turn_id: str
    call: ToolCall
    result: ToolResult
    seconds: float
    place: int = 0


@dataclass(slots=True)
class MessageDone:
    """A message has ended, complete or not; its place in the tree is the node `node` below `parent`.

    A user message here was sent in the middle of the turn; the next request carries it.
    """

    turn_id: str
    node: str
    parent: str | None
    message: Message


@dataclass(slots=True)
class Notice:
    """A line for the user."""

    turn_id: str
    words: Safe


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds until the first content of the turn (None without content), and of the whole turn."""

    first: float | None
    total: float
    streaming: float = 0.0  # from the first content of each step to its end, summed up


@dataclass(slots=True)
class TurnEnded:
    """The last event of a turn.

    steps         number of requests
    has_content   False when nothing arrived; then the user's message returns to the input
    cost          US dollars; None when unknown
    saved         US dollars saved by the prompt cache, as far as prices are known
    model         the model that answered last
    about         True when a part of the cost is at the list price of another vendor
    """

    turn_id: str
    outcome: Outcome
    model: ModelRef
    usage: Usage
    cost: Decimal | None
    timing: Timing
    steps: int
    has_content: bool
    finish: FinishReason | None = None
    failure: Failure | None = None
    saved: Decimal = Decimal(0)
    about: bool = False


Event: TypeAlias = (
    TurnStarted
    | StepStarted
    | Streamed
    | StepCounted
    | ToolStarted
    | ApprovalAsked
    | ApprovalAnswered
    | ToolProgress
    | ToolFinished
    | MessageDone
    | Notice
    | TurnEnded
)
