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


def error_details(error: Exception, report: ErrorResponse | None, at: Endpoint) -> FailureDetails:
    """What a server said instead of a reply, or what became of the connection."""
    if report is None:
        return FailureDetails(server_message=_bounded("\n".join(exception_causes(error)), at))
    return FailureDetails(request_id=request_id(report.headers, at), server_message=_bounded(_body(report), at))


def request_id(headers: Mapping[str, str], at: Endpoint) -> Safe:
    """The id under which the server knows a request, "" when it tells none."""
    told = {name.lower(): value for name, value in headers.items()}
    return next((safe_line(at.redact(told[name][:200])) for name in _IDS if told.get(name)), EMPTY)


def _body(report: ErrorResponse) -> str:
    if report.raw:
        return report.raw[:_READ].decode("utf-8", "replace")
    if isinstance(report.body, bytes):
        return report.body[:_READ].decode("utf-8", "replace")
    return report.body if isinstance(report.body, str) else json.dumps(report.body, ensure_ascii=False, default=str)


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
