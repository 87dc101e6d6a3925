"""Errors of the server: the HTTP status of a failure, and its shape in each dialect.

Sources: https://platform.openai.com/docs/guides/error-codes, https://docs.anthropic.com/en/api/errors
"""

from __future__ import annotations

import math
import re
from typing import Any

from termchat.core.errors import Failure, FailureKind
from termchat.core.events import TurnEnded
from termchat.core.outcomes import Outcome
from termchat.core.sanitize import Safe
from termchat.late_dataclass import dataclass

_STATUS = {
    FailureKind.TIMEOUT: 504,
    FailureKind.NETWORK: 502,
    FailureKind.BAD_CONFIG: 400,
    FailureKind.NO_KEY: 401,
    FailureKind.AUTH: 401,
    FailureKind.QUOTA: 402,
    FailureKind.PERMISSION: 403,
    FailureKind.NOT_FOUND: 404,
    FailureKind.CONTEXT_TOO_LONG: 400,
    FailureKind.CONTENT_FILTER: 400,
    FailureKind.RATE_LIMITED: 429,
    FailureKind.OVERLOADED: 503,
    FailureKind.HISTORY_INVALID: 400,
    FailureKind.BAD_REQUEST: 400,
    FailureKind.SERVER: 502,
    FailureKind.CUT: 502,
    FailureKind.BAD_RESPONSE: 502,
    FailureKind.EMPTY: 502,
    FailureKind.BUDGET: 402,
    FailureKind.STORAGE: 500,
    FailureKind.BUG: 500,
}
_CODES = {
    FailureKind.CONTEXT_TOO_LONG: "context_length_exceeded",
    FailureKind.RATE_LIMITED: "rate_limit_exceeded",
    FailureKind.QUOTA: "insufficient_quota",
    FailureKind.BUDGET: "budget_exceeded",
    FailureKind.NOT_FOUND: "model_not_found",
    FailureKind.CUT: "stream_cut",
}
_OPENAI = {
    400: "invalid_request_error", 401: "authentication_error", 402: "insufficient_quota", 403: "permission_error",
    404: "invalid_request_error", 405: "invalid_request_error", 413: "invalid_request_error", 429: "rate_limit_error",
}  # fmt: skip
_ANTHROPIC = {
    400: "invalid_request_error", 401: "authentication_error", 402: "billing_error", 403: "permission_error",
    404: "not_found_error", 405: "invalid_request_error", 413: "request_too_large", 429: "rate_limit_error",
    503: "overloaded_error", 504: "timeout_error", 529: "overloaded_error",
}  # fmt: skip
_RETRIED_ALREADY = (500, 502, 504)
_CLIENT_RULES = (  # slash commands, which only a terminal has, and what clients have instead
    (r" \(/model, -m\)|: /model in a chat, -m in a script", ""),
    (r"/compact, /drop N, (--.+?) in a script", r"start termchat with \1"),
    (r"/set search off", "start termchat with --set search=off"),
    (r"(?:/[a-z]+[^/]*? and )?/[a-z]+[^/]*? in a chat, (--.+?) in a script", r"start termchat with \1"),
    (r" or, in a chat, /[a-z]+ lists", " lists"),
    (r"In a chat, /continue and /retry work", "Continue and retry work"),
    (r"(; | · )in a chat, /[a-z]+ [^.]*", ""),
    (r"( ·)? /undo returns to the (whole )?chat\.?", ""),
)


class FaceError(Exception):
    """A request that gets no reply: the error to answer with."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


@dataclass(frozen=True, slots=True)
class Fault:
    """An error: its HTTP status, a sentence, the code that OpenAI's dialect has, and the seconds to wait.

    hint   the next step, where it is not in the message
    """

    status: int
    message: str
    code: str | None = None
    retry_after: float | None = None
    hint: str = ""

    @property
    def headers(self) -> dict[str, str]:
        """The headers of the answer. The SDKs do not repeat what was tried several times already."""
        found: dict[str, str] = {}
        if self.retry_after is not None:
            found["retry-after"] = str(max(0, math.ceil(self.retry_after)))
        if self.status in _RETRIED_ALREADY:
            found["x-should-retry"] = "false"
        if self.status == 401:
            found["www-authenticate"] = "Bearer"
        return found


def bad_request(message: str) -> FaceError:
    """Return the error of a request that cannot be understood, or asks for what is not supported."""
    return FaceError(Fault(400, message))


def client_words(words: Safe) -> Safe:
    """Return a next step, or a notice, that names nothing that a client of the server does not have."""
    text: str = words
    for pattern, instead in _CLIENT_RULES:
        text = re.sub(pattern, instead, text)
    return Safe(text)


def fault_of(failure: Failure) -> Fault:
    """Return a failure as an error of the server."""
    message = f"{failure.message} {client_words(failure.hint)}".strip()
    return Fault(_STATUS[failure.kind], message, _CODES.get(failure.kind), failure.retry_after)


def page_fault(failure: Failure) -> Fault:
    """Return a failure as an error of the page's API, where 401 is about the token of the server only."""
    status = _STATUS[failure.kind]
    status = 400 if status == 401 else status
    return Fault(status, failure.message, failure.kind.value, failure.retry_after, client_words(failure.hint))


def end_fault(ended: TurnEnded) -> Fault | None:
    """Return the error of a reply that did not end as replies do, None for one that did."""
    if ended.outcome in (Outcome.COMPLETE, Outcome.LENGTH, Outcome.REFUSED):
        return None
    if ended.outcome is Outcome.FILTERED and ended.failure is None:
        return None
    if ended.failure:
        return fault_of(ended.failure)
    if ended.outcome is Outcome.CANCELLED:
        return Fault(503, "The reply was stopped: the server shuts down.", "server_shutdown")
    return Fault(502, f"The reply did not end: {ended.outcome.value}.")


def openai_error(fault: Fault) -> dict[str, Any]:
    """Return an error in the shape of OpenAI's dialects."""
    kind = _OPENAI.get(fault.status, "server_error")
    return {"error": {"message": fault.message, "type": kind, "param": None, "code": fault.code}}


def anthropic_error(fault: Fault) -> dict[str, Any]:
    """Return an error in the shape of Anthropic's dialect."""
    kind = _ANTHROPIC.get(fault.status, "api_error")
    return {"type": "error", "error": {"type": kind, "message": fault.message}}


def plain_error(fault: Fault) -> dict[str, Any]:
    """Return an error in the shape of `/api/chat/stream`."""
    return {"error": fault.message}


def page_error(fault: Fault) -> dict[str, Any]:
    """Return an error in the shape of the page's API."""
    return {"error": {"message": fault.message, "hint": fault.hint, "kind": fault.code or ""}}


def error_shape(path: str, fault: Fault) -> dict[str, Any]:
    """Return an error in the shape of the dialect that a path belongs to."""
    if path.startswith("/v1/messages"):
        return anthropic_error(fault)
    if path == "/api/chat/stream":
        return plain_error(fault)
    return page_error(fault) if path.startswith("/api/") else openai_error(fault)
