"""A line of the input: a prompt, an object with a prompt and its settings, or a row of OpenAI's batch format."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum
from typing import Any, cast

from termchat.core.errors import Failure, FailureKind
from termchat.core.messages import Message, Role, Text, user_message
from termchat.core.sanitize import EMPTY, Safe, repair_surrogates, safe_format, safe_line
from termchat.late_dataclass import dataclass

LONGEST_LINE = 64 << 20  # bytes; images of a row are in it as Base64
_LONGEST_ID = 512  # characters
_DEEPEST = 500  # lists and objects in each other; Python's limit is about 1,000 calls
_KNOWN = ("id", "prompt", "messages", "model", "system", "files", "schema", "settings")
_OPENAI = ("custom_id", "method", "url", "body")
_FORMS = safe_format("A line is a JSON string, or an object such as {form}.", form=Safe('{"id": "a", "prompt": "..."}'))


class RowFormat(StrEnum):
    """The format of a row: termchat's own, or OpenAI's for one of its endpoints."""

    NATIVE = "termchat"
    CHAT = "/v1/chat/completions"
    RESPONSES = "/v1/responses"


@dataclass(frozen=True, slots=True)
class BatchRow:
    """A line of the input as it stands.

    id         the given id, "" without one
    messages   the messages, the last one of the user; () for none besides the files
    model      the name of the model, "" for that of the run
    system     the system prompt, None for that of the run
    files      attachments of the last message, as `--file` takes them
    schema     a JSON Schema or the short form of `--schema`
    settings   settings of this request, by the names of the settings
    fields     all other fields of the row, which the result carries along
    """

    messages: tuple[Message, ...]
    id: str = ""
    model: str = ""
    system: str | None = None
    files: tuple[str, ...] = ()
    schema: Mapping[str, Any] | str | None = None
    settings: Mapping[str, object] = field(default_factory=dict[str, object])
    fields: Mapping[str, Any] = field(default_factory=dict[str, Any])
    format: RowFormat = RowFormat.NATIVE


class RowError(ValueError):
    """A line that is no row; `words` say why, without its place."""

    def __init__(self, words: Safe, hint: Safe = _FORMS) -> None:
        super().__init__(words)
        self.words = words
        self.hint = hint

    def at(self, place: str) -> Failure:
        """Return the failure of a line; `place` is its file and number."""
        message = safe_format("{place}: {words}.", place=safe_line(place), words=self.words)
        return Failure(FailureKind.BAD_CONFIG, message, self.hint)


def parse_row(line: bytes) -> BatchRow:
    """Parse one line, without its line end. Raises RowError."""
    value = _json(line)
    if isinstance(value, str):
        return BatchRow(_prompt(value))
    if not isinstance(value, dict):
        raise RowError(safe_format("a {kind}, not a string or an object", kind=_kind(value)))
    row = cast("dict[str, Any]", value)
    if "body" in row and "custom_id" in row:
        from termchat.batch.openai_rows import parse_openai_row

        return parse_openai_row(row)
    return _native(row)


def _json(line: bytes) -> object:
    try:
        value = json.loads(line.decode("utf-8"), parse_constant=_refuse_constant, parse_float=_finite)
        if line.count(b"[") + line.count(b"{") > _DEEPEST and _is_deep(value):
            raise RecursionError
        return value
    except UnicodeDecodeError as error:
        raise RowError(safe_format("not UTF-8 (byte {n})", n=safe_line(str(error.start))), EMPTY) from None
    except json.JSONDecodeError as error:
        what = error.msg.removesuffix(" at")
        why = safe_line(f"{what[:1].lower()}{what[1:]} at column {error.colno}")
        raise RowError(safe_format("not JSON: {why}", why=why)) from None
    except (ValueError, RecursionError) as error:  # a number that is too long, nesting that is too deep
        digits = "set_int_max_str_digits" in str(error)
        words = "a number has too many digits" if digits else str(error)[:120]
        why = safe_line(words if isinstance(error, ValueError) else "it is nested too deeply")
        raise RowError(safe_format("not usable JSON: {why}", why=why), EMPTY) from None


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON")


def _finite(number: str) -> float:
    """Refuse a number that Python reads as infinite, and would write as what is no JSON."""
    value = float(number)
    if math.isinf(value):
        raise ValueError(f"{number[:20]} is too large a number")
    return value


def _is_deep(value: object) -> bool:
    """Return True for a value that can be read, but perhaps not be written at every place of the program."""
    level: list[object] = [value]
    for _ in range(_DEEPEST):
        inner: list[object] = []
        for found in level:
            match found:
                case list():
                    inner += cast("list[object]", found)
                case dict():
                    inner += cast("dict[str, object]", found).values()
                case _:
                    pass
        if not inner:
            return False
        level = inner
    return True


def _native(row: Mapping[str, Any]) -> BatchRow:
    messages = _messages(row)
    files = row.get("files") or ()
    files = (files,) if isinstance(files, str) else files
    if not isinstance(files, list | tuple) or not all(isinstance(name, str) and name for name in cast("Any", files)):
        raise wrong("files", "a list of names")
    names = tuple(cast("list[str]", files))
    if not messages and not names:
        raise RowError(safe_format("it has no prompt"))
    schema: object = row.get("schema")
    settings: object = row.get("settings") or {}
    if not isinstance(schema, str | dict | None):
        raise wrong("schema", "a JSON Schema or fields such as 'name, age int'")
    if not isinstance(settings, dict):
        raise wrong("settings", "an object")
    return BatchRow(
        messages,
        row_id(row, "id"),
        row_text(row, "model") or "",
        row_text(row, "system"),
        names,
        cast("Mapping[str, Any] | str | None", schema) or None,
        cast("Mapping[str, object]", settings),
        {name: value for name, value in row.items() if name not in _KNOWN},
    )


def _messages(row: Mapping[str, Any]) -> tuple[Message, ...]:
    prompt, listed = row_text(row, "prompt"), row.get("messages")
    if listed is None:
        return _prompt(prompt) if prompt is not None else ()
    if prompt is not None:
        raise RowError(safe_format("prompt and messages exclude each other"))
    if not isinstance(listed, list) or not listed:
        raise wrong("messages", "a list of messages")
    found = tuple(_message(message) for message in cast("list[Any]", listed))
    if found[-1].role is not Role.USER:
        raise RowError(safe_format("the last message is not of the user"))
    return found


def _message(value: object) -> Message:
    message = fields_of(value)
    role, content = message.get("role"), message.get("content")
    if role not in ("user", "assistant") or not isinstance(content, str):
        raise RowError(
            safe_format("a message is {form}", form=Safe('{"role": "user" or "assistant", "content": "..."}'))
        )
    return Message(Role(role), (Text(repair_surrogates(content)),))


def _prompt(text: str) -> tuple[Message, ...]:
    if not text.strip():
        raise RowError(safe_format("the prompt is empty"))
    return (user_message(repair_surrogates(text)),)


def row_id(row: Mapping[str, Any], name: str) -> str:
    """Return the id of a row as text; a number counts as its digits. Raises RowError."""
    value = row.get(name)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int) or not str(value).strip():
        raise wrong(name, "a text or an integer")
    text = repair_surrogates(str(value))
    if len(text) > _LONGEST_ID:
        raise RowError(safe_format("{name} is longer than {n} characters", name=safe_line(name),
                                   n=safe_line(str(_LONGEST_ID))), EMPTY)  # fmt: skip
    return text


def row_text(row: Mapping[str, Any], name: str) -> str | None:
    """Return a text of a row, None without one. Raises RowError."""
    value = row.get(name)
    if value is None or isinstance(value, str):
        return repair_surrogates(value) if value else value
    raise wrong(name, "a text")


def wrong(name: str, expected: str) -> RowError:
    """Return the error of a field with another type than expected."""
    return RowError(safe_format("{name} must be {kind}", name=safe_line(name), kind=safe_line(expected)), EMPTY)


def fields_of(value: object) -> Mapping[str, Any]:
    """Return a JSON object, or an empty one for any other value."""
    return cast("Mapping[str, Any]", value) if isinstance(value, dict) else dict[str, Any]()


def _kind(value: object) -> Safe:
    names = {"list": "list", "bool": "truth value", "int": "number", "float": "number", "NoneType": "null"}
    return safe_line(names.get(type(value).__name__, "value"))
