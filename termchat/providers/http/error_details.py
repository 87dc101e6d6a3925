"""Details of a failure from the server and the connection: redacted, safe and of bounded length."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from termchat.core.errors import FailureDetails
from termchat.core.sanitize import EMPTY, Safe, safe, safe_line
from termchat.providers.client import Endpoint, ErrorResponse

_MAX_MESSAGE = 4000  # characters of a server's text
_MAX_BODY = 4 * _MAX_MESSAGE  # bytes of an error body that are decoded for it: a body may be megabytes
_MAX_ID = 200  # characters
# The response headers that name a request, by vendor: OpenAI, Anthropic, Google, Azure, AWS, Cloudflare.
_ID_HEADERS = ("x-request-id", "request-id", "x-goog-request-id", "apim-request-id", "x-amzn-requestid", "cf-ray")


def error_details(error: Exception, response: ErrorResponse | None, endpoint: Endpoint) -> FailureDetails:
    """Return the request id and body of an error response; the chain of exceptions when there was no response."""
    if response is None:
        chain = "\n".join(_describe(cause) for cause in exception_chain(error))
        return FailureDetails(server_message=_bounded(chain, endpoint))
    return FailureDetails(
        request_id=request_id(response.headers, endpoint), server_message=_bounded(_body_text(response), endpoint)
    )


def request_id(headers: Mapping[str, str], endpoint: Endpoint) -> Safe:
    """Return the server's id of a request from the response headers, "" when no header names it."""
    by_name = {name.lower(): value for name, value in headers.items()}
    ids = (by_name[name][:_MAX_ID] for name in _ID_HEADERS if by_name.get(name))
    return next((safe_line(endpoint.redact(value)) for value in ids), EMPTY)


def exception_chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and its causes, the outermost first and each once. SDKs wrap the exceptions of httpx2."""
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield cause
        cause = cause.__cause__ or cause.__context__


def _describe(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".removesuffix(": ")


def _body_text(response: ErrorResponse) -> str:
    body = response.raw or response.body
    if isinstance(body, bytes):
        return body[:_MAX_BODY].decode("utf-8", "replace")
    return body if isinstance(body, str) else json.dumps(body, ensure_ascii=False, default=str)


def _bounded(text: str, endpoint: Endpoint) -> Safe:
    text = endpoint.redact(text[:_MAX_BODY]).strip()
    return safe(text if len(text) <= _MAX_MESSAGE else f"{text[:_MAX_MESSAGE]}…")
