"""What of a history may be sent to whom: the part of a wire view that is the same for every protocol.

The stored history is never rewritten; each adapter derives its request from what `sendable` gives, so a
conversation that goes from A to B and back sends A its own data unchanged.

    reasoning, searches and      go back only to the origin that made them
      opaque data
    a call cut in its arguments  does not go
    a call without a result      goes with the result "cancelled by the user"
    a result without its call    does not go
    an odd or repeated id        is replaced by a stable one, in the call and its result alike
    a name no tool can have      is replaced by one like it
    a reply of which nothing is left is not sent
    a message of the user in which there is nothing says so
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import TypeAlias

from termchat.core.messages import (
    Extra,
    File,
    Image,
    Message,
    Origin,
    Part,
    Reasoning,
    Role,
    Search,
    Text,
    ToolCall,
    ToolResult,
)
from termchat.core.sanitize import EMPTY, Safe, repair_surrogates, safe_format, safe_line

CANCELLED_RESULT_TEXT = "cancelled by the user"
EMPTY_MESSAGE_TEXT = "(empty message)"  # what a user's message says that has nothing in it

Check: TypeAlias = Callable[[str], bool]
_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_-]{0,63}")


def valid_tool_name(name: str) -> bool:
    """Whether every protocol takes the name."""
    return _NAME.fullmatch(name) is not None


def prepare_history(
    messages: Iterable[Message], target: Origin, valid_id: Check, valid_name: Check = valid_tool_name
) -> tuple[Message, ...]:
    """The messages fit to be encoded for `target`; `valid_id` and `valid_name` say which call ids and tool names
    its protocol takes.

    In the result every assistant message with calls is followed by exactly one tool message that answers each of
    them in order, and opaque data is only on parts that `target` made itself.
    """
    return tuple(
        _pair_calls_with_results(_merge_continuations(_drop_foreign_parts(messages, target)), valid_id, valid_name)
    )


def strip_provider_data(messages: Iterable[Message]) -> tuple[Message, ...]:
    """The same talk without anything a vendor could find fault with: no reasoning, nothing opaque, all ids new.

    Calls and their results stay together; it is what a refused history is sent again as, once.
    """
    return tuple(replace(message, origin=None, parts=tuple(map(_strip_message, message.parts))) for message in messages)


def _strip_message(part: Part) -> Part:
    match part:
        case Text() | Reasoning() | Search():
            return replace(part, provider_data=None)
        case ToolCall():
            return replace(part, provider_data=None, id=_stable_id(0, 0, part.id))
        case ToolResult():
            return replace(part, call_id=_stable_id(0, 0, part.call_id))
        case Image() | File():
            return part


def model_switch_notice(messages: Sequence[Message], target: Origin) -> Safe:
    """What is said when a conversation goes on with another model; "" when it is the same or nothing was said yet."""
    said = [message for message in messages if message.role is Role.ASSISTANT and message.origin]
    if not said or said[-1].origin == target:
        return EMPTY
    turns = sum(message.role is Role.USER for message in messages[:-1])  # the last one is the new question
    calls = sum(call.complete for message in messages for call in message.calls)
    kept = dict(_has_foreign_reasoning(messages, target))
    words = safe_format(
        "→ {name} · {n} turn{s}", name=safe_line(str(target.ref)), n=safe_line(str(turns)), s=_plural(turns)
    )
    if calls:
        words = safe_format("{words}, {n} tool call{s} carried", words=words, n=safe_line(str(calls)), s=_plural(calls))
    else:
        words = safe_format("{words} carried", words=words)
    if not kept:
        return words
    who = safe_line(", ".join(dict.fromkeys(kept.values())))
    n, s = safe_line(str(len(kept))), _plural(len(kept))
    return safe_format("{words} · reasoning of {n} turn{s} stays with {who}", words=words, n=n, s=s, who=who)


def _has_foreign_reasoning(messages: Sequence[Message], target: Origin) -> Iterator[tuple[int, str]]:
    """The turns, by number, whose reasoning another origin keeps to itself, and the provider of each."""
    turn = 0
    for message in messages:
        turn += message.role is Role.USER
        foreign = message.origin and message.origin != target
        if foreign and any(isinstance(part, Reasoning) for part in message.parts):
            yield turn, message.origin.provider if message.origin else ""


def _plural(count: int) -> Safe:
    return EMPTY if count == 1 else Safe("s")


def _drop_foreign_parts(messages: Iterable[Message], target: Origin) -> Iterator[Message]:
    for message in messages:
        own = message.origin == target
        parts = tuple(part for p in message.parts if (part := _part(p, own)) is not None)
        if message.role is Role.USER and all(isinstance(p, Text) and not p.text.strip() for p in parts):
            parts = (Text(EMPTY_MESSAGE_TEXT),)  # or two replies would stand in a row, or one at the very beginning
        if parts:
            yield replace(message, parts=parts)


def _merge_continuations(messages: Iterable[Message]) -> list[Message]:
    """A reply that its model went on with is one reply again; results that answer nothing do not stand between."""
    row: list[Message] = []
    asked = False
    for message in messages:
        if message.role is Role.TOOL and not asked:
            continue
        if row and not asked and _same_origin(row[-1], message):
            before = row.pop()
            row.append(replace(before, parts=_concat_parts(before.parts, message.parts)))
        else:
            row.append(message)
        asked = asked if message.role is Role.TOOL else bool(row[-1].calls)
    return row


def _same_origin(before: Message, message: Message) -> bool:
    return before.role is message.role is Role.ASSISTANT and before.origin == message.origin


def _concat_parts(said: tuple[Part, ...], more: tuple[Part, ...]) -> tuple[Part, ...]:
    """Parts in a row; words that were one text are one text."""
    match said, more:
        case (*before, Text(provider_data=None) as end), (Text(provider_data=None) as start, *after):
            whole = Text(end.text + start.text, (*end.citations, *start.citations))
            return (*before, whole, *after)
        case _:
            return (*said, *more)


def _part(part: Part, own: bool) -> Part | None:
    match part:
        case Reasoning():
            return part if own and _encodable(part.text, part.provider_data) else None
        case Search():
            return part if own and part.provider_data and _encodable("", part.provider_data) else None
        case ToolCall():
            if not part.complete:
                return None
            return replace(
                part, provider_data=part.provider_data if own else None, arguments=repair_surrogates(part.arguments)
            )
        case Text():
            if not part.text and not (own and part.provider_data):
                return None
            return replace(part, provider_data=part.provider_data if own else None, text=repair_surrogates(part.text))
        case ToolResult():
            return replace(part, parts=tuple(_result_part(p) for p in part.parts))
        case File():
            return replace(part, name=repair_surrogates(part.name))
        case Image():
            return part


def _result_part(part: Text | Image) -> Text | Image:
    return replace(part, text=repair_surrogates(part.text)) if isinstance(part, Text) else part


def _encodable(text: str, extra: Extra) -> bool:
    """Signed thoughts go back as they are or not at all, so half a character in them cannot be replaced."""
    said = text + json.dumps(extra, ensure_ascii=False)
    return repair_surrogates(said) == said


def _pair_calls_with_results(messages: Iterable[Message], valid_id: Check, valid_name: Check) -> Iterator[Message]:
    """Each reply with calls, its ids and names as the target takes them, and one message that answers them all."""
    used: set[str] = set()
    asked: tuple[ToolCall, ...] = ()
    named: tuple[ToolCall, ...] = ()
    results: list[ToolResult] = []
    for n, message in enumerate(messages):
        if message.role is Role.TOOL:
            results += message.results
            continue
        if asked:
            yield _results_message(asked, named, results)
        asked, results = message.calls, []
        parts = [_normalise_call(p, n, at, used, valid_id, valid_name) for at, p in enumerate(message.parts)]
        named = tuple(part for part in parts if isinstance(part, ToolCall))
        yield replace(message, parts=tuple(parts))
    if asked:
        yield _results_message(asked, named, results)


def _normalise_call(part: Part, message: int, at: int, used: set[str], valid_id: Check, valid_name: Check) -> Part:
    """A call by an id that the target takes and that no other call has, and by a name that it takes."""
    if not isinstance(part, ToolCall):
        return part
    call_id = part.id if valid_id(part.id) and part.id not in used else _stable_id(message, at, part.id)
    used.add(call_id)
    return replace(part, id=call_id, name=part.name if valid_name(part.name) else _tool_name(part.name))


def _stable_id(message: int, part: int, call_id: str) -> str:
    """29 characters of `[a-z0-9_]`, which every protocol takes."""
    return "call_" + sha256(f"{message}:{part}:{call_id}".encode("utf-8", "replace")).hexdigest()[:24]


def _tool_name(name: str) -> str:
    """A name that a model made up, in letters every protocol takes."""
    name = re.sub(r"[^a-zA-Z0-9_-]", "_", name)
    return (name if name[:1].isalpha() or name.startswith("_") else f"_{name}")[:64]


def _results_message(asked: tuple[ToolCall, ...], named: tuple[ToolCall, ...], results: list[ToolResult]) -> Message:
    """The results of the calls as they were `asked`, by their new ids; calls of the same id have theirs in order."""
    left = list(results)
    answers: list[ToolResult] = []
    for call, new in zip(asked, named, strict=True):
        found = next((result for result in left if result.call_id == call.id), None)
        if found is None:
            found = ToolResult(call.id, call.name, (Text(CANCELLED_RESULT_TEXT),), is_error=True)
        else:
            left.remove(found)
        answers.append(replace(found, call_id=new.id, name=new.name))
    return Message(Role.TOOL, tuple(answers))
