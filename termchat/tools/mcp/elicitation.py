"""Questions of MCP servers to the user: a form, or a page to open. They are asked like the approval of a call.

A form is edited as JSON, and goes to the server only when the user says yes to what is shown. Where nobody can be
asked, and for all that is no form of plain values, the answer is no.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from termchat.core.approval import ApprovalRequest, Approve, Ask, ChangeArguments, ToolEffect
from termchat.core.messages import ToolCall
from termchat.late_dataclass import dataclass

if TYPE_CHECKING:
    from mcp_types import ElicitResult

_ROUNDS = 20  # of changes to one form
_WORDS = 4_000  # characters of the message
_TYPES = frozenset({"string", "number", "integer", "boolean", "array"})
_KEPT = frozenset({"type", "minLength", "maxLength", "minimum", "maximum", "minItems", "maxItems"})
_EMPTY: Mapping[str, Any] = {"string": "", "number": 0, "integer": 0, "boolean": False, "array": []}


@dataclass(frozen=True, slots=True)
class Asker:
    """The way to the user from a call that runs: the name of its server, the id of the call.

    A server may ask several things at once; `busy` lets a form be finished before the next one.
    """

    server: str
    call: str
    ask: Ask
    busy: asyncio.Lock = dataclasses.field(default_factory=asyncio.Lock)


CURRENT_ASKER: ContextVar[Asker | None] = ContextVar("asker", default=None)  # of the call that runs in a context


async def answer_question(asker: Asker, params: Any) -> ElicitResult:
    """Ask the user what a server wants to know; return the answer."""
    async with asker.busy:
        return await _answer(asker, params)


async def _answer(asker: Asker, params: Any) -> ElicitResult:
    from mcp_types import ElicitResult

    if params.mode == "url":
        accepted = await _open_page(asker, str(params.url), params.message[:_WORDS])
        return ElicitResult(action="accept" if accepted else "decline")
    content = await _fill_form(asker, params.requested_schema, params.message[:_WORDS])
    return ElicitResult(action="decline") if content is None else ElicitResult(action="accept", content=content)


async def _open_page(asker: Asker, url: str, message: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:  # such as brackets around what is no address
        return False
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return False
    request = _request(
        asker,
        f"{message}\n\n{url}\n\nOpen the page yourself; yes tells the server that you agree.",
        "{}",
        (f"a page of {parts.hostname}",),
    )
    return isinstance(await asker.ask(request), Approve)


async def _fill_form(asker: Asker, schema: Mapping[str, Any], message: str) -> dict[str, Any] | None:
    """Return the checked values of a form, None if the user declines."""
    fields = _fields(schema)
    if fields is None:
        return None
    values: dict[str, Any] = {name: field.get("default", _first(field)) for name, field in fields.items()}
    about = "\n".join(_lines(fields, schema.get("required") or ()))
    problem = ""
    for _ in range(_ROUNDS):
        text = json.dumps(values, ensure_ascii=False)
        preview = f"{message}\n\n{about}\n\nyour answer: {text}"
        request = _request(asker, preview, text, ("edit it, then say yes", "the answer goes to the server"), problem)
        match await asker.ask(request):
            case Approve():
                problem = _problem(schema, values)
                if not problem:
                    return values
            case ChangeArguments(arguments=changed):
                values, problem = _changed(values, changed, schema)
            case _:
                return None
    return None


def _request(asker: Asker, preview: str, arguments: str, facts: tuple[str, ...], problem: str = "") -> ApprovalRequest:
    name = f"MCP server {asker.server}"  # not the name of a tool: no rule answers it
    call = ToolCall(asker.call, name, arguments)
    return ApprovalRequest(call, ToolEffect.RUN, preview, facts=facts, reason=problem, title=f"{name} asks you")


def _fields(schema: Mapping[str, Any]) -> dict[str, dict[str, Any]] | None:
    """Return the fields of a form, None for a schema that is no flat form."""
    properties: object = schema.get("properties", {})
    if not isinstance(properties, dict) or not isinstance(schema.get("required") or [], list):
        return None
    rows = cast("dict[str, Any]", properties)
    return rows if all(map(_is_plain, rows.values())) else None


def _is_plain(row: object) -> bool:
    """Return True for the schema of a plain value or of an array of choices, its own parts of the right kinds."""
    if not isinstance(row, dict):
        return False
    field = cast("dict[str, Any]", row)
    kind: object = field.get("type")
    inner: object = field.get("items") or {}
    if not (isinstance(kind, str) and kind in _TYPES and isinstance(inner, dict)):
        return False
    parts = (field, cast("dict[str, Any]", inner))
    return all(isinstance(part.get(key) or [], list) for part in parts for key in ("enum", "oneOf", "anyOf"))


def _first(field: Mapping[str, Any]) -> Any:
    choices = [choice for choice, _ in _choices(field)]
    return choices[0] if choices and field.get("type") == "string" else _EMPTY[field["type"]]


def _choices(field: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    inner = cast("Mapping[str, Any]", field.get("items") or {}) if field.get("type") == "array" else field
    for choice in inner.get("enum") or ():
        yield str(choice), ""
    for choice in inner.get("oneOf") or inner.get("anyOf") or ():
        if isinstance(choice, dict) and "const" in choice:
            row = cast("dict[str, Any]", choice)
            yield str(row["const"]), str(row.get("title", ""))


def _lines(fields: Mapping[str, Mapping[str, Any]], required: Any) -> Iterator[str]:
    for name, field in fields.items():
        needed = ", required" if name in required else ""
        about = field.get("description") or field.get("title") or ""
        choices = ", ".join(f"{choice} ({title})" if title else choice for choice, title in _choices(field))
        one_of = f" One of: {choices}." if choices else ""
        yield " ".join(f"{name} ({field['type']}{needed}) {about}{one_of}".split())[:_WORDS]


def _changed(values: dict[str, Any], text: str, schema: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """Return the values of an edited form and what is wrong with them; the old values if it is no JSON object."""
    try:
        given: object = json.loads(text)
    except ValueError:
        return values, "That was no JSON; the answer is unchanged."
    if not isinstance(given, dict):
        return values, "That was no JSON object; the answer is unchanged."
    made = cast("dict[str, Any]", given)
    return made, _problem(schema, made)


def _plain(schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of a form without patterns and references: a server could make them take for ever."""
    fields = _fields(schema) or {}
    kept = {name: {key: field[key] for key in _KEPT & field.keys()} for name, field in fields.items()}
    for name, field in fields.items():
        if choices := [choice for choice, _ in _choices(field)]:
            kept[name] |= {"items": {"enum": choices}} if field["type"] == "array" else {"enum": choices}
    required: Any = schema.get("required", [])
    return {"type": "object", "properties": kept, "required": required, "additionalProperties": False}


def _problem(schema: Mapping[str, Any], values: Mapping[str, Any]) -> str:
    """Return the first mistake in the values of a form, "" if there is none."""
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError

    validator = cast("Any", Draft202012Validator)
    try:
        plain = _plain(schema)
        validator.check_schema(plain)
        error = next(iter(validator(plain).iter_errors(dict(values))), None)
    except SchemaError:
        return "The form of the server cannot be filled in."
    if error is None:
        return ""
    place = ".".join(str(key) for key in error.absolute_path)
    return f"{place}: {error.message}" if place else str(error.message)
