"""The port of a decoder, and lenient accessors for JSON.

A decoder turns the events of one reply, as parsed JSON objects, into deltas. It uses no classes of an SDK, because
servers send unknown, missing, null and mistyped fields. Unknown content is skipped; an error event is raised as
`ServerError`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterator
from decimal import Decimal, InvalidOperation
from secrets import token_hex
from typing import Any, Protocol, TypeGuard, cast

from termchat.core.events import Delta, Finished, ProviderNotice
from termchat.core.messages import (
    ToolCall,
)
from termchat.core.outcomes import FinishReason
from termchat.core.sanitize import safe, safe_format, safe_line
from termchat.providers.catalog.finish_words import finish_reason


class ServerError(Exception):
    """An error that a server reports inside a stream, or in a response with status 200; `body` is its JSON."""

    def __init__(self, body: Any) -> None:
        super().__init__("the server reported an error")
        self.body = body


class Decoder(Protocol):
    """Decodes one reply and holds its state.

    closed   True when no more events can follow
    """

    closed: bool

    @property
    def finished(self) -> bool:
        """True once the server has told the end of the reply, and no content came after it."""
        ...

    @property
    def grace(self) -> float:
        """Seconds in which events may still follow the finish word."""
        ...

    def decode_event(self, name: str, data: dict[str, Any]) -> Iterator[Delta]:
        """Yield the deltas of one event. `name` is the `event:` field, "" without one. Raises ServerError."""
        ...

    def decode_response(self, data: dict[str, Any]) -> Iterator[Delta]:
        """Yield the deltas of a complete reply from a server that does not stream. Raises ServerError."""
        ...

    def end(self) -> Iterator[Delta]:
        """Yield the last deltas at the end of the body, `Finished` among them if there was a finish word."""
        ...

    def held(self) -> Iterator[Delta]:
        """Yield what was held back of a reply that stops in the middle: text that might have become something else."""
        ...


class HeldFinish:
    """Holds the finish word of a reply until the body ends, because content may follow it.

    Servers send a finish word with every chunk, with the first, or after each tool call. Once content has followed a
    finish word, only the end of the body ends the reply.
    """

    def __init__(self) -> None:
        self.closed = False
        self._word = self._why = self._reply_id = ""
        self._reason: FinishReason | None = None
        self._has_content = False
        self._is_early = False  # content followed a finish word
        self._ended = False
        self._grace = _GRACE

    @property
    def finished(self) -> bool:
        return self._ended or (self._reason is not None and not self._is_early)

    @property
    def grace(self) -> float:
        return self._grace

    def end(self) -> Iterator[Delta]:
        if self._ended:
            return
        if self._reason is None:
            yield from self.held()
            return
        self._ended = True
        yield from self._last_deltas(self._reason)
        yield Finished(self._final_reason(self._reason), self._word, self._why, self._reply_id)

    def held(self) -> Iterator[Delta]:
        yield from ()

    def _last_deltas(self, reason: FinishReason) -> Iterator[Delta]:
        """Yield the deltas before `Finished`."""
        yield from ()

    def _final_reason(self, reason: FinishReason) -> FinishReason:
        """Return the reason in the light of the content."""
        return reason

    def _note_content(self) -> None:
        """Note a piece of content."""
        self._has_content = True
        self._is_early = self._reason is not None

    def _note_finish(self, word: str, why: str = "", reason: FinishReason | None = None, *, alone: bool = True) -> None:
        """Note a finish word; `alone` unless content came with it. A good end does not replace another one."""
        self._grace = _GRACE if alone and self._has_content else _LONG_GRACE
        found = reason or finish_reason(word)
        if self._reason not in (None, *_GOOD) and found in _GOOD:
            return
        self._word, self._why, self._reason = word, why, found


_GRACE = 1.0  # seconds: some servers send the usage after the end of the reply
_LONG_GRACE = 5.0  # after a finish word before or with content, which may be one of many
_GOOD = (FinishReason.STOP, FinishReason.TOOL_CALLS)


class MergedUsage:
    """The counts of a reply, from several reports: a missing or null field keeps its value, zeros replace nothing."""

    def __init__(self) -> None:
        self._fields: dict[str, Any] = {}

    def add(self, report: dict[str, Any]) -> dict[str, Any]:
        """Return the merged report."""
        if any(as_count(value) for value in report.values()) or not self._fields:
            self._fields.update((name, value) for name, value in report.items() if value is not None)
        return self._fields


def output_tokens(output: int, reasoning: int, sent: int, total: int) -> int:
    """Return the output tokens including `reasoning`, which some servers count beside `output`: the total tells."""
    return output + reasoning if reasoning and total >= sent + output + reasoning else output


class PartNumbers:
    """Numbers the parts of a reply from 0, in the order in which they begin, for any kind of vendor key."""

    def __init__(self) -> None:
        self._numbers: dict[Hashable, int] = {}
        self._next = 0

    def for_key(self, key: Hashable) -> int:
        """Return the number of the part with this key; a new key gets the next number."""
        if key not in self._numbers:
            self._numbers[key] = self.next()
        return self._numbers[key]

    def next(self) -> int:
        """Return the number of a new part without a key."""
        self._next += 1
        return self._next - 1


NewId = Callable[[], str]
_MAX_COST = 1_000_000  # US dollars of a reply; more is a mistake, and 1e999999 cannot be added up


def new_call_id() -> str:
    """Return a random id for a call without one: 29 characters, valid in every protocol."""
    return f"call_{token_hex(12)}"


def is_object(value: Any) -> TypeGuard[dict[str, Any]]:
    """Return True if a JSON value is an object."""
    return isinstance(value, dict)


def as_object(value: Any) -> dict[str, Any]:
    """Return the value if it is an object, else {}."""
    return value if is_object(value) else {}


def as_list(value: Any) -> list[Any]:
    """Return the value if it is a list, else []."""
    return cast("list[Any]", value) if isinstance(value, list) else []


def as_text(value: Any) -> str:
    """Return the value if it is a string, else ""."""
    return value if isinstance(value, str) else ""


def as_count(value: Any) -> int:
    """Return the value as a number of tokens, 0 for any other value, such as a negative one: a price times it would be
    money that a budget gets back. A string of digits counts as a number.
    """
    match value:
        case bool():
            return 0
        case int() | float() if 0 <= value < 1e15:
            return int(value)
        case str() if value.isdecimal() and len(value) < 16:
            return int(value)
        case _:
            return 0


def as_cost(value: Any) -> Decimal | None:
    """Return a cost in US dollars that a server reports, None unless it is a number from 0 to a million."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and 0 <= amount <= _MAX_COST else None


def as_tier(value: Any) -> str:
    """Return a service tier or speed that a server reports in lower case, "" for any other value."""
    return as_text(value).lower().removeprefix("service_tier_")[:40]


def unsupported_part(media_type: str) -> ProviderNotice:
    """Return the notice about a part of a reply that a terminal cannot show: a picture, or sound."""
    kind = safe_line(media_type[:40]) or safe("unknown type")
    return ProviderNotice(safe_format("The reply has a file ({kind}), which termchat does not keep.", kind=kind))


def arguments_object(call: ToolCall) -> dict[str, Any]:
    """Return the arguments of a call as an object, {"_raw": text} unless they are the JSON of one."""
    try:
        value = json.loads(call.arguments or "{}")
    except ValueError:
        return {"_raw": call.arguments}
    return value if is_object(value) else {"_raw": call.arguments}
