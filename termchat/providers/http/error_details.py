"""What stands behind a failure, as far as server and connection tell it: redacted, safe, and of a bounded length."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

from termchat.core.errors import FailureDetails
from termchat.core.sanitize import EMPTY, Safe, safe, safe_line
from termchat.providers.client import Endpoint, ErrorResponse

_LONGEST = 4000  # characters of a server's own words
_READ = 4 * _LONGEST  # bytes in which they are looked for: an error may be megabytes
_IDS = ("x-request-id", "request-id", "x-goog-request-id", "apim-request-id", "x-amzn-requestid", "cf-ray")


def error_details(error: Exception, response: ErrorResponse | None, at: Endpoint) -> FailureDetails:
    """What a server said instead of a reply, or what became of the connection."""
    if response is None:
        return FailureDetails(server_message=_bounded("\n".join(exception_causes(error)), at))
    return FailureDetails(request_id=request_id(response.headers, at), server_message=_bounded(_body(response), at))


def request_id(headers: Mapping[str, str], at: Endpoint) -> Safe:
    """The id under which the server knows a request, "" when it tells none."""
    by_name = {name.lower(): value for name, value in headers.items()}
    return next((safe_line(at.redact(by_name[name][:200])) for name in _IDS if by_name.get(name)), EMPTY)


def _body(response: ErrorResponse) -> str:
    if response.raw:
        return response.raw[:_READ].decode("utf-8", "replace")
    if isinstance(response.body, bytes):
        return response.body[:_READ].decode("utf-8", "replace")
    return (
        response.body if isinstance(response.body, str) else json.dumps(response.body, ensure_ascii=False, default=str)
    )


def _bounded(words: str, at: Endpoint) -> Safe:
    text = at.redact(words[:_READ]).strip()
    return safe(text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…")


def exception_causes(error: BaseException) -> Iterator[str]:
    """The exception and those it came from, each once."""
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        yield f"{type(cause).__name__}: {cause}".removesuffix(": ")
        cause = cause.__cause__ or cause.__context__
