"""Encode messages as JSON and decode them, without loss.

Each message is one JSON object with a version. `encode` returns bytes beside the text, named by their SHA-256, so that
an attachment is stored once; with `inline` the bytes stay inside as base64, for self-contained files. Lone surrogates
become U+FFFD, because UTF-8 cannot encode them.

Provider data is any JSON; bytes and numbers outside JSON are wrapped as `{"$bytes": base64}` and
`{"$float": "nan"}`, and an object that contains such a key as `{"$object": ...}`.
"""

from __future__ import annotations

import json
import math
from base64 import b64decode, b64encode
from binascii import Error as BadBase64
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from typing import Any, TypeAlias, TypeVar, cast

from termchat.core.messages import (
    Citation,
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
    ToolStatus,
)
from termchat.core.models import ApiProtocol
from termchat.core.outcomes import Outcome
from termchat.core.sanitize import repair_surrogates
from termchat.core.usage import Usage
from termchat.late_dataclass import dataclass
from termchat.store import json_fields
from termchat.store.json_fields import InvalidRecord, Raw

VERSION = 1
_E = TypeVar("_E", Role, Outcome)
LoadBlob: TypeAlias = Callable[[str], bytes]
_WRAPPERS = ("$bytes", "$float", "$object")
_dump = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode
_dump_ascii = json.JSONEncoder(separators=(",", ":"), allow_nan=False).encode
_read = json.JSONDecoder().raw_decode  # without the search for blanks around it, which is a third of `json.loads`
_PLAIN = '{"v":1,"author":"user","parts":[{"type":"text","text":"'  # the usual question
_escape = json.encoder.encode_basestring_ascii
_EMPTY_TEXT = '"text":""'  # of a part, before any text of others
_ROLES = {role.value: role for role in Role}
_COUNTS = dict.fromkeys(("input", "output", "cached", "cache_write", "reasoning")).keys()
_THREE_WORDS, _FIVE_NUMBERS = [str] * 3, [int] * 5  # types of an origin and of a usage
_OUTCOMES = {outcome.value: outcome for outcome in Outcome}


@dataclass(frozen=True, slots=True)
class Encoded:
    """A message as JSON text, and its attachments by their hash."""

    text: str
    blobs: Mapping[str, bytes]


def encode_message(message: Message, *, inline: bool = False) -> Encoded:
    """Encode a message for the store."""
    blobs: dict[str, bytes] = {}
    return Encoded(dump(to_dict(message, None if inline else blobs)), blobs)


def encode_partial(message: Message, blocks: Sequence[Sequence[bytes]] = ()) -> str:
    """Encode a message for a while: in ASCII, which takes a quarter of the memory of a text with an emoji.

    blocks   for each part the UTF-8 of its text, which is "" in the message; surrogates in it are repaired
    """
    raw = to_dict(message)
    if not any(blocks):
        return _dump_ascii(raw)
    raw["parts"] = []
    pieces = [_dump_ascii(raw).removesuffix("]}")]
    for n, (part, text) in enumerate(zip(message.parts, blocks, strict=True)):
        begin, empty, end = _dump_ascii(_part_to_dict(part, None)).partition(_EMPTY_TEXT if text else "\0")
        pieces += ("," if n else "", begin, empty[:-1], *_escaped(text), empty[-1:], end)
    pieces.append("]}")
    return "".join(pieces)


def _escaped(blocks: Sequence[bytes]) -> list[str]:
    """Return UTF-8 as the inside of JSON texts in ASCII, block by block: none is as long as the whole."""
    try:
        return [_escape(block.decode())[1:-1] for block in blocks]
    except UnicodeDecodeError:
        return [_escape(repair_surrogates(b"".join(blocks).decode("utf-8", "surrogatepass")))[1:-1]]


def decode_message(text: str, blobs: LoadBlob) -> Message:
    """Decode a message; `blobs` returns bytes by their hash, or raises KeyError for lost ones.

    Raises InvalidRecord.
    """
    if text.startswith(_PLAIN) and (found := _plain_text(text)) is not None:
        return Message(Role.USER, (Text(found),))
    try:
        raw, end = _read(text) if text.startswith("{") else (None, -1)
        if end != len(text):
            raw = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidRecord("not JSON") from error
    return from_dict(raw, blobs)


def _plain_text(text: str) -> str | None:
    """Return the text of a message that begins as `_PLAIN` if nothing follows its text, None otherwise."""
    try:
        found, end = _read(text, len(_PLAIN) - 1)
    except ValueError:
        return None
    return found if text.endswith("}]}") and end == len(text) - 3 else None


def dump(value: object) -> str:
    """Return JSON on one line, in valid UTF-8."""
    return repair_surrogates(_dump(value))


def missing_blob(_hash: str) -> bytes:
    """Raise KeyError: the `blobs` of records without attachments."""
    raise KeyError(_hash)


def to_dict(message: Message, blobs: dict[str, bytes] | None = None) -> dict[str, Any]:
    """Convert a message to a JSON object; bytes go to `blobs`, or inline as base64 if `blobs` is None."""
    raw: dict[str, Any] = {"v": VERSION, "author": message.role.value}
    if message.origin:
        raw["origin"] = [message.origin.provider, message.origin.protocol.value, message.origin.model]
    if message.outcome:
        raw["outcome"] = message.outcome.value
    if message.usage:
        raw["usage"] = _usage_to_dict(message.usage)
    if message.reply_id:
        raw["reply_id"] = message.reply_id
    raw["parts"] = [_part_to_dict(part, blobs) for part in message.parts]
    return raw


def from_dict(value: object, blobs: LoadBlob = missing_blob) -> Message:
    """Convert a JSON object to a message. Raises InvalidRecord."""
    raw = json_fields.record(value)
    if raw.get("v") != VERSION:
        raise InvalidRecord("unknown version")
    try:
        return Message(
            _enum(_ROLES, raw, "author"),
            tuple([_part_from_dict(json_fields.record(part), blobs) for part in json_fields.items(raw, "parts")]),
            _origin(raw["origin"]) if "origin" in raw else None,
            _enum(_OUTCOMES, raw, "outcome") if "outcome" in raw else None,
            _usage(json_fields.record(raw["usage"])) if "usage" in raw else None,
            json_fields.text(raw, "reply_id", "") if "reply_id" in raw else "",
        )
    except InvalidRecord:
        raise
    except (ValueError, RecursionError) as error:
        raise InvalidRecord(f"{error}"[:100]) from error


def _enum(members: Mapping[str, _E], raw: Raw, key: str) -> _E:
    """Return the member that a field names."""
    name = raw.get(key)
    if not isinstance(name, str) or name not in members:
        raise InvalidRecord(f"unknown {key}")
    return members[name]


def _part_to_dict(part: Part, blobs: dict[str, bytes] | None) -> dict[str, Any]:
    match part:
        case Text():
            raw = {"type": "text", "text": part.text, **_opaque(part.provider_data)}
            if part.citations:
                raw["citations"] = [[citation.url, citation.title] for citation in part.citations]
            return raw
        case Reasoning():
            raw = {"type": "reasoning", "text": part.text, **_opaque(part.provider_data)}
            return {**raw, "redacted": True} if part.redacted else raw
        case Search():
            return {"type": "search", "queries": list(part.queries), **_opaque(part.provider_data)}
        case ToolCall():
            raw = {"type": "call", "id": part.id, "name": part.name, "arguments": part.arguments}
            return {**raw, "whole": part.complete, **_opaque(part.provider_data)}
        case ToolResult():
            parts = [_part_to_dict(inner, blobs) for inner in part.parts]
            raw = {"type": "result", "id": part.call_id, "name": part.name, "error": part.is_error, "parts": parts}
            if part.status:
                raw["status"] = part.status.value
            if part.edited:
                raw["edited"] = part.edited
            return raw
        case Image():
            raw = {"type": "image", "mime": part.mime, "url": part.url, **_bytes_to_raw(part.data, blobs)}
            return {**raw, "name": part.name} if part.name else raw
        case File():
            return {"type": "file", "name": part.name, "mime": part.mime, **_bytes_to_raw(part.data, blobs)}


def _part_from_dict(raw: Raw, blobs: LoadBlob) -> Part:
    match raw.get("type"):
        case "text":
            if len(raw) == 2:
                return Text(json_fields.text(raw, "text"))
            citations = tuple(_citation(item) for item in json_fields.items(raw, "citations"))
            return Text(json_fields.text(raw, "text"), citations, _extra(raw))
        case "reasoning":
            return Reasoning(json_fields.text(raw, "text"), json_fields.flag(raw, "redacted"), _extra(raw))
        case "search":
            return Search(tuple(_word(query) for query in json_fields.items(raw, "queries")), _extra(raw))
        case "call":
            name, arguments = json_fields.text(raw, "name"), json_fields.text(raw, "arguments")
            return ToolCall(json_fields.text(raw, "id"), name, arguments, json_fields.flag(raw, "whole"), _extra(raw))
        case "result":
            parts = tuple(_inner(json_fields.record(part), blobs) for part in json_fields.items(raw, "parts"))
            return ToolResult(
                json_fields.text(raw, "id"),
                json_fields.text(raw, "name"),
                parts,
                json_fields.flag(raw, "error"),
                _status(json_fields.text(raw, "status", "")),
                json_fields.text(raw, "edited", ""),
            )
        case "image":
            url, name = json_fields.text(raw, "url", ""), json_fields.text(raw, "name", "")
            return Image(json_fields.text(raw, "mime"), _bytes(raw, blobs), url, name)
        case "file":
            return File(json_fields.text(raw, "name"), json_fields.text(raw, "mime"), _bytes(raw, blobs))
        case _:
            raise InvalidRecord("unknown type of part")


def _status(word: str) -> ToolStatus:
    """Return the status of a stored result; one that a later version wrote counts as none."""
    return ToolStatus(word) if word in set(ToolStatus) else ToolStatus.RAN


def _inner(raw: Raw, blobs: LoadBlob) -> Text | Image:
    part = _part_from_dict(raw, blobs)
    if not isinstance(part, Text | Image):
        raise InvalidRecord("a tool result contains text and images only")
    return part


def _word(item: object) -> str:
    if not isinstance(item, str):
        raise InvalidRecord("a search query is not text")
    return item


def _citation(item: object) -> Citation:
    match item:
        case [str(url), str(title)]:
            return Citation(url, title)
        case _:
            raise InvalidRecord("a citation is not a URL and a title")


def _origin(item: Any) -> Origin | None:
    if item is None:
        return None
    if isinstance(item, list) and [*map(type, cast("list[object]", item))] == _THREE_WORDS:
        return _shared_origin(*cast("list[str]", item))
    raise InvalidRecord("origin is not a provider, a protocol and a model")


@lru_cache(256)
def _shared_origin(provider: str, protocol: str, model: str) -> Origin:
    """Return one object for all messages of a model."""
    return Origin(provider, ApiProtocol(protocol), model)


def _bytes_to_raw(data: bytes, blobs: dict[str, bytes] | None) -> dict[str, Any]:
    if not data:
        return {}
    if blobs is None:
        return {"data": b64encode(data).decode("ascii")}
    name = sha256(data).hexdigest()
    blobs[name] = data
    return {"blob": name}


def _bytes(raw: Raw, blobs: LoadBlob) -> bytes:
    if "blob" in raw:
        try:
            return blobs(json_fields.text(raw, "blob"))
        except KeyError:
            return b""  # the attachment is lost; the rest of the message is shown
    return _from_base64(json_fields.text(raw, "data", ""))


def _from_base64(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except (BadBase64, ValueError) as error:
        raise InvalidRecord("data is not base64") from error


def _usage_to_dict(usage: Usage) -> dict[str, Any]:
    counts = {"input": usage.input, "output": usage.output, "cached": usage.cached}
    raw: dict[str, Any] = {**counts, "cache_write": usage.cache_write, "reasoning": usage.reasoning}
    if usage.estimated:
        raw["estimated"] = True
    if usage.cost is not None:
        raw["cost"] = str(usage.cost)
    if usage.cache_miss:
        raw["cache_miss"] = usage.cache_miss
    if usage.tier:
        raw["tier"] = usage.tier
    return raw


def _usage(raw: Raw) -> Usage:
    if raw.keys() <= _COUNTS:
        counts: list[Any] = [raw.get(count) for count in _COUNTS]
        usual = [*map(type, counts)] == _FIVE_NUMBERS
        a, b, c, d, e = counts if usual else [json_fields.whole(raw, count) for count in _COUNTS]
        return Usage(a, b, c, d, e)
    return Usage(
        json_fields.whole(raw, "input"),
        json_fields.whole(raw, "output"),
        json_fields.whole(raw, "cached"),
        json_fields.whole(raw, "cache_write"),
        json_fields.whole(raw, "reasoning"),
        json_fields.flag(raw, "estimated"),
        json_fields.decimal(raw, "cost"),
        json_fields.text(raw, "cache_miss", ""),
        json_fields.text(raw, "tier", ""),
    )


def encode_provider_data(opaque: Mapping[str, object]) -> dict[str, Any]:
    """Wrap opaque provider data as JSON, without loss."""
    return {key: _wrapped(item) for key, item in opaque.items()}


def decode_provider_data(raw: object) -> dict[str, Any]:
    """Unwrap opaque provider data. Raises InvalidRecord."""
    return {key: _unwrapped(item) for key, item in json_fields.record(raw).items()}


def _opaque(extra: Extra) -> dict[str, Any]:
    return {} if extra is None else {"extra": encode_provider_data(extra)}


def _extra(raw: Raw) -> Extra:
    return decode_provider_data(raw["extra"]) if "extra" in raw else None


def _wrapped(value: object) -> object:
    match value:
        case bytes():
            return {"$bytes": b64encode(value).decode("ascii")}
        case float() if not math.isfinite(value):
            return {"$float": str(value)}
        case list() | tuple():
            return [_wrapped(item) for item in cast("list[object]", value)]
        case dict():
            inner = encode_provider_data(cast("dict[str, object]", value))
            return {"$object": inner} if any(key in inner for key in _WRAPPERS) else inner
        case _:
            return value


def _unwrapped(value: object) -> object:
    match value:
        case dict():
            return _unwrapped_object(cast("dict[str, object]", value))
        case list():
            return [_unwrapped(item) for item in cast("list[object]", value)]
        case _:
            return value


def _unwrapped_object(raw: dict[str, object]) -> object:
    inner = next(iter(raw.values())) if len(raw) == 1 else None
    match next(iter(raw), ""), inner:
        case "$bytes", str():
            return _from_base64(inner)
        case "$float", str():
            return float(inner)
        case "$object", dict():
            raw = cast("dict[str, object]", inner)
        case _:
            pass
    return {key: _unwrapped(item) for key, item in raw.items()}
