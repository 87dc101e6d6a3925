"""Prepare a history for its target model: the part of request building that is the same for every protocol.

The stored history is never rewritten; each protocol encodes what `prepare_history` returns, so a conversation that
switches from model A to B and back sends A its own data unchanged.

    reasoning, searches and        are sent only to the origin that made them
      provider data
    a call with cut arguments      is dropped
    a call without a result        gets the result "cancelled by the user"
    a result without its call      is dropped
    an invalid or repeated id      is replaced by a stable one, in the call and in its result
    an invalid tool name           is replaced by a similar valid one
    a part of another role         is dropped
    a reply without parts left     is dropped
    an empty user message          becomes "(empty message)"
    an attachment                  is sent as picture, PDF or text, else as a note
    a reply that comes first       follows the message "(no message)"
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
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
    attached_text,
    user_message,
)
from termchat.core.models import ApiProtocol
from termchat.core.sanitize import EMPTY, Safe, repair_surrogates, safe_format, safe_line

CANCELLED_RESULT_TEXT = "cancelled by the user"
FIRST_MESSAGE_TEXT = "(no message)"  # sent before a reply that begins a chat, which servers refuse
EMPTY_MESSAGE_TEXT = "(empty message)"  # sent for an empty user message, which servers refuse

Check: TypeAlias = Callable[[str], bool]
_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789"
_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_-]{0,63}")


_FETCHED = ("https://", "http://", "data:image/")  # addresses of images that vendors read
# Types of files that a vendor takes; `providers/catalog/attachments.toml` says which one.
_PICTURES = {"image/jpeg": "image/jpeg", "image/jpg": "image/jpeg"} | {
    mime: mime for mime in ("image/png", "image/gif", "image/webp", "image/heic", "image/heif")
}
_AUDIO = ("audio/wav", "audio/mpeg", "audio/aiff", "audio/aac", "audio/ogg", "audio/flac")
_DOCUMENTS = ("application/pdf", *_AUDIO)
_TEXTS = frozenset(
    "application/" + name
    for name in (
        *("json", "json5", "jsonl", "x-ndjson", "xml", "yaml", "x-yaml", "toml", "csv", "sql", "graphql", "rtf"),
        *("javascript", "x-javascript", "typescript", "ecmascript", "x-sh", "x-shellscript", "x-python", "x-tex"),
    )
)
_PARTS_OF_ROLE: Mapping[Role, tuple[type[Part], ...]] = {
    Role.USER: (Text, Image, File),
    Role.ASSISTANT: (Text, Reasoning, Search, ToolCall, Image, File),
    Role.TOOL: (ToolResult,),
}
_UNKNOWN = ("", "application/octet-stream", "binary/octet-stream")


def valid_tool_name(name: str) -> bool:
    """Return True if every protocol accepts the name."""
    return _NAME.fullmatch(name) is not None


def prepare_history(
    messages: Iterable[Message], target: Origin, valid_id: Check, valid_name: Check = valid_tool_name
) -> tuple[Message, ...]:
    """Return the messages ready to be encoded for `target`.

    `valid_id` and `valid_name` check call ids and tool names against the rules of its protocol. In the result every
    assistant message with calls is followed by exactly one tool message with their results in order, and only parts
    made by `target` carry provider data.
    """
    merged = _merge_continuations(_drop_foreign_parts(messages, target))
    if merged and merged[0].role is Role.ASSISTANT:
        merged.insert(0, user_message(FIRST_MESSAGE_TEXT))
    return tuple(_pair_calls_with_results(merged, valid_id, valid_name))


def strip_provider_data(messages: Iterable[Message]) -> tuple[Message, ...]:
    """Return the messages without provider data and reasoning, and with new call ids.

    Used to resend a history that the server rejected. Calls stay paired with their results.
    """
    return tuple(replace(message, origin=None, parts=tuple(map(_strip_part, message.parts))) for message in messages)


def _strip_part(part: Part) -> Part:
    match part:
        case Text() | Reasoning() | Search():
            return replace(part, provider_data=None)
        case ToolCall():
            return replace(part, provider_data=None, id=_stable_id(0, 0, part.id))
        case ToolResult():
            return replace(part, call_id=_stable_id(0, 0, part.call_id))
        case Image() | File():
            return part


def sendable(part: Image | File, role: Role) -> Text | Image | File:
    """Return an attachment as it can be sent in a message of this role."""
    name = part.name or ("image" if isinstance(part, Image) else "file")
    if role is Role.ASSISTANT:
        return Text(f"[{name}, an attachment of this reply]")
    mime = part.mime.partition(";")[0].strip().lower()
    if isinstance(part, Image) and part.url and not part.url.lower().startswith(_FETCHED):
        part = replace(part, url="")  # an imported chat may have any text there
    if isinstance(part, Image) and part.url and not part.data:
        return part
    if part.data and isinstance(part, Image) and mime in _PICTURES:
        return part if part.mime == _PICTURES[mime] else replace(part, mime=_PICTURES[mime])
    if part.data and isinstance(part, File) and mime in _DOCUMENTS:
        return part if part.mime == mime else replace(part, mime=mime)
    if part.data and isinstance(part, File) and mime in _PICTURES:
        return Image(_PICTURES[mime], part.data, name=part.name)
    text = _text_of(mime, part.data)
    return attached_text(name, text) if text is not None else Text(f"[{name}, a file of type {mime or 'unknown'}]")


def _text_of(mime: str, data: bytes) -> str | None:
    """Return the text of a file, None for a binary one. A file of unknown type is text if it is UTF-8."""
    if not data:
        return None
    is_text = mime.startswith("text/") or mime in _TEXTS or mime.endswith(("+json", "+xml", "+yaml"))
    if not is_text and (mime not in _UNKNOWN or b"\0" in data):
        return None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("utf-8", "replace") if is_text else None


def model_switch_notice(messages: Sequence[Message], target: Origin) -> Safe:
    """Return the notice of a model switch; "" for the same origin or a conversation without replies."""
    replies = [message for message in messages if message.role is Role.ASSISTANT and message.origin]
    if not replies or replies[-1].origin == target:
        return EMPTY
    turns = sum(message.role is Role.USER for message in messages[:-1])  # the last one is the new question
    calls = sum(call.complete for message in messages for call in message.calls)
    foreign = dict(_turns_with_foreign_reasoning(messages, target))
    words = safe_format(
        "→ {name} · {n} turn{s}", name=safe_line(str(target.ref)), n=safe_line(str(turns)), s=_plural(turns)
    )
    if calls:
        words = safe_format("{words}, {n} tool call{s} carried", words=words, n=safe_line(str(calls)), s=_plural(calls))
    else:
        words = safe_format("{words} carried", words=words)
    if not foreign:
        return words
    who = safe_line(", ".join(dict.fromkeys(foreign.values())))
    n, s = safe_line(str(len(foreign))), _plural(len(foreign))
    return safe_format("{words} · reasoning of {n} turn{s} from {who} left out", words=words, n=n, s=s, who=who)


def _turns_with_foreign_reasoning(messages: Sequence[Message], target: Origin) -> Iterator[tuple[int, str]]:
    """Yield number and provider of each turn with reasoning that only another origin can read."""
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
        pictures = own and target.protocol is ApiProtocol.GEMINI  # the only one that takes back the pictures it made
        parts = tuple(part for p in message.parts if (part := _part(p, message.role, own, pictures)) is not None)
        if message.role is Role.USER and all(isinstance(p, Text) and not p.text.strip() for p in parts):
            parts = (Text(EMPTY_MESSAGE_TEXT),)  # else two replies would follow each other, or one would come first
        if parts:
            yield replace(message, parts=parts)


def _merge_continuations(messages: Iterable[Message]) -> list[Message]:
    """Merge a continued reply with its continuation, and drop tool results without a call."""
    row: list[Message] = []
    open_calls = False
    for message in messages:
        if message.role is Role.TOOL and not open_calls:
            continue
        if row and not open_calls and _same_origin(row[-1], message):
            before = row.pop()
            row.append(replace(before, parts=_concat_parts(before.parts, message.parts)))
        else:
            row.append(message)
        open_calls = open_calls if message.role is Role.TOOL else bool(row[-1].calls)
    return row


def _same_origin(before: Message, message: Message) -> bool:
    return before.role is message.role is Role.ASSISTANT and before.origin == message.origin


def _concat_parts(first: tuple[Part, ...], more: tuple[Part, ...]) -> tuple[Part, ...]:
    """Concatenate parts; two adjacent texts without provider data become one."""
    match first, more:
        case (*before, Text(provider_data=None) as end), (Text(provider_data=None) as start, *after):
            whole = Text(end.text + start.text, (*end.citations, *start.citations))
            return (*before, whole, *after)
        case _:
            return (*first, *more)


def _part(part: Part, role: Role, own: bool, pictures: bool) -> Part | None:
    if not isinstance(part, _PARTS_OF_ROLE[role]):
        return None  # an imported chat may hold any part in any message
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
        case Image() if pictures and role is Role.ASSISTANT:
            return part
        case Image() | File():
            return sendable(replace(part, name=repair_surrogates(part.name)), role)


def _result_part(part: Text | Image) -> Text | Image:
    if isinstance(part, Text):
        return replace(part, text=repair_surrogates(part.text))
    sent = sendable(part, Role.TOOL)
    return Text("[a file of unknown type]") if isinstance(sent, File) else sent


def _encodable(text: str, extra: Extra) -> bool:
    """Return True for text and data without lone surrogates: signed reasoning is sent unchanged or not at all."""
    encoded = text + json.dumps(extra, ensure_ascii=False)
    return repair_surrogates(encoded) == encoded


def _pair_calls_with_results(messages: Iterable[Message], valid_id: Check, valid_name: Check) -> Iterator[Message]:
    """Normalise each reply with calls, and put one message with all their results after it."""
    used: set[str] = set()
    calls: tuple[ToolCall, ...] = ()
    named: tuple[ToolCall, ...] = ()
    results: list[ToolResult] = []
    for n, message in enumerate(messages):
        if message.role is Role.TOOL:
            results += message.results
            continue
        if calls:
            yield _results_message(calls, named, results)
        calls, results = message.calls, []
        parts = [_normalise_call(p, n, at, used, valid_id, valid_name) for at, p in enumerate(message.parts)]
        named = tuple(part for part in parts if isinstance(part, ToolCall))
        yield replace(message, parts=tuple(parts))
    if calls:
        yield _results_message(calls, named, results)


def _normalise_call(part: Part, message: int, at: int, used: set[str], valid_id: Check, valid_name: Check) -> Part:
    """Give a call a valid and unique id, and a valid name."""
    if not isinstance(part, ToolCall):
        return part
    call_id = part.id if valid_id(part.id) and part.id not in used else _stable_id(message, at, part.id)
    used.add(call_id)
    return replace(part, id=call_id, name=part.name if valid_name(part.name) else _tool_name(part.name))


def _stable_id(message: int, part: int, call_id: str) -> str:
    """Return nine letters and digits, which every server accepts; Mistral's accepts no other form."""
    digest = sha256(f"{message}:{part}:{call_id}".encode("utf-8", "replace")).digest()
    return "".join(_LETTERS[byte % len(_LETTERS)] for byte in digest[:9])


def _tool_name(name: str) -> str:
    """Replace the characters of a name that not every protocol accepts."""
    name = re.sub(r"[^a-zA-Z0-9_-]", "_", name)
    return (name if name[:1].isalpha() or name.startswith("_") else f"_{name}")[:64]


def _results_message(calls: tuple[ToolCall, ...], named: tuple[ToolCall, ...], results: list[ToolResult]) -> Message:
    """Build the message with the results of `calls` under the ids of `named`; equal ids match in order."""
    left = list(results)
    answers: list[ToolResult] = []
    for call, new in zip(calls, named, strict=True):
        found = next((result for result in left if result.call_id == call.id), None)
        if found is None:
            found = ToolResult(call.id, call.name, (Text(CANCELLED_RESULT_TEXT),), is_error=True)
        else:
            left.remove(found)
        answers.append(replace(found, call_id=new.id, name=new.name))
    return Message(Role.TOOL, tuple(answers))
