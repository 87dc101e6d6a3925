"""The body of an error response in one form: message, error codes and the fields of the request that it names."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from termchat.late_dataclass import dataclass
from termchat.providers.decoder import as_list, as_object, as_text, is_object

MAX_BODY = 6000  # characters of an error body that are searched for the message: a body may be megabytes
_MAX_DEPTH = 6  # of nested objects
_MAX_FIELDS = 40
# An error that a gateway sends as an event stream with an HTTP error status: one event, perhaps others after it.
_EVENT_STREAM_ERROR = re.compile(r"\A(?:event:[^\n]*\n)?data:[ ]?(\{[^\n]*\}).*\Z", re.DOTALL)
# Keys under which servers name the refused field: OpenAI, pydantic and FastAPI, Google, zod, ajv, JSON:API.
_FIELD_KEYS = ("param", "loc", "field", "path", "instancePath", "pointer", "parameter", "property")
_TEXT_KEYS = ("message", "msg", "detail", "description", "error_description", "error_msg", "title", "reason")
_CODE_KEYS = ("type", "code", "status", "error_code", "reason", "kind")
_LEADING_FIELD = re.compile(r"\A[\"'`]?([A-Za-z_][\w-]*(?:\.[\w-]+|\[\d+\])*)[\"'`]?:\s")
_EMBEDDED = re.compile(r"\{\s*\"")  # JSON inside a text, as proxies quote the vendor's error
_OUTER = frozenset(("body", "query", "request", "data"))  # containers before the name of a field
_LONG_QUOTA = re.compile(r"per(day|month)", re.IGNORECASE)
_BILLING = re.compile(r"billing|credits? (are|is) depleted|spend(ing)? (cap|limit)|limit: 0\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ErrorBody:
    """The parts of an error body.

    message   the server's sentence, "" without one
    codes     error codes and types, in lower case
    fields    paths of the fields it complains about, in snake case: `messages.1.content`
    """

    message: str = ""
    codes: frozenset[str] = frozenset()
    fields: tuple[str, ...] = ()

    def has(self, *codes: str) -> bool:
        """Return True if the body has one of these codes."""
        return not self.codes.isdisjoint(codes)


def parse_error_body(body: Any) -> ErrorBody:
    """Parse a body in any of these forms: text, JSON as text, or parsed JSON.

    OpenAI      {"error": {"message", "type", "param", "code"}}
    Anthropic   {"type": "error", "error": {"type", "message"}}
    Google      {"error": {"code", "message", "status", "details": [{"@type", "reason", "fieldViolations"}]}}
    FastAPI     {"detail": [{"loc", "msg", "type"}]}, also as the message of an error (Mistral)
    gateways    {"error": "text"}, {"detail": "text"}, {"message": "text"}, {"errors": [{"message"}]}, the vendor's
                JSON as text in `metadata.raw` (OpenRouter) or behind the message (LiteLLM), one `data:` event
    """
    if isinstance(body, str | bytes):
        text = body if isinstance(body, str) else body.decode("utf-8", "replace")
        try:
            body = json.loads(text)
        except (ValueError, RecursionError):
            return _parse_text(text)
    if isinstance(body, list) and body:
        body = as_list(body)[0]
    outer = as_object(body)
    inner = _inner(outer)
    message = as_text(outer.get("error")) or _message(inner) or _message(outer)
    if message.startswith(("data:", "event:")):  # text that an SDK has wrapped in JSON
        return _parse_text(message)
    nested = _embedded(inner, message)
    details = [detail for detail in as_list(inner.get("details")) if is_object(detail)]
    codes = [*_values(inner, _CODE_KEYS), *(detail.get("reason") for detail in details)]
    codes += [detail.get(name) for detail in _details(inner) + _details(outer) for name in ("type", "code")]
    if inner.get("status") == "RESOURCE_EXHAUSTED" and _quota_exhausted(details, message):
        codes.append("quota_spent")
    named = frozenset(str(code).lower() for code in codes if isinstance(code, str | int) and not isinstance(code, bool))
    fields = [*_named_fields(outer, 0), *_leading_field(message), *nested.fields]
    message = message if not nested.message or nested.message in message else f"{message}: {nested.message}"
    return ErrorBody(
        message[:MAX_BODY].removeprefix(": "),
        (named | frozenset(code for code in nested.codes if not code.isdigit())) - {"error", ""},
        tuple(dict.fromkeys(fields))[:_MAX_FIELDS],
    )


def snake_case(name: str) -> str:
    """Return a path in snake case with dots: `tools[0].functionDeclarations` -> `tools.0.function_declarations`."""
    dotted = re.sub(r"\[[\"']?([^\]\"']*)[\"']?\]", r".\1", name.replace("/", "."))
    words = re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", dotted).lower().replace("-", "_")
    return ".".join(part for part in words.split(".") if part)


def _parse_text(text: str) -> ErrorBody:
    if found := _EVENT_STREAM_ERROR.match(text):
        try:
            return parse_error_body(json.loads(found[1]))
        except (ValueError, RecursionError):
            pass
    return ErrorBody(text[:MAX_BODY], frozenset(), tuple(_leading_field(text)))


def _inner(outer: dict[str, Any]) -> dict[str, Any]:
    """Return the object that holds the error: `error`, the first of `errors`, or the body itself."""
    for name in ("error", "errors"):
        value = outer.get(name)
        value = as_list(value)[0] if as_list(value) else value
        if is_object(value):
            return value
    return outer


def _message(inner: dict[str, Any]) -> str:
    """Return the sentence of an error object; the complaints of a list are joined, each after its field."""
    for name in _TEXT_KEYS:
        value = inner.get(name)
        if text := as_text(value):
            return text
        if is_object(value) and (text := _message(value)):
            return text
        if rows := [_complaint(row) for row in as_list(value)]:
            return "; ".join(filter(None, rows))
    rows = [_complaint(row) for name in ("errors", "error", "issues") for row in as_list(inner.get(name))]
    return "; ".join(filter(None, rows))


def _complaint(row: Any) -> str:
    """Return one complaint of a list: `temperature: Extra inputs are not permitted`."""
    if not is_object(row):
        return as_text(row)
    text = next((text for name in _TEXT_KEYS if (text := as_text(row.get(name)))), "")
    where = next(_named_fields({k: v for k, v in row.items() if k in _FIELD_KEYS}, 0), "")
    return f"{where}: {text}" if where and text and not text.startswith(where) else text


def _details(inner: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the complaints of a validator that stand in `detail`, in `errors`, or in either inside the message."""
    found = [inner, as_object(inner.get("message")), as_object(inner.get("detail"))]
    rows = [row for value in found for name in ("detail", "errors", "issues") for row in as_list(value.get(name))]
    return [row for row in rows if is_object(row)]


def _values(inner: dict[str, Any], names: tuple[str, ...]) -> list[Any]:
    return [inner.get(name) for name in names]


def _embedded(inner: dict[str, Any], message: str) -> ErrorBody:
    """Return the vendor's error that a proxy quotes as text, an empty one without it."""
    raw = as_object(inner.get("metadata")).get("raw")
    text = raw if isinstance(raw, str) else ""
    start = _EMBEDDED.search(text or message)
    if start is None:
        return ErrorBody(text[:MAX_BODY])
    try:
        value, _ = json.JSONDecoder().raw_decode((text or message)[start.start() :])
    except (ValueError, RecursionError):
        return ErrorBody(text[:MAX_BODY])
    return parse_error_body(value) if is_object(value) else ErrorBody()


def _named_fields(value: Any, depth: int) -> Iterator[str]:
    """Yield the paths of the fields that an object names, at any depth."""
    if depth > _MAX_DEPTH:
        return
    for item in as_list(value):
        yield from _named_fields(item, depth + 1)
    for name, inner in as_object(value).items():
        if name in _FIELD_KEYS and (path := _path(inner)):
            yield path
        elif isinstance(inner, dict | list):
            yield from _named_fields(inner, depth + 1)


def _path(value: Any) -> str:
    parts = [str(part) for part in as_list(value) if isinstance(part, str | int)] or [as_text(value)]
    while len(parts) > 1 and parts[0] in _OUTER:
        del parts[0]
    path = ".".join(parts)
    return snake_case(path) if path and " " not in path else ""


def _leading_field(message: str) -> list[str]:
    """Return the field before the colon of `temperature: Extra inputs are not permitted`, an empty list without it."""
    found = _LEADING_FIELD.match(message)
    return [snake_case(found[1])] if found else []


def _quota_exhausted(details: list[dict[str, Any]], message: str) -> bool:
    """Return True if Gemini reports a quota that is spent for the day or the month, or is zero.

    Gemini sends RESOURCE_EXHAUSTED both for such a quota and for a rate limit. A `google.rpc.QuotaFailure` in the
    details names the quota; without it, a message about billing and the lack of a retry delay decide.
    """
    violations = [as_object(violation) for detail in details for violation in as_list(detail.get("violations"))]
    if violations:
        return any(
            _LONG_QUOTA.search(as_text(violation.get("quotaId"))) or as_text(violation.get("quotaValue")) == "0"
            for violation in violations
        )
    return bool(_BILLING.search(message)) and not any("retryDelay" in detail for detail in details)
