"""Failures from HTTP error responses: read the body, find the kind, choose the next step."""

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


@dataclass(frozen=True, slots=True)
class _ErrorBody:
    """What a server says of an error: its words, and every code it gives for it."""

    words: str
    codes: frozenset[str]

    def has(self, *codes: str) -> bool:
        return not self.codes.isdisjoint(codes)


def from_response(response: ErrorResponse, at: Endpoint, model: str) -> Failure:
    """A failure from what the server answered."""
    body = _parse_error_body(response.body)
    kind = _kind(response.status, body)
    status = response.status
    words = clean_server_text(body.words, at)
    return Failure(
        kind,
        _message(kind, status, body, words, at, model),
        _hint(kind, at),
        status,
        retry_after(response),
        retryable=kind in _AGAIN or status in (408, 409),
        url=_page(kind, at),
    )


def _page(kind: FailureKind, at: Endpoint) -> Safe:
    """Where the provider tells more, or can be paid."""
    match kind:
        case FailureKind.OVERLOADED:
            return safe_line(at.config.status_page)
        case FailureKind.QUOTA:
            return safe_line(at.config.credit_page or at.config.key_page)
        case _:
            return Safe("")


def _parse_error_body(body: Any) -> _ErrorBody:
    """The words and the codes, in whichever of the vendors' forms they came."""
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
    words = (
        as_text(error) or as_text(inner.get("message")) or as_text(outer.get("detail")) or as_text(outer.get("message"))
    )
    if isinstance(body, dict) and words.startswith(("data:", "event:")):  # an SDK made JSON of a text
        return _parse_error_text(words)
    codes = [inner.get("type"), inner.get("code"), inner.get("status"), inner.get("error_code")]
    details = [detail for detail in as_list(inner.get("details")) if is_object(detail)]
    codes += [detail.get("reason") for detail in details]
    codes += ["quota_spent"] if inner.get("status") == "RESOURCE_EXHAUSTED" and _quota_exhausted(details, words) else []
    named = frozenset(str(code).lower() for code in codes if isinstance(code, str | int) and not isinstance(code, bool))
    return _ErrorBody(words[:MAX_BODY], named - {"error", ""})


def _parse_error_text(text: str) -> _ErrorBody:
    if found := STATUS_IN_STREAM.match(text):
        try:
            return _parse_error_body(json.loads(found[1]))
        except (ValueError, RecursionError):
            pass
    return _ErrorBody(text[:MAX_BODY], frozenset())


def _quota_exhausted(details: list[dict[str, Any]], words: str) -> bool:
    """Whether Gemini means a quota that no short wait gives back: it has one status word for that and for a rate."""
    violations = [as_object(one) for detail in details for one in as_list(detail.get("violations"))]
    if violations:
        return any(
            _LONG_QUOTA.search(as_text(one.get("quotaId"))) or as_text(one.get("quotaValue")) == "0"
            for one in violations
        )
    return bool(_BILLING.search(words)) and not any("retryDelay" in detail for detail in details)


def _kind(status: int | None, body: _ErrorBody) -> FailureKind:
    number = status if status and status != 200 else next((int(c) for c in body.codes if c.isdigit()), 0)
    if number == 401 or body.has("authentication_error", "invalid_api_key", "api_key_invalid", "unauthenticated"):
        return FailureKind.AUTH
    if number == 402 or body.has("billing_error", "insufficient_quota", "quota_spent"):
        return FailureKind.QUOTA
    if body.has("context_length_exceeded") or number == 413 or (number in (0, 400) and _TOO_LONG.search(body.words)):
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
    if number in (0, 400) and _HISTORY.search(body.words):
        return FailureKind.HISTORY_INVALID
    if number >= 500 or body.has("api_error", "server_error", "internal", "internal_server_error"):
        return FailureKind.SERVER
    return FailureKind.BAD_REQUEST if number else FailureKind.SERVER


def _message(kind: FailureKind, status: int | None, body: _ErrorBody, words: Safe, at: Endpoint, model: str) -> Safe:
    title, number = safe_line(at.title), safe_line(_number(status, body))
    match kind:
        case FailureKind.AUTH:
            code = safe_line(next(iter(sorted(c for c in body.codes if not c.isdigit())), ""))
            why = safe_format("{n} {code}", n=number, code=code) if code else number
            masked = clean_server_text(at.key, at)
            key = (
                safe_format("{key} from {source}", key=masked, source=at.key_source)
                if at.key
                else safe_format("no key was sent")
            )
            return safe_format("{title} refused the key ({why}, {key}).", title=title, why=why, key=key)
        case FailureKind.QUOTA:
            return safe_format(
                "The account at {title} is out of credit ({n}): {words}", title=title, n=number, words=words
            )
        case FailureKind.NOT_FOUND if not body.words or "<" in body.words:
            return safe_format("{base} has no such address ({n}).", base=base_url_of(at), n=number)
        case FailureKind.NOT_FOUND:
            name = safe_line(model)
            return safe_format(
                'No model "{name}" at {host} ({n}): {words}', name=name, host=host_of(at), n=number, words=words
            )
        case FailureKind.RATE_LIMITED:
            return safe_format("Rate limited by {title} ({n}).", title=title, n=number)
        case FailureKind.OVERLOADED:
            return safe_format("{title} is overloaded ({n}).", title=title, n=number)
        case FailureKind.CONTEXT_TOO_LONG:
            return safe_format("Too long for {model} ({n}): {words}", model=safe_line(model), n=number, words=words)
        case FailureKind.CONTENT_FILTER:
            return safe_format("Stopped by the filter of {title} ({n}): {words}", title=title, n=number, words=words)
        case _:
            words = words or Safe("no reason given")
            return safe_format("{title} answered {n}: {words}", title=title, n=number, words=words)


def _hint(kind: FailureKind, at: Endpoint) -> Safe:
    other = safe_format("choose another model (/model, -m)")
    match kind:
        case FailureKind.AUTH:
            return safe_format("Set another key in {source}, or {other}.", source=at.key_source, other=other)
        case FailureKind.QUOTA if page := _page(kind, at):
            return safe_format("Credit and limits: {page}, or {other}.", page=page, other=other)
        case FailureKind.QUOTA | FailureKind.PERMISSION:
            return safe_format("Look at the account, or {other}.", other=other)
        case FailureKind.NOT_FOUND:
            return safe_format(
                "See the names with `termchat models`, or check the base URL {base}.", base=base_url_of(at)
            )
        case FailureKind.RATE_LIMITED | FailureKind.OVERLOADED:
            page = _page(kind, at)
            status = safe_format(" Status: {page}", page=page) if page else Safe("")
            return safe_format("Try again later, or {other}.{status}", other=other, status=status)
        case FailureKind.CONTEXT_TOO_LONG:
            return safe_format("Start anew with /new, or choose a model that reads more (/model, -m).")
        case FailureKind.SERVER:
            return safe_format("Try again with /retry, or {other}.", other=other)
        case _:
            return safe_format("Change the request, or {other}.", other=other)


def _number(status: int | None, body: _ErrorBody) -> str:
    if status and status != 200:
        return str(status)
    return next(iter(sorted(body.codes)), "an error")


# The error of a gateway that had promised a stream: an event, and more events behind it.
STATUS_IN_STREAM = re.compile(r"\A(?:event:[^\n]*\n)?data:[ ]?(\{[^\n]*\}).*\Z", re.DOTALL)


_AGAIN = frozenset((FailureKind.RATE_LIMITED, FailureKind.OVERLOADED, FailureKind.SERVER))


# Messages with which vendors refuse the conversation itself, not the request around it.
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
