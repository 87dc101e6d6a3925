"""`--messages FILE`: a conversation in the JSON of Chat Completions, for one request.

A list of messages, or an object with such a list in `messages`. Roles: `system` and `developer` at the beginning,
`user`, `assistant`. The content is a text or a list of parts: `text`, `image_url`, `input_audio`, `file`
(https://platform.openai.com/docs/api-reference/chat/create).
"""

from __future__ import annotations

import binascii
import json
from base64 import b64decode
from collections.abc import Iterator, Mapping, Sequence
from mimetypes import guess_type
from typing import Any, cast

from termchat.attachments.classify import LARGEST, file_part
from termchat.config.bounded_read import read_bounded
from termchat.config.paths import user_path
from termchat.core.errors import Failure, FailureKind, error_reason
from termchat.core.messages import Image, Message, Part, Role, Text
from termchat.core.outcomes import Outcome
from termchat.core.sanitize import Safe, safe_format, safe_line
from termchat.late_dataclass import dataclass

_SYSTEM = ("system", "developer")
_TEXTS = ("text", "input_text", "output_text")
_FORM = safe_format('The file holds [{{"role": "user", "content": "Hello"}}] or {{"messages": [...]}}.')


@dataclass(frozen=True, slots=True)
class Conversed:
    """A conversation: its system prompt, "" for none, and the other messages in order."""

    system: str
    messages: tuple[Message, ...]


class _WrongError(Exception):
    """A mistake in the file, with its place."""


def read_message_file(name: str, silence: float | None = None) -> Conversed | Failure:
    """Read a file of messages. `silence`: the longest one of a pipe, in seconds."""
    shown = safe_line(name)
    try:
        data = read_bounded(user_path(name), LARGEST, patient=True, silence=silence)
    except (OSError, ValueError) as error:
        words = safe_format("Cannot read {name}: {why}.", name=shown, why=error_reason(error))
        return Failure(FailureKind.BAD_CONFIG, words, safe_format("Check the file name after --messages."))
    return parse_messages(data, shown)


def parse_messages(data: bytes, shown: Safe) -> Conversed | Failure:
    """Return the conversation in JSON; `shown` is the name of its source in a failure."""
    try:
        value: object = json.loads(data.decode("utf-8-sig"))
        return _conversation(value)
    except json.JSONDecodeError as error:
        place = safe_line(f"{error.lineno}:{error.colno}")
        words = safe_format("{name}:{at}: not JSON: {why}.", name=shown, at=place, why=safe_line(error.msg))
        return Failure(FailureKind.BAD_CONFIG, words, _FORM)
    except _WrongError as error:
        words = safe_format("{name}: {why}.", name=shown, why=safe_line(str(error)))
        return Failure(FailureKind.BAD_CONFIG, words, _FORM)
    except (ValueError, RecursionError):
        return Failure(FailureKind.BAD_CONFIG, safe_format("{name}: not JSON in UTF-8.", name=shown), _FORM)


def _conversation(value: object) -> Conversed:
    rows = cast("Mapping[str, object]", value).get("messages") if isinstance(value, dict) else value
    if not isinstance(rows, list) or not rows:
        raise _WrongError("there is no list of messages")
    systems: list[str] = []
    messages: list[Message] = []
    for number, row in enumerate(cast("Sequence[object]", rows), 1):
        at = f"message {number}"
        if not isinstance(row, dict):
            raise _WrongError(f"{at}: not an object")
        fields = cast("Mapping[str, Any]", row)
        role: object = fields.get("role")
        if role == "assistant" and fields.get("tool_calls"):  # beside them, the content is null
            raise _WrongError(f"{at}: tool calls are not supported")
        parts = tuple(_parts(at, fields.get("content")))
        if role in _SYSTEM:
            if messages:
                raise _WrongError(f"{at}: a system message comes first")
            systems.append(_only_text(at, parts))
        elif role == "user":
            messages.append(Message(Role.USER, parts))
        elif role == "assistant":
            messages.append(Message(Role.ASSISTANT, parts, None, Outcome.COMPLETE))
        else:
            raise _WrongError(f"{at}: the role is {json.dumps(role)[:40]}, not system, user or assistant")
        if not parts:
            raise _WrongError(f"{at}: there is no content")
    return Conversed("\n\n".join(systems), tuple(messages))


def _only_text(at: str, parts: tuple[Part, ...]) -> str:
    if not all(isinstance(part, Text) for part in parts):
        raise _WrongError(f"{at}: a system message is text")
    return "".join(part.text for part in parts if isinstance(part, Text))


def _parts(at: str, content: object) -> Iterator[Part]:
    if isinstance(content, str):
        if content:
            yield Text(content)
        return
    if not isinstance(content, list):
        raise _WrongError(f"{at}: the content is no text and no list of parts")
    for number, item in enumerate(cast("Sequence[object]", content), 1):
        if not isinstance(item, dict):
            raise _WrongError(f"{at}, part {number}: not an object")
        yield _part(f"{at}, part {number}", cast("Mapping[str, Any]", item))


def _part(at: str, item: Mapping[str, Any]) -> Part:
    kind: object = item.get("type")
    if kind in _TEXTS:
        return Text(_text(at, item, "text"))
    if kind in ("image_url", "input_image"):
        image: object = item.get("image_url")
        url = image if isinstance(image, str) else _text(at, _object(at, item, "image_url"), "url")
        return _linked_image(url) if url.startswith(("http://", "https://")) else _data_part(at, "image", url)
    if kind == "input_audio":
        return _data_part(at, "audio", _text(at, _object(at, item, "input_audio"), "data"))
    if kind in ("file", "input_file"):
        fields = _object(at, item, "file") if kind == "file" else item
        return _data_part(at, str(fields.get("filename") or "file"), _text(at, fields, "file_data"))
    raise _WrongError(f"{at}: the type is {json.dumps(kind)[:40]}, not text, image_url, input_audio or file")


def _linked_image(url: str) -> Image:
    """Return an image that the vendor fetches; Gemini requires its type."""
    return Image(guess_type(url.partition("?")[0])[0] or "image/jpeg", url=url)


def _object(at: str, item: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value: object = item.get(name)
    if not isinstance(value, dict):
        raise _WrongError(f"{at}: {name} is missing")
    return cast("Mapping[str, Any]", value)


def _text(at: str, item: Mapping[str, Any], name: str) -> str:
    value: object = item.get(name)
    if not isinstance(value, str):
        raise _WrongError(f"{at}: {name} is missing")
    return value


def _data_part(at: str, name: str, text: str) -> Part:
    """Return the part of a `data:` URL or of bare base64, by its content."""
    encoded = text.partition(",")[2] if text.startswith("data:") else text
    try:
        data = b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        raise _WrongError(f"{at}: not an address and not base64") from None
    part = file_part(name, data)
    if isinstance(part, Failure):
        raise _WrongError(f"{at}: {str(part.message).rstrip('.')}")
    return part
