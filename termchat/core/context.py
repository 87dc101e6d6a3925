"""What of a history may be sent to whom: the part of a wire view that is the same for every protocol.

The stored history is never rewritten; each adapter derives its request from what `sendable` gives, so a
conversation that goes from A to B and back sends A its own data unchanged.

    reasoning and opaque data    go back only to the origin that made them
    a call cut in its arguments  does not go
    a call without a result      goes with the result "cancelled by the user"
    a result without its call    does not go
    an odd or repeated id        is replaced by a stable one, in the call and its result alike
    a reply of which nothing is left is not sent
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from hashlib import sha256

from termchat.core.messages import (
    Author,
    File,
    Image,
    Message,
    Origin,
    Part,
    Reasoning,
    Text,
    ToolCall,
    ToolResult,
)
from termchat.core.sanitize import well_formed

CANCELLED = "cancelled by the user"


def sendable(messages: Iterable[Message], target: Origin, valid_id: Callable[[str], bool]) -> tuple[Message, ...]:
    """The messages fit to be encoded for `target`; `valid_id` says which call ids its protocol takes.

    In the result every assistant message with calls is followed by exactly one tool message that answers each of
    them in order, and opaque data is only on parts that `target` made itself.
    """
    return tuple(_answered(_renamed(_carried(messages, target), valid_id)))


def _carried(messages: Iterable[Message], target: Origin) -> Iterator[Message]:
    for message in messages:
        own = message.origin == target
        parts = tuple(part for p in message.parts if (part := _part(p, own)) is not None)
        if parts:
            yield replace(message, parts=parts)


def _part(part: Part, own: bool) -> Part | None:
    match part:
        case Reasoning():
            return part if own else None
        case ToolCall():
            if not part.whole:
                return None
            return replace(part, extra=part.extra if own else None, arguments=well_formed(part.arguments))
        case Text():
            if not part.text and not (own and part.extra):
                return None
            return replace(part, extra=part.extra if own else None, text=well_formed(part.text))
        case ToolResult():
            return replace(part, parts=tuple(_result_part(p) for p in part.parts))
        case Image() | File():
            return part


def _result_part(part: Text | Image) -> Text | Image:
    return replace(part, text=well_formed(part.text)) if isinstance(part, Text) else part


def _renamed(messages: Iterable[Message], valid: Callable[[str], bool]) -> Iterator[Message]:
    """Ids the target refuses, and ids that a server used twice, replaced; a result follows its nearest call."""
    names: dict[str, str] = {}
    used: set[str] = set()
    for n, message in enumerate(messages):
        parts: list[Part] = []
        for part in message.parts:
            if isinstance(part, ToolCall):
                name = part.id if valid(part.id) and part.id not in used else _stable(n, len(parts), part.id)
                used.add(name)
                names[part.id] = name
                parts.append(replace(part, id=name))
            elif isinstance(part, ToolResult):
                parts.append(replace(part, call_id=names.get(part.call_id, part.call_id)))
            else:
                parts.append(part)
        yield replace(message, parts=tuple(parts))


def _stable(message: int, part: int, call_id: str) -> str:
    """29 characters of `[a-z0-9_]`, which every protocol takes."""
    return "call_" + sha256(f"{message}:{part}:{call_id}".encode()).hexdigest()[:24]


def _answered(messages: Iterable[Message]) -> Iterator[Message]:
    """Each reply with calls followed by one message that answers them all; other results are dropped."""
    pending: tuple[ToolCall, ...] = ()
    results: dict[str, ToolResult] = {}
    for message in messages:
        if message.author is Author.TOOL:
            results.update((r.call_id, r) for r in message.results)
            continue
        if pending:
            yield _answers(pending, results)
        pending, results = message.calls, {}
        yield message
    if pending:
        yield _answers(pending, results)


def _answers(calls: tuple[ToolCall, ...], results: dict[str, ToolResult]) -> Message:
    return Message(
        Author.TOOL,
        tuple(
            results.get(call.id) or ToolResult(call.id, call.name, (Text(CANCELLED),), is_error=True) for call in calls
        ),
    )
