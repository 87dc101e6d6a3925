"""Failures from error responses: parse the body, classify the error, choose the next step for the user."""

from __future__ import annotations

import re
from http import HTTPStatus

from termchat.core.errors import Failure, FailureKind
from termchat.core.sanitize import Safe, safe_format, safe_line
from termchat.providers.client import Endpoint, ErrorResponse
from termchat.providers.decoder import as_count
from termchat.providers.http.connection_errors import base_url_of, clean_server_text, host_of
from termchat.providers.http.endpoint_paths import lacks_version
from termchat.providers.http.error_body import ErrorBody, parse_error_body
from termchat.providers.http.retry import retry_after

_RETRYABLE = frozenset((FailureKind.RATE_LIMITED, FailureKind.OVERLOADED, FailureKind.SERVER))
_RETRYABLE_STATUS = frozenset((408, 409, 425))  # of 4xx, besides 429
# Messages of vendors that reject the conversation itself, not another part of the request.
_HISTORY = re.compile(
    r"tool_use. ids? were found without|must be followed by tool messages|must be a response to a preceding"
    r"|unexpected .?tool_use_id|ids must be unique|signature. in .?thinking|bound to a different"
    r"|thinking. blocks? .*cannot be modified|must start with a thinking block|thought.?signature"
    r"|provided without its required|required .?reasoning.? item|item with id .* not found|duplicate item found"
    r"|encrypted content .* could not be verified|no tool (call|output) found for function call"
    r"|(call_id|tool_call_id|tool_calls\S*\.id)\b.*string too long|reasoning_content. in the thinking mode"
    r"|number of function response parts|function call turns? |function response turn|roles must alternate"
    r"|alternate between user and model|tool call id was|unexpected role .* after role",
    re.IGNORECASE | re.DOTALL,
)
_CONTEXT_CODES = (
    "context_length_exceeded",
    "context_window_exceeded",
    "exceed_context_size_error",
    "model_max_prompt_tokens_exceeded",
    "input_too_long",
    "prompt_too_long",
    "max_tokens_exceeded",
)
# Each server has its own words for a full context. All name a measure of the conversation and an excess.
_MEASURE = re.compile(
    r"\btokens?\b|\bcontext\b|\bprompt\b|input (is|was|length)|length of (the )?(input|messages|prompt)|上下文|提示词",
    re.IGNORECASE,
)
_EXCESS = re.compile(
    r"too (long|large|many|big)|exceed|(larger|greater|longer|more|bigger) than|\bover\b.*\blimit|token limit"
    r"|must be <=|max(imum)? (allowed )?(context|prompt|input)|reduce the (length|size|number)|should be \[|reached"
    r"|overflow|out of (context|space)|does not fit|超(过|出|长)",
    re.IGNORECASE,
)
_RATE = re.compile(r"per (minute|hour|day|second)|\b[TR]P[MD]\b|rate.?limit|quota|billing|credit", re.IGNORECASE)
# A complaint about the limit of the reply, not about the conversation: the field stands before it.
_REPLY_LIMIT = re.compile(r"\A\W*max_?(completion_|output_|new_)?tokens\b", re.IGNORECASE)
_INPUT_SUBJECT = re.compile(r"\b(prompt|inputs?|messages)\b.*\b(exceed|too)", re.IGNORECASE)


def from_response(response: ErrorResponse, endpoint: Endpoint, model: str) -> Failure:
    """Convert an error response to a failure; `model` is the name sent in the request, for the message."""
    body = parse_error_body(response.body)
    kind = _classify(response.status, body)
    status = response.status
    text = clean_server_text(body.message, endpoint)
    return Failure(
        kind,
        _message(kind, status, body, text, endpoint, model),
        _hint(kind, endpoint),
        status,
        retry_after(response),
        retryable=_is_retryable(kind, response),
        url=_page(kind, endpoint),
    )


def _is_retryable(kind: FailureKind, response: ErrorResponse) -> bool:
    """Return True if the same request may succeed later. The status decides; the body can only forbid a retry."""
    headers = {name.lower(): value for name, value in response.headers.items()}
    if headers.get("x-should-retry", "").lower() == "false":  # OpenAI and Anthropic
        return False
    status = response.status
    if not status or status < 400:  # an error event in a stream, or an error with the status of a success
        return kind in _RETRYABLE
    if status in _RETRYABLE_STATUS:
        return kind not in (FailureKind.AUTH, FailureKind.QUOTA)
    return kind in _RETRYABLE and (status >= 500 or status == HTTPStatus.TOO_MANY_REQUESTS)


def _page(kind: FailureKind, endpoint: Endpoint) -> Safe:
    """Return the provider's status page for an overload, its billing page for a spent quota, else ""."""
    match kind:
        case FailureKind.OVERLOADED:
            return safe_line(endpoint.config.status_page)
        case FailureKind.QUOTA:
            return safe_line(endpoint.config.credit_page or endpoint.config.key_page)
        case _:
            return Safe("")


def _classify(status: int | None, body: ErrorBody) -> FailureKind:
    number = status if status and status != 200 else next((n for c in sorted(body.codes) if (n := as_count(c))), 0)
    if number == 401 or body.has("authentication_error", "invalid_api_key", "api_key_invalid", "unauthenticated"):
        return FailureKind.AUTH
    if number == 402 or body.has("billing_error", "insufficient_quota", "quota_spent"):
        return FailureKind.QUOTA
    if is_context_full(number, body):
        return FailureKind.CONTEXT_TOO_LONG
    if body.has("content_filter", "content_policy_violation"):
        return FailureKind.CONTENT_FILTER
    if number == 403 or body.has("permission_error", "permission_denied"):
        return FailureKind.PERMISSION
    if number in (404, 405) or body.has("not_found_error", "model_not_found", "not_found"):
        return FailureKind.NOT_FOUND
    if number == 429 or body.has("rate_limit_error", "rate_limit_exceeded", "resource_exhausted"):
        return FailureKind.RATE_LIMITED
    if number in (503, 529) or body.has("overloaded_error", "unavailable"):
        return FailureKind.OVERLOADED
    if number in (0, 400, 422) and _HISTORY.search(body.message):
        return FailureKind.HISTORY_INVALID
    if 400 <= number < 500:  # whatever its words are: the request must change
        return FailureKind.BAD_REQUEST
    if number >= 500 or body.has("api_error", "server_error", "internal", "internal_server_error"):
        return FailureKind.SERVER
    return FailureKind.BAD_REQUEST if number else FailureKind.SERVER


def is_context_full(status: int, body: ErrorBody) -> bool:
    """Return True if the conversation does not fit the model, by code, by status, or by words of these statuses."""
    if body.has(*_CONTEXT_CODES):
        return True
    if status not in (0, 400, 413, 422, 500):
        return False
    if _RATE.search(body.message) and status != 413:
        return False
    if _REPLY_LIMIT.match(body.message) and not _INPUT_SUBJECT.search(body.message):
        return False
    return status == 413 or bool(_MEASURE.search(body.message) and _EXCESS.search(body.message))


def is_missing_endpoint(failure: Failure, body: ErrorBody, model: str) -> bool:
    """Return True for a 404 or 405 of the path: its words name neither the model nor models.

    `model` is "" for a request without one, such as a listing: its words name the path, `GET /models`.
    """
    return failure.status == 405 or (failure.status == 404 and _names_no_model(body, model))


def _names_no_model(body: ErrorBody, model: str) -> bool:
    if not model:
        return True
    words = body.message.lower()
    if body.has("model_not_found"):
        return False
    named = re.search(rf"(?<![\w/-]){re.escape(model.lower())}(?![\w/-])", words)
    return "<" in words or not ("model" in words or named)


def _message(
    kind: FailureKind, status: int | None, body: ErrorBody, text: Safe, endpoint: Endpoint, model: str
) -> Safe:
    title, number = safe_line(endpoint.title), safe_line(_number(status, body))
    match kind:
        case FailureKind.AUTH:
            code = safe_line(next(iter(sorted(c for c in body.codes if not c.isdigit())), ""))
            why = safe_format("{n} {code}", n=number, code=code) if code else number
            if not endpoint.key:
                return safe_format("{title} wants a key ({why}), and none was sent.", title=title, why=why)
            masked = clean_server_text(endpoint.key, endpoint)
            key = safe_format("{key} from {source}", key=masked, source=endpoint.key_source)
            return safe_format("{title} refused the key ({why}, {key}).", title=title, why=why, key=key)
        case FailureKind.QUOTA:
            return safe_format(
                "The account at {title} is out of credit ({n}): {text}", title=title, n=number, text=text
            )
        case FailureKind.NOT_FOUND if not body.message or "<" in body.message or status == 405:
            return safe_format("There is no endpoint at {base} ({n}).", base=base_url_of(endpoint), n=number)
        case FailureKind.NOT_FOUND if _names_no_model(body, model):
            return safe_format("{base} answered {n}: {text}", base=base_url_of(endpoint), n=number, text=text)
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
        case FailureKind.AUTH if not endpoint.key and endpoint.config.source == "--base-url":
            return safe_format("Add --key env:NAME, cmd:COMMAND or file:PATH.")
        case FailureKind.AUTH if not endpoint.key:
            name = safe_line(endpoint.config.name)
            return safe_format("Set one up with `termchat login {name}`, or {other}.", name=name, other=other)
        case FailureKind.AUTH:
            return safe_format("Set another key in {source}, or {other}.", source=endpoint.key_source, other=other)
        case FailureKind.QUOTA if page := _page(kind, endpoint):
            return safe_format("Credit and limits: {page}, or {other}.", page=page, other=other)
        case FailureKind.QUOTA | FailureKind.PERMISSION:
            return safe_format("Check the account, or {other}.", other=other)
        case FailureKind.NOT_FOUND if lacks_version(endpoint.protocol, endpoint.base):
            base = base_url_of(endpoint)
            return safe_format("Most base URLs end in /v1; this one does not: {base}.", base=base)
        case FailureKind.NOT_FOUND:
            return safe_format(
                "List the names with `termchat models`, or check the base URL {base}.", base=base_url_of(endpoint)
            )
        case FailureKind.RATE_LIMITED | FailureKind.OVERLOADED:
            page = _page(kind, endpoint)
            status = safe_format(" Status: {page}", page=page) if page else Safe("")
            return safe_format("Try again later, or {other}.{status}", other=other, status=status)
        case FailureKind.CONTEXT_TOO_LONG:
            return safe_format("Start a new chat, or choose a model with a larger context (/model, -m).")
        case FailureKind.SERVER:
            return safe_format("Try again, or {other}.", other=other)
        case _:
            return safe_format("Change the request, or {other}.", other=other)


def _number(status: int | None, body: ErrorBody) -> str:
    if status and status != 200:
        return str(status)
    return next(iter(sorted(body.codes)), "an error")
