"""Errors in the vendors' formats and words."""

from __future__ import annotations

from typing import Any, NamedTuple

from tests.gateway.render.frames import Json
from tests.gateway.signatures import Protocol


class _Error(NamedTuple):
    """A vendor's type (or code, or status word) and message for one status."""

    kind: str
    words: str
    code: str | None = None


_OPENAI = {
    400: _Error("invalid_request_error", "Invalid request."),
    401: _Error(
        "invalid_request_error",
        "Incorrect API key provided. You can find your API key at https://platform.openai.com/account/api-keys.",
        "invalid_api_key",
    ),
    402: _Error("insufficient_credits", "Insufficient credits."),
    403: _Error("permission_error", "You are not allowed to use this model.", "permission_denied"),
    404: _Error(
        "invalid_request_error", "The model does not exist or you do not have access to it.", "model_not_found"
    ),
    408: _Error("timeout", "Request timed out."),
    409: _Error("conflict", "The request conflicts with another."),
    413: _Error("invalid_request_error", "Request too large."),
    422: _Error("invalid_request_error", "Unprocessable entity."),
    429: _Error("requests", "Rate limit reached for requests. Please try again in 1s.", "rate_limit_exceeded"),
    500: _Error("server_error", "The server had an error while processing your request. Sorry about that!"),
    503: _Error("server_error", "That model is currently overloaded with other requests."),
}

_ANTHROPIC = {
    400: _Error("invalid_request_error", "Invalid request."),
    401: _Error("authentication_error", "invalid x-api-key"),
    402: _Error("billing_error", "Your credit balance is too low to access the Anthropic API."),
    403: _Error("permission_error", "Your API key does not have permission to use the specified resource."),
    404: _Error("not_found_error", "model not found"),
    408: _Error("timeout_error", "Request timed out."),
    409: _Error("conflict_error", "The request conflicts with another."),
    413: _Error("request_too_large", "Request exceeds the maximum size"),
    429: _Error("rate_limit_error", "This request would exceed your account's rate limit. Please try again later."),
    500: _Error("api_error", "Internal server error"),
    504: _Error("timeout_error", "Gateway timeout"),
    529: _Error("overloaded_error", "Overloaded"),
}

_GEMINI = {
    400: _Error("INVALID_ARGUMENT", "Request contains an invalid argument."),
    401: _Error("UNAUTHENTICATED", "Request had invalid authentication credentials."),
    403: _Error("PERMISSION_DENIED", "The caller does not have permission"),
    404: _Error("NOT_FOUND", "models/x is not found for API version v1, or is not supported."),
    408: _Error("DEADLINE_EXCEEDED", "Deadline expired before operation could complete."),
    409: _Error("ABORTED", "The operation was aborted."),
    429: _Error("RESOURCE_EXHAUSTED", "You exceeded your current quota, please check your plan."),
    500: _Error("INTERNAL", "An internal error has occurred. Please retry."),
    503: _Error("UNAVAILABLE", "The model is overloaded. Please try again later."),
    504: _Error("DEADLINE_EXCEEDED", "The request timed out."),
    529: _Error("UNAVAILABLE", "The model is overloaded. Please try again later."),
}

_TABLES = {
    Protocol.CHAT: _OPENAI,
    Protocol.RESPONSES: _OPENAI,
    Protocol.ANTHROPIC: _ANTHROPIC,
    Protocol.GEMINI: _GEMINI,
}

_KINDS: dict[tuple[str, Protocol], tuple[int, _Error]] = {
    ("context", Protocol.ANTHROPIC): (
        400,
        _Error("invalid_request_error", "prompt is too long: 210042 tokens > 200000 maximum"),
    ),
    ("context", Protocol.GEMINI): (
        400,
        _Error(
            "INVALID_ARGUMENT",
            "The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).",
        ),
    ),
    ("quota", Protocol.ANTHROPIC): (
        402,
        _Error("billing_error", "Your credit balance is too low to access the Anthropic API."),
    ),
    ("quota", Protocol.GEMINI): (
        429,
        _Error("RESOURCE_EXHAUSTED", "You exceeded your current quota, please check your plan and billing details."),
    ),
    ("key", Protocol.ANTHROPIC): (401, _ANTHROPIC[401]),
    ("key", Protocol.GEMINI): (
        400,
        _Error("INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", "API_KEY_INVALID"),
    ),
    ("filter", Protocol.ANTHROPIC): (
        400,
        _Error("invalid_request_error", "Output blocked by content filtering policy"),
    ),
    ("filter", Protocol.GEMINI): (400, _Error("INVALID_ARGUMENT", "The prompt was blocked.")),
}

_OPENAI_KINDS: dict[str, tuple[int, _Error]] = {
    "context": (
        400,
        _Error(
            "invalid_request_error",
            "This model's maximum context length is 128000 tokens. However, your messages resulted in 130042 tokens.",
            "context_length_exceeded",
        ),
    ),
    "quota": (
        429,
        _Error(
            "insufficient_quota",
            "You exceeded your current quota, please check your plan and billing details.",
            "insufficient_quota",
        ),
    ),
    "key": (401, _OPENAI[401]),
    "filter": (
        400,
        _Error("invalid_request_error", "The prompt triggered the content management policy.", "content_filter"),
    ),
}


def error_status(protocol: Protocol, status: int, kind: str = "") -> int:
    """The status a vendor uses for a kind of error."""
    return _find(protocol, status, kind)[0]


def error_body(
    protocol: Protocol, status: int, *, kind: str = "", message: str = "", retry_after: str | None = None
) -> Json:
    """The JSON body of an error; `message` replaces the vendor's usual message."""
    status, error_words = _find(protocol, status, kind)
    words = message or error_words.words
    if protocol is Protocol.ANTHROPIC:
        error: Json = {"type": error_words.kind, "message": words}
        return {"type": "error", "error": error, "request_id": "req_gateway"}
    if protocol is Protocol.GEMINI:
        return _gemini(status, error_words, words, retry_after)
    return {"error": {"message": words, "type": error_words.kind, "param": None, "code": error_words.code}}


def _gemini(status: int, error_words: _Error, words: str, retry_after: str | None) -> Json:
    details: list[Any] = []
    if error_words.code:
        details.append(
            {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": error_words.code,
                "domain": "googleapis.com",
            }
        )
    if status == 429:
        span = "PerDayPerProjectPerModel-FreeTier" if "billing" in error_words.words else "PerMinutePerProjectPerModel"
        violation = {"quotaMetric": "generativelanguage.googleapis.com/requests", "quotaId": f"GenerateRequests{span}"}
        details.append({"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [violation]})
    if retry_after is not None and retry_after.isdigit():
        # Gemini uses RESOURCE_EXHAUSTED for a rate limit of a minute and for the quota of a day
        delay = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": f"{retry_after}s"}
        details.append(delay)
    error: Json = {"code": status, "message": words, "status": error_words.kind}
    return {"error": error | ({"details": details} if details else {})}


def _find(protocol: Protocol, status: int, kind: str) -> tuple[int, _Error]:
    if kind:
        if protocol in (Protocol.CHAT, Protocol.RESPONSES):
            return _OPENAI_KINDS[kind]
        return _KINDS[kind, protocol]
    table = _TABLES[protocol]
    return status, table.get(status) or table[400 if status < 500 else 500]
