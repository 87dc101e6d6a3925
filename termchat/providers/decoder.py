"""What every decoder is, and the small things they share.

A decoder turns the events of one reply, as plain JSON objects, into deltas. It knows nothing of sockets and of
SDK classes: it looks at names and types of what really came, because servers send unknown, missing, null and
mistyped fields. What is not understood is left out; what says that the reply failed is raised.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterator
from decimal import Decimal, InvalidOperation
from secrets import token_hex
from typing import Any, Protocol, TypeGuard, cast

from termchat.core.events import Delta
from termchat.core.messages import (
    ToolCall,
)


class ServerError(Exception):
    """The server says in its stream, or in a 200, that it failed; `body` is what it said."""

    def __init__(self, body: Any) -> None:
        super().__init__("the server reported an error")
        self.body = body


class Decoder(Protocol):
    """The state of one reply.

    finished   the model said that it is done (a `Finished` delta was given)
    ended      nothing more can come
    """

    finished: bool
    closed: bool

    def decode_event(self, name: str, data: dict[str, Any]) -> Iterator[Delta]:
        """The deltas of one event of the stream. Raises ServerError."""
        ...

    def decode_response(self, data: dict[str, Any]) -> Iterator[Delta]:
        """The deltas of a whole reply, from a server that does not stream. Raises ServerError."""
        ...


class PartNumbers:
    """Gives each part of the reply its number, in the order of their first piece, whatever the vendor calls it."""

    def __init__(self) -> None:
        self._numbers: dict[Hashable, int] = {}
        self._next = 0

    def for_key(self, key: Hashable) -> int:
        if key not in self._numbers:
            self._numbers[key] = self.next()
        return self._numbers[key]

    def next(self) -> int:
        self._next += 1
        return self._next - 1


NewId = Callable[[], str]


def new_call_id() -> str:
    """An id for a call whose server gave none; 29 characters that every protocol takes."""
    return f"call_{token_hex(12)}"


def is_object(value: Any) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)


def as_object(value: Any) -> dict[str, Any]:
    """The value if it is an object, else an empty one."""
    return value if is_object(value) else {}


def as_list(value: Any) -> list[Any]:
    """The value if it is a list, else an empty one."""
    return cast("list[Any]", value) if isinstance(value, list) else []


def as_text(value: Any) -> str:
    """The value if it is a text, else ""."""
    return value if isinstance(value, str) else ""


def as_count(value: Any) -> int:
    """A number of tokens; 0 for anything else. Numeric strings are taken."""
    match value:
        case bool():
            return 0
        case int() | float() if value == value and abs(value) < 1e15:
            return int(value)
        case str() if value.isdigit() and len(value) < 16:
            return int(value)
        case _:
            return 0


def as_cost(value: Any) -> Decimal | None:
    """An amount of money a server reports, None when it is not one."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        amount = Decimal(str(value))
    except InvalidOperation:
        return None
    return amount if amount.is_finite() and amount >= 0 else None


def arguments(call: ToolCall) -> dict[str, Any]:
    """A call's arguments as the object some protocols demand; what cannot be read goes as `_raw`."""
    try:
        value = json.loads(call.arguments or "{}")
    except ValueError:
        return {"_raw": call.arguments}
    return value if is_object(value) else {"_raw": call.arguments}
