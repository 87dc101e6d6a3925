"""Failures from error responses: parse the body, classify the error, choose the next step for the user."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

from termchat.core.errors import Failure, FailureKind
from termchat.core.sanitize import Safe, safe_format, safe_line
from termchat.providers.client import Endpoint, ErrorResponse
from termchat.providers.decoder import as_list, as_object, as_text, is_object
from termchat.providers.http.connection_errors import MAX_BODY, base_url_of, clean_server_text, host_of
from termchat.providers.http.retry import retry_after

# An error that a gateway sends as an event stream with an HTTP error status: one event, perhaps others after it.
_EVENT_STREAM_ERROR = re.compile(r"\A(?:event:[^\n]*\n)?data:[ ]?(\{[^\n]*\}).*\Z", re.DOTALL)
_RETRYABLE = frozenset((FailureKind.RATE_LIMITED, FailureKind.OVERLOADED, FailureKind.SERVER))
# Messages of vendors that reject the conversation itself, not another part of the request.
_HISTORY = re.compile(
    r"tool_use. ids? were found without|must be followed by tool messages|must be a response to a preceding"
    r"|unexpected .?tool_use_id|ids must be unique|signature. in .?thinking|bound to a different"
    r"|thinking. blocks? .*cannot be modified|must start with a thinking block|thought.?signature"
    r"|provided without its required|required .?reasoning.? item|item with id .* not found|duplicate item found"
    r"|encrypted content .* could not be verified|no tool (call|output) found for function call"
    r"|(call_id|tool_call_id|tool_calls\S*\.id)\b.*string too long|reasoning_content. in the thinking mode"
    r"|number of function response parts|function call turns? |function response turn|roles must alternate"
    r"|alternate between user and model",
    re.IGNORECASE | re.DOTALL,
)
_LONG_QUOTA = re.compile(r"per(day|month)", re.IGNORECASE)
_BILLING = re.compile(r"billing|credits? (are|is) depleted|spend(ing)? (cap|limit)|limit: 0\b", re.IGNORECASE)
_TOO_LONG = re.compile(
    r"prompt is too long|maximum context length|exceeds? the maximum number of tokens|context.?window|context length",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class _ErrorBody:
    """The parts of an error body: the message, and all its error codes and types in lower case."""

    message: str
    codes: frozenset[str]

    def has(self, *codes: str) -> bool:
        return not self.codes.isdisjoint(codes)


def from_response(response: ErrorResponse, endpoint: Endpoint, model: str) -> Failure:
    """Convert an error response to a failure; `model` is the name sent in the request, for the message."""
    body = _parse_error_body(response.body)
    kind = _classify(response.status, body)
    status = response.status
    text = clean_server_text(body.message, endpoint)
    return Failure(
        kind,
        _message(kind, status, body, text, endpoint, model),
        _hint(kind, endpoint),
        status,
        retry_after(response),
        retryable=kind in _RETRYABLE or status in (408, 409),
        url=_page(kind, endpoint),
    )


def _page(kind: FailureKind, endpoint: Endpoint) -> Safe:
    """Return the provider's status page for an overload, its billing page for a spent quota, else ""."""
    match kind:
        case FailureKind.OVERLOADED:
            return safe_line(endpoint.config.status_page)
        case FailureKind.QUOTA:
            return safe_line(endpoint.config.credit_page or endpoint.config.key_page)
        case _:
            return Safe("")


def _parse_error_body(body: Any) -> _ErrorBody:
    """Parse a body in any of these forms: text, JSON as text, or parsed JSON.

    OpenAI      {"error": {"message", "type", "code"}}
    Anthropic   {"type": "error", "error": {"type", "message"}}
    Google      {"error": {"code", "message", "status", "details": [{"@type", "reason"}]}}, also in a list
    gateways    {"error": "text"}, {"detail": "text"}, {"message": "text"}, a stream with one `data:` event
    """
    if isinstance(body, str | bytes):
        text = body if isinstance(body, str) else body.decode("utf-8", "replace")
        try:
            body = json.loads(text)
        except (ValueError, RecursionError):
            return _parse_error_text(text)
    if isinstance(body, list) and body:
        body = as_list(body)[0]
    outer = as_object(body)
    error = outer.get("error")
    inner = as_object(error) or outer
    message = (
        as_text(error) or as_text(inner.get("message")) or as_text(outer.get("detail")) or as_text(outer.get("message"))
    )
    if isinstance(body, dict) and message.startswith(("data:", "event:")):  # text that an SDK has wrapped in JSON
        return _parse_error_text(message)
    codes = [inner.get("type"), inner.get("code"), inner.get("status"), inner.get("error_code")]
    details = [detail for detail in as_list(inner.get("details")) if is_object(detail)]
    codes += [detail.get("reason") for detail in details]
    if inner.get("status") == "RESOURCE_EXHAUSTED" and _quota_exhausted(details, message):
        codes.append("quota_spent")
    named = frozenset(str(code).lower() for code in codes if isinstance(code, str | int) and not isinstance(code, bool))
    return _ErrorBody(message[:MAX_BODY], named - {"error", ""})


def _parse_error_text(text: str) -> _ErrorBody:
    if found := _EVENT_STREAM_ERROR.match(text):
        try:
            return _parse_error_body(json.loads(found[1]))
        except (ValueError, RecursionError):
            pass
    return _ErrorBody(text[:MAX_BODY], frozenset())


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


def _classify(status: int | None, body: _ErrorBody) -> FailureKind:
    number = status if status and status != 200 else next((int(c) for c in body.codes if c.isdigit()), 0)
    if number == 401 or body.has("authentication_error", "invalid_api_key", "api_key_invalid", "unauthenticated"):
        return FailureKind.AUTH
    if number == 402 or body.has("billing_error", "insufficient_quota", "quota_spent"):
        return FailureKind.QUOTA
    if body.has("context_length_exceeded") or number == 413 or (number in (0, 400) and _TOO_LONG.search(body.message)):
        return FailureKind.CONTEXT_TOO_LONG
    if body.has("content_filter", "content_policy_violation"):
        return FailureKind.CONTENT_FILTER
    if number == 403 or body.has("permission_error", "permission_denied"):
        return FailureKind.PERMISSION
    if number == 404 or body.has("not_found_error", "model_not_found", "not_found"):
        return FailureKind.NOT_FOUND
    if number == 429 or body.has("rate_limit_error", "rate_limit_exceeded", "resource_exhausted"):
        return FailureKind.RATE_LIMITED
    if number in (503, 529) or body.has("overloaded_error", "unavailable"):
        return FailureKind.OVERLOADED
    if number in (0, 400) and _HISTORY.search(body.message):
        return FailureKind.HISTORY_INVALID
    if number >= 500 or body.has("api_error", "server_error", "internal", "internal_server_error"):
        return FailureKind.SERVER
    return FailureKind.BAD_REQUEST if number else FailureKind.SERVER


def _message(
    kind: FailureKind, status: int | None, body: _ErrorBody, text: Safe, endpoint: Endpoint, model: str
) -> Safe:
    title, number = safe_line(endpoint.title), safe_line(_number(status, body))
    match kind:
        case FailureKind.AUTH:
            code = safe_line(next(iter(sorted(c for c in body.codes if not c.isdigit())), ""))
            why = safe_format("{n} {code}", n=number, code=code) if code else number
            masked = clean_server_text(endpoint.key, endpoint)
            key = (
                safe_format("{key} from {source}", key=masked, source=endpoint.key_source)
                if endpoint.key
                else safe_format("no key was sent")
            )
            return safe_format("{title} refused the key ({why}, {key}).", title=title, why=why, key=key)
        case FailureKind.QUOTA:
            return safe_format(
                "The account at {title} is out of credit ({n}): {text}", title=title, n=number, text=text
            )
        case FailureKind.NOT_FOUND if not body.message or "<" in body.message:
            return safe_format("There is no endpoint at {base} ({n}).", base=base_url_of(endpoint), n=number)
        case FailureKind.NOT_FOUND:
            name = safe_line(model)
            return safe_format(
                'No model "{name}" at {host} ({n}): {text}', name=name, host=host_of(endpoint), n=number, text=text
            )
        case FailureKind.RATE_LIMITED:
            return safe_format("Rate limited by {title} ({n}).", title=title, n=number)
        case FailureKind.OVERLOADED:
            return safe_format("{title} is overloaded ({n}).", title=title, n=number)
        case FailureKind.CONTEXT_TOO_LONG:
            return safe_format("Too long for {model} ({n}): {text}", model=safe_line(model), n=number, text=text)
        case FailureKind.CONTENT_FILTER:
            return safe_format(
                "Stopped by the content filter of {title} ({n}): {text}", title=title, n=number, text=text
            )
        case _:
            text = text or Safe("no reason given")
            return safe_format("{title} answered {n}: {text}", title=title, n=number, text=text)


def _hint(kind: FailureKind, endpoint: Endpoint) -> Safe:
    other = safe_format("choose another model (/model, -m)")
    match kind:
        case FailureKind.AUTH:
            return safe_format("Set another key in {source}, or {other}.", source=endpoint.key_source, other=other)
        case FailureKind.QUOTA if page := _page(kind, endpoint):
            return safe_format("Credit and limits: {page}, or {other}.", page=page, other=other)
        case FailureKind.QUOTA | FailureKind.PERMISSION:
            return safe_format("Check the account, or {other}.", other=other)
        case FailureKind.NOT_FOUND:
            return safe_format(
                "List the names with `termchat models`, or check the base URL {base}.", base=base_url_of(endpoint)
            )
        case FailureKind.RATE_LIMITED | FailureKind.OVERLOADED:
            page = _page(kind, endpoint)
            status = safe_format(" Status: {page}", page=page) if page else Safe("")
            return safe_format("Try again later, or {other}.{status}", other=other, status=status)
        case FailureKind.CONTEXT_TOO_LONG:
            return safe_format("Start a new chat with /new, or choose a model with a larger context (/model, -m).")
        case FailureKind.SERVER:
            return safe_format("Try again with /retry, or {other}.", other=other)
        case _:
            return safe_format("Change the request, or {other}.", other=other)


def _number(status: int | None, body: _ErrorBody) -> str:
    if status and status != 200:
        return str(status)
    return next(iter(sorted(body.codes)), "an error")
