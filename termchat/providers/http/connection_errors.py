"""Failures of a provider as `Failure` values.

Sources are the server's error responses (`http_errors.py`) and the exceptions of the SDKs and of the connection. A
server's text is untrusted: it is redacted, stripped of markup and cut to one line.
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterator, Mapping
from html import unescape
from typing import Any

import httpx2

from termchat.core.errors import Failure, FailureKind
from termchat.core.sanitize import Safe, safe_format, safe_line
from termchat.providers.client import Endpoint, ErrorResponse

MAX_MESSAGE = 300  # characters of a server's own words
MAX_BODY = 20 * MAX_MESSAGE  # characters in which they are looked for: an error may be megabytes
_AWAY = (httpx2.ConnectError, httpx2.ConnectTimeout, ConnectionRefusedError, socket.gaierror)


def from_exception(error: Exception, at: Endpoint, *, began: bool) -> Failure | None:
    """A failure from an exception of the connection; None when it is none of those. `began`: headers had come."""
    causes = list(_causes(error))
    for cause in causes:
        match cause:
            case httpx2.UnsupportedProtocol() | httpx2.InvalidURL():
                return Failure(
                    FailureKind.BAD_CONFIG,
                    safe_format("{base} is not a usable base URL.", base=base_url_of(at)),
                    _check_base(at),
                )
            case UnicodeEncodeError() | httpx2.LocalProtocolError():
                return unusable_key(at.key_source)
            case ssl.SSLWantReadError() | ssl.SSLWantWriteError():
                pass  # it was waiting when the time was over
            case ssl.SSLError():
                words = safe_format(
                    "Cannot reach {host} (TLS: {why}).", host=host_of(at), why=clean_server_text(_tls_words(cause), at)
                )
                return Failure(FailureKind.NETWORK, words, _check_base(at))
            case _:
                pass
    if not any(isinstance(cause, httpx2.HTTPError | OSError) for cause in causes):
        return None
    if began:
        return truncated(safe_format("The connection was cut"))
    why = _why(causes, at)
    hint = safe_format("Check the connection, or the base URL {base}.", base=base_url_of(at))
    words = safe_format("Cannot reach {host} ({why}).", host=host_of(at), why=why)
    away = any(isinstance(cause, _AWAY) for cause in causes)
    return Failure(FailureKind.NETWORK, words, hint, retryable=True, unreachable=away)


def history_refused(at: Endpoint) -> Failure:
    """The conversation itself is refused, in a word at the end of an empty reply."""
    words = safe_format("{title} refused the history of this chat.", title=safe_line(at.title))
    return Failure(FailureKind.HISTORY_INVALID, words, safe_format("Try another model with /model."))


def unusable_key(source: Safe) -> Failure:
    """A key, or a header, that cannot be sent."""
    words = safe_format("The key from {source} has characters no key can have.", source=source)
    return Failure(FailureKind.BAD_CONFIG, words, safe_format("Paste it again, without blanks and line breaks."))


def truncated(what: Safe) -> Failure:
    """The reply has no end."""
    return Failure(
        FailureKind.CUT, safe_format("{what}: the reply is incomplete.", what=what), safe_format("/retry asks again.")
    )


def unexpected_response(at: Endpoint, what: Safe, *, retryable: bool = False) -> Failure:
    """A 200 that is no reply."""
    words = safe_format("{host} sent {what}, not an API reply.", host=host_of(at), what=what)
    return Failure(FailureKind.BAD_RESPONSE, words, _check_base(at), retryable=retryable)


def redirected(response: ErrorResponse, at: Endpoint) -> Failure:
    """A redirect is never followed: the key belongs to the origin it was configured for."""
    headers = {name.lower(): value for name, value in response.headers.items()}
    target = clean_server_text(headers.get("location", "nowhere"), at)
    words = safe_format(
        "{host} redirects to {to}; it is not followed, so that the key stays.", host=host_of(at), to=target
    )
    return Failure(FailureKind.BAD_CONFIG, words, _check_base(at), response.status)


def clean_server_text(words: str, at: Endpoint) -> Safe:
    """A server's words for one line: no keys, no markup, no control characters, not long."""
    text = at.redact(words[:MAX_BODY])
    if re.search(r"<(!doctype|html|head|body|h1|p)\b", text, re.IGNORECASE):
        text = unescape(re.sub(r"<[^>]*>", " ", re.sub(r"(?is)<(script|style|head).*?</\1>", " ", text)))
    text = " ".join(text.split())
    return safe_line(text if len(text) <= MAX_MESSAGE else text[: MAX_MESSAGE - 1] + "…")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The exception and all it came from: the SDKs wrap what really happened."""
    seen: set[int] = set()
    at: BaseException | None = error
    while at is not None and id(at) not in seen:
        seen.add(id(at))
        yield at
        at = at.__cause__ or at.__context__


def _why(causes: list[BaseException], at: Endpoint) -> Safe:
    for cause in causes:
        match cause:
            case socket.gaierror():
                return safe_format("the name is not known: DNS failed")
            case ConnectionRefusedError():
                return safe_format("connection refused")
            case httpx2.ConnectTimeout():
                return safe_format("no connection within {n} s", n=safe_line(f"{at.timeouts.connect:g}"))
            case httpx2.ProxyError():
                return safe_format("the proxy refused: {words}", words=clean_server_text(str(cause), at))
            case ConnectionResetError() | httpx2.ReadError() | httpx2.WriteError():
                return safe_format("the connection was reset")
            case httpx2.RemoteProtocolError():
                return safe_format("the server closed the connection without an answer")
            case httpx2.DecodingError():
                return safe_format("the answer cannot be decoded")
            case _:
                pass
    return clean_server_text(str(causes[-1]) or type(causes[-1]).__name__, at)


def _tls_words(error: ssl.SSLError) -> str:
    return getattr(error, "verify_message", "") or (error.reason or str(error)).replace("_", " ").lower()


def _check_base(at: Endpoint) -> Safe:
    return safe_format("Check the base URL of {name}: {base}.", name=safe_line(at.config.name), base=base_url_of(at))


def host_of(at: Endpoint) -> Safe:
    return safe_line(at.host)


def base_url_of(at: Endpoint) -> Safe:
    return clean_server_text(at.base, at)


def bytes_of(response: Any) -> bytes:
    """The body of an SDK's response, as far as it was read."""
    try:
        content = response.content
    except (AttributeError, httpx2.StreamError):
        return b""
    return content if isinstance(content, bytes) else b""


def headers_of(response: Any) -> Mapping[str, str]:
    """The headers of an SDK's response, none when it has none."""
    found = getattr(response, "headers", None)
    return dict(found) if found else {}
