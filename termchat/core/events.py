"""Deltas and events: the one stream that everything reads.

A provider says deltas. The engine wraps them into events, adds what it does itself, and every front end (the
REPL, one-shot, JSON lines, the store, the tests) reads those and nothing else. Every event carries its turn's
id. Events are made in great numbers, so they are slotted and not frozen; nobody changes one.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

from termchat.core.errors import Failure
from termchat.core.messages import Citation, Extra, Message, ToolCall, ToolResult
from termchat.core.models import ModelRef
from termchat.core.outcomes import FinishReason, Outcome
from termchat.core.sanitize import Safe
from termchat.core.usage import Usage

# What a provider may say. `index` tells the part a piece belongs to; parts stand in the order of their first
# piece. An empty piece may carry only `extra`: opaque data that belongs to the part.


@dataclass(slots=True)
class TextDelta:
    index: int
    text: str
    provider_data: Extra = None


@dataclass(slots=True)
class ReasoningDelta:
    index: int
    text: str
    redacted: bool = False
    provider_data: Extra = None


@dataclass(slots=True)
class ToolCallDelta:
    """A piece of a call: `id` and `name` as soon as they are known ("" never overwrites), then argument text.

    `done` says that the arguments are whole.
    """

    index: int
    id: str = ""
    name: str = ""
    arguments: str = ""
    complete: bool = False
    provider_data: Extra = None


@dataclass(slots=True)
class SearchDelta:
    """The vendor searches the web; `queries` as soon as they are known."""

    index: int
    queries: tuple[str, ...] = ()
    provider_data: Extra = None


@dataclass(slots=True)
class CitationDelta:
    index: int
    citation: Citation


@dataclass(slots=True)
class UsageDelta:
    """What was used so far; a later one replaces it."""

    usage: Usage


@dataclass(slots=True)
class Finished:
    """The model's own word that it is done: without it a reply is cut.

    raw   the vendor's word for it; `why` its explanation, where it gives one
    """

    reason: FinishReason
    raw: str = ""
    why: str = ""


@dataclass(slots=True)
class Retrying:
    """The request failed before any content; it is sent again after `delay` seconds, as try `attempt` of `tries`.

    `tries` is 0 where there is no end of them: the user has asked to wait until the host answers.
    """

    attempt: int
    tries: int
    delay: float
    failure: Failure


@dataclass(slots=True)
class ProviderNotice:
    """Something the provider had to do differently, told once, in words. `anew`: somebody else is asked from now on."""

    words: Safe
    restarted: bool = False


Delta: TypeAlias = (
    TextDelta
    | ReasoningDelta
    | ToolCallDelta
    | SearchDelta
    | CitationDelta
    | UsageDelta
    | Finished
    | Retrying
    | ProviderNotice
)
CONTENT_DELTAS = (TextDelta, ReasoningDelta, ToolCallDelta, SearchDelta)


@dataclass(slots=True)
class TurnStarted:
    turn_id: str
    model: ModelRef


@dataclass(slots=True)
class StepStarted:
    """One request of the turn leaves; the second and later ones answer tool calls."""

    turn_id: str
    step: int


@dataclass(slots=True)
class Streamed:
    turn_id: str
    delta: Delta


@dataclass(slots=True)
class ToolStarted:
    turn_id: str
    call: ToolCall


@dataclass(slots=True)
class ToolFinished:
    turn_id: str
    call: ToolCall
    result: ToolResult
    seconds: float


@dataclass(slots=True)
class MessageDone:
    """A message is whole, or as whole as it will get; it stands in the tree as `node`, below `parent`.

    One of the user's was said in the middle of the turn: it goes with the request that comes next.
    """

    turn_id: str
    node: str
    parent: str | None
    message: Message


@dataclass(slots=True)
class Notice:
    turn_id: str
    words: Safe


@dataclass(frozen=True, slots=True)
class Timing:
    """Seconds: until the first content of the first step (None if there was none), and of the whole turn."""

    first: float | None
    total: float
    streaming: float = 0.0  # from the first content of each step to its end, added up


@dataclass(slots=True)
class TurnEnded:
    """The last event of a turn.

    received   whether any content came; when not, the user's message goes back to the input
    cost       US dollars; None when unknown
    saved      US dollars that the prompt cache saved, as far as prices are known
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


Event: TypeAlias = TurnStarted | StepStarted | Streamed | ToolStarted | ToolFinished | MessageDone | Notice | TurnEnded
