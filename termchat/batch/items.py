"""An item of a batch: the canonical request of a row, and its identity."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import field, replace
from typing import Any

from termchat.batch.rows import RowFormat
from termchat.core.messages import File, Image, Message, Part, Text
from termchat.core.models import ModelRef
from termchat.core.provider import Request
from termchat.late_dataclass import dataclass

_ID_DIGITS = 16  # hexadecimal digits of the id of a row without one


@dataclass(frozen=True, slots=True)
class BatchItem:
    """One request of a batch.

    line      the number of its line in the input, from 1
    id        the given id, or the beginning of the digest
    given     True if the row gives the id
    digest    SHA-256 of the canonical request; a change of it under the same id is refused
    request   messages, system prompt and parameters, with the attachments as they are on disk
    fields    unknown fields of the row, which the result carries along
    format    the format of the row, in which `--format openai` answers
    """

    line: int
    id: str
    digest: str
    model: ModelRef
    request: Request
    fields: Mapping[str, Any] = field(default_factory=dict[str, Any])
    format: RowFormat = RowFormat.NATIVE
    given: bool = False


def identified(
    line: int,
    given: str,
    model: ModelRef,
    request: Request,
    fields: Mapping[str, Any],
    format_: RowFormat = RowFormat.NATIVE,
) -> BatchItem:
    """Return an item with its digest, and with the id that the row gives or the digest makes."""
    digest = digest_of(model, request)
    return BatchItem(line, given or digest[:_ID_DIGITS], digest, model, request, fields, format_, bool(given))


def digest_of(model: ModelRef, request: Request) -> str:
    """Return the SHA-256 of what is asked of which model.

    The limit of the reply is no part of it: a reply that it cut short may be asked for again with a higher one.
    """
    params = replace(request.params, max_tokens=None)
    canonical = {
        "model": str(model),
        "system": request.system,
        "messages": [_canonical_message(message) for message in request.messages],
        "params": {name: value for name in params.__slots__ if has_value(value := getattr(params, name))},
    }
    text = json.dumps(canonical, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def has_value(value: object) -> bool:
    """Return True for the value of a parameter that is given; a temperature or a seed may be 0."""
    return value is not None and value is not False and value != ()


def shard_of(item_id: str, shards: int) -> int:
    """Return the shard of an id, from 1 to `shards`: the same on every machine."""
    return int(hashlib.sha256(item_id.encode("utf-8", "surrogatepass")).hexdigest()[:15], 16) % shards + 1


def _canonical_message(message: Message) -> list[Any]:
    return [message.role.value, [_canonical_part(part) for part in message.parts]]


def _canonical_part(part: Part) -> dict[str, str]:
    match part:
        case Text():
            return {"text": part.text}
        case Image():
            return {"image": part.url or hashlib.sha256(part.data).hexdigest()}
        case File():
            return {"file": hashlib.sha256(part.data).hexdigest(), "name": part.name}
        case _:
            raise TypeError(f"no part of a row: {type(part).__name__}")
