"""Rows of OpenAI's batch format, as vLLM, Ray Data and Daft write and read them.

Source: https://developers.openai.com/api/docs/guides/batch (`custom_id`, `method`, `url`, `body`)

A field of a body that would change the reply and that termchat does not send is refused, not ignored.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Iterator, Mapping
from typing import Any, cast

from termchat.batch.rows import BatchRow, RowError, RowFormat, fields_of, row_id, row_text, wrong
from termchat.core.messages import File, Image, Message, Part, Role, Text
from termchat.core.sanitize import EMPTY, repair_surrogates, safe_format, safe_line

_KNOWN = ("custom_id", "method", "url", "body")
_WITHOUT_EFFECT = ("user", "metadata", "store", "stream_options", "safety_identifier", "prompt_cache_key")
_SHARED = ("model", "temperature", "top_p", "stream", "n", *_WITHOUT_EFFECT)
_SETTINGS = {  # field -> setting
    "max_tokens": "max_tokens",
    "max_completion_tokens": "max_tokens",
    "max_output_tokens": "max_tokens",
    "temperature": "temperature",
    "top_p": "top_p",
    "stop": "stop",
    "seed": "seed",
    "reasoning_effort": "think",
}
_FIELDS = {
    RowFormat.CHAT: (
        *_SHARED, "messages", "max_tokens", "max_completion_tokens", "stop", "seed", "reasoning_effort",
        "response_format",
    ),
    RowFormat.RESPONSES: (*_SHARED, "input", "instructions", "max_output_tokens", "reasoning", "text"),
}  # fmt: skip
_TEXTS = ("text", "input_text", "output_text")


def parse_openai_row(row: Mapping[str, Any]) -> BatchRow:
    """Parse an object with `custom_id` and `body`. Raises RowError."""
    if row.get("method", "POST") != "POST":
        raise RowError(safe_format("method must be POST"), EMPTY)
    try:
        kind = RowFormat(row.get("url", RowFormat.CHAT.value))
    except ValueError:
        kind = RowFormat.NATIVE
    if kind is RowFormat.NATIVE:
        names = safe_line(" or ".join(_FIELDS))
        raise RowError(safe_format("url must be {names}", names=names), EMPTY)
    if not row_id(row, "custom_id"):
        raise RowError(safe_format("custom_id is empty"), EMPTY)
    body = _object(row, "body") or {}
    for name, value in body.items():
        if name not in _FIELDS[kind] and value is not None:
            raise _unsupported(name)
    if body.get("n") not in (None, 1):
        raise _unsupported("n")
    system, messages = _conversation(body, kind)
    settings: dict[str, object] = {known: body[name] for name, known in _SETTINGS.items() if body.get(name) is not None}
    if (reasoning := _object(body, "reasoning")) and reasoning.get("effort"):
        settings["think"] = reasoning["effort"]
    return BatchRow(
        messages,
        row_id(row, "custom_id"),
        row_text(body, "model") or "",
        system,
        schema=_schema(body),
        settings=settings,
        fields={name: value for name, value in row.items() if name not in _KNOWN},
        format=kind,
    )


def _conversation(body: Mapping[str, Any], kind: RowFormat) -> tuple[str | None, tuple[Message, ...]]:
    """Return the system prompt and the messages of a body."""
    name = "messages" if kind is RowFormat.CHAT else "input"
    listed: object = body.get(name)
    if isinstance(listed, str) and kind is RowFormat.RESPONSES:
        listed = [{"role": "user", "content": listed}]
    if not isinstance(listed, list) or not listed:
        raise wrong(name, "a list of messages")
    systems = [row_text(body, "instructions") or ""] if kind is RowFormat.RESPONSES else []
    messages: list[Message] = []
    for message in cast("list[Any]", listed):
        role, parts = _message(message)
        if role in ("system", "developer"):
            systems.append("".join(part.text for part in parts if isinstance(part, Text)))
        else:
            messages.append(Message(Role(role), parts))
    if not messages or messages[-1].role is not Role.USER:
        raise RowError(safe_format("the last message is not of the user"), EMPTY)
    return "\n\n".join(filter(None, systems)) or None, tuple(messages)


def _message(value: object) -> tuple[str, tuple[Part, ...]]:
    message = fields_of(value)
    role, content = message.get("role"), message.get("content")
    if role not in ("system", "developer", "user", "assistant"):
        raise RowError(
            safe_format("a message of the role {role} is not supported", role=safe_line(str(role)[:40])), EMPTY
        )
    if message.get("tool_calls"):
        raise _unsupported("tool_calls")
    if isinstance(content, str):
        return role, (Text(repair_surrogates(content)),)
    if not isinstance(content, list):
        raise wrong("content", "a text or a list of parts")
    return role, tuple(part for piece in cast("list[Any]", content) for part in _parts(piece))


def _parts(value: object) -> Iterator[Part]:
    piece = fields_of(value)
    kind = piece.get("type")
    if kind in _TEXTS:
        yield Text(row_text(piece, "text") or "")
    elif kind in ("image_url", "input_image"):
        address: object = piece.get("image_url")
        address = fields_of(cast("object", address)).get("url") if isinstance(address, dict) else address
        yield _image(address)
    elif kind in ("file", "input_file"):
        found = _object(piece, "file") or piece
        mime, data = _data_url(row_text(found, "file_data") or "")
        yield File(row_text(found, "filename") or "file", mime, data)
    else:
        raise RowError(safe_format("a part of the type {kind} is not supported", kind=safe_line(str(kind)[:40])), EMPTY)


def _image(address: object) -> Image:
    if not isinstance(address, str) or not address:
        raise wrong("image_url", "an address")
    if address.startswith("data:"):
        return Image(*_data_url(address))
    return Image("image/*", url=address)


def _data_url(address: str) -> tuple[str, bytes]:
    """Return the MIME type and the bytes of a data URL in Base64. Raises RowError."""
    head, comma, data = address.partition(",")
    mime, _, encoding = head.removeprefix("data:").partition(";")
    if not head.startswith("data:") or not comma or encoding != "base64":
        raise wrong("a file in a message", "a data URL in Base64")
    try:
        return mime, b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        raise wrong("a file in a message", "a data URL in Base64") from None


def _schema(body: Mapping[str, Any]) -> Mapping[str, Any] | None:
    form = _object(body, "response_format") or _object(_object(body, "text") or {}, "format")
    if not form or form.get("type") == "text":
        return None
    inner = _object(form, "json_schema") or form
    schema = _object(inner, "schema")
    if form.get("type") != "json_schema" or not schema:
        raise _unsupported(f"response_format {str(form.get('type'))[:40]}")
    return schema


def _object(row: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    value = row.get(name)
    if value is None or isinstance(value, dict):
        return cast("Mapping[str, Any] | None", value)
    raise wrong(name, "an object")


def _unsupported(name: str) -> RowError:
    words = safe_format("{name} of the body is not supported", name=safe_line(name[:80]))
    return RowError(words, safe_format("Remove it from the body."))
