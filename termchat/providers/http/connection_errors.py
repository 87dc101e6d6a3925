"""Failures of the connection, and of responses that are no API response, as `Failure` values.

A server's text is untrusted: it is redacted, stripped of markup and shortened to one line.
"""

from __future__ import annotations

import os
import re
import socket
import ssl
from collections.abc import Mapping
from typing import Any

import httpx2

from termchat.core.errors import Failure, FailureKind
from termchat.core.models import ProviderConfig
from termchat.core.redact import redact_url
from termchat.core.sanitize import Safe, safe_format, safe_line
from termchat.providers.client import Endpoint, ErrorResponse
from termchat.providers.http.connection_options import ConnectionOptionError, ProxyFailedError
from termchat.providers.http.error_body import MAX_BODY
from termchat.providers.http.error_details import exception_chain

MAX_MESSAGE = 300  # characters of a server's text in a message
_UNREACHABLE = (httpx2.ConnectError, httpx2.ConnectTimeout, ConnectionRefusedError, socket.gaierror)


def from_exception(error: Exception, endpoint: Endpoint, *, began: bool) -> Failure | None:
    """Convert an exception of the connection, or an SDK's exception that wraps one; None for any other exception.

    began   True when the response headers had arrived
    """
    causes = list(exception_chain(error))
    for cause in causes:
        match cause:
            case ConnectionOptionError():
                return unusable_option(cause, endpoint.config)
            case ProxyFailedError():
                return _proxy_failed(cause, causes, endpoint)
            case httpx2.UnsupportedProtocol() | httpx2.InvalidURL():
                message = safe_format("{base} is not a usable base URL.", base=base_url_of(endpoint))
                return Failure(FailureKind.BAD_CONFIG, message, _check_base(endpoint))
            case UnicodeEncodeError() | httpx2.LocalProtocolError():
                message = safe_format("The request contains characters that HTTP cannot carry.")
                return Failure(FailureKind.BAD_CONFIG, message, _check_base(endpoint))
            case ssl.SSLWantReadError() | ssl.SSLWantWriteError():
                pass  # the handshake was waiting for the server when the timeout ended it: no TLS error
            case ssl.SSLError():
                why = clean_server_text(_tls_reason(cause), endpoint)
                message = safe_format("Cannot reach {host} (TLS: {why}).", host=host_of(endpoint), why=why)
                distrusted = isinstance(cause, ssl.SSLCertVerificationError)
                return Failure(
                    FailureKind.NETWORK, message, _check_ca(endpoint) if distrusted else _check_base(endpoint)
                )
            case _:
                pass
    if not any(isinstance(cause, httpx2.HTTPError | OSError) for cause in causes):
        return None
    if began:
        return truncated(safe_format("The connection was cut"))
    hint = safe_format("Check the connection, or the base URL {base}.", base=base_url_of(endpoint))
    message = safe_format("Cannot reach {host} ({why}).", host=host_of(endpoint), why=_reason(causes, endpoint))
    unreachable = any(isinstance(cause, _UNREACHABLE) for cause in causes)
    return Failure(FailureKind.NETWORK, message, hint, retryable=True, unreachable=unreachable)


def unusable_option(error: ConnectionOptionError, config: ProviderConfig) -> Failure:
    """Return the failure for a proxy or a certificate file that cannot be used."""
    option, value, why = _option(error.option, config), safe_line(error.value), safe_line(error.why)
    message = safe_format("{option} is not usable: {value}: {why}.", option=option, value=value, why=why)
    return Failure(FailureKind.BAD_CONFIG, message, safe_format("Correct or remove {option}.", option=option))


def _option(option: str, config: ProviderConfig) -> Safe:
    """Name an option of the connection for a message: `HTTPS_PROXY`, `proxy in [providers.work]`."""
    if option in ("proxy", "ca"):
        return safe_format("{key} in [providers.{name}]", key=safe_line(option), name=safe_line(config.name))
    return safe_line(option) or safe_format("the system's proxy")


def _proxy_failed(error: ProxyFailedError, causes: list[BaseException], endpoint: Endpoint) -> Failure:
    own, host = error.proxy.option == "proxy", host_of(endpoint)
    why = _reason(causes[causes.index(error) + 1 :] or causes, endpoint)
    message = safe_format(
        "Cannot reach {host} through the proxy {proxy} ({why}).", host=host, proxy=safe_line(error.proxy.shown), why=why
    )
    option = _option(error.proxy.option, endpoint.config)
    hint = (
        safe_format("Check {option}.", option=option)
        if own
        else safe_format(
            "Check {option}, or add {host} to NO_PROXY.",
            option=option,
            host=safe_line(httpx2.URL(endpoint.base).host),
        )
    )
    return Failure(FailureKind.NETWORK, message, hint, retryable=True, unreachable=True)


def history_refused(endpoint: Endpoint) -> Failure:
    """Return the failure of a reply that is empty because the server rejects the history."""
    message = safe_format("{title} refused the history of this chat.", title=safe_line(endpoint.title))
    return Failure(FailureKind.HISTORY_INVALID, message, safe_format("Choose another model (/model, -m)."))


def unusable_base_url(base: str, config: ProviderConfig) -> Failure:
    """Return the failure for a base URL that HTTP cannot reach, such as one with the address 192.168.1.300."""
    shown, name = safe_line(redact_url(base)), safe_line(config.name)
    message = safe_format("{base} is not a usable base URL.", base=shown)
    return Failure(FailureKind.BAD_CONFIG, message, safe_format("Check the base URL of {name}.", name=name))


def unusable_header(name: str, config: ProviderConfig) -> Failure:
    """Return the failure for a configured header with characters that HTTP cannot carry."""
    message = safe_format("The header {name} contains characters that HTTP cannot carry.", name=safe_line(name))
    hint = safe_format("Use only ASCII in headers of [providers.{name}].", name=safe_line(config.name))
    return Failure(FailureKind.BAD_CONFIG, message, hint)


def unusable_key(source: Safe) -> Failure:
    """Return the failure for a key with characters that HTTP cannot carry."""
    message = safe_format("The key from {source} contains invalid characters.", source=source)
    return Failure(FailureKind.BAD_CONFIG, message, safe_format("Copy the key again, without spaces and line breaks."))


def truncated(what: Safe) -> Failure:
    """Return the failure of a reply without its end; `what` is the event that ended it, without a full stop."""
    message = safe_format("{what}: the reply is incomplete.", what=what)
    return Failure(FailureKind.CUT, message, safe_format("Try again."))


def unexpected_response(endpoint: Endpoint, what: Safe) -> Failure:
    """Return the failure for a response with status 200 and another content; `what` names the content."""
    message = safe_format("{host} sent {what}, not an API reply.", host=host_of(endpoint), what=what)
    return Failure(FailureKind.BAD_RESPONSE, message, _check_base(endpoint))


def redirected(response: ErrorResponse, endpoint: Endpoint) -> Failure:
    """Return the failure for a redirect. None is followed: the key was configured for this origin only."""
    headers = {name.lower(): value for name, value in response.headers.items()}
    target = clean_server_text(headers.get("location", "nowhere"), endpoint)
    message = safe_format(
        "{host} redirects to {to}; termchat follows no redirect, to protect the key.", host=host_of(endpoint), to=target
    )
    return Failure(FailureKind.BAD_CONFIG, message, _check_base(endpoint), response.status)


def clean_server_text(text: str, endpoint: Endpoint) -> Safe:
    """Turn a server's text into one safe line without keys and markup, of at most `MAX_MESSAGE` characters."""
    text = endpoint.redact(text[:MAX_BODY])
    if re.search(r"<(!doctype|html|head|body|h1|p)\b", text, re.IGNORECASE):
        from html import unescape  # for errors only: three milliseconds of every question

        text = unescape(re.sub(r"<[^>]*>", " ", re.sub(r"(?is)<(script|style|head).*?</\1>", " ", text)))
    text = " ".join(text.split())
    return safe_line(text if len(text) <= MAX_MESSAGE else text[: MAX_MESSAGE - 1] + "…")


def _reason(causes: list[BaseException], endpoint: Endpoint) -> Safe:
    """Describe the first cause that has a known description, else quote the innermost one."""
    for cause in causes:
        match cause:
            case socket.gaierror():
                return safe_format("unknown host: DNS lookup failed")
            case ConnectionRefusedError():
                return safe_format("connection refused")
            case httpx2.ConnectTimeout():
                return safe_format("no connection within {n} s", n=safe_line(f"{endpoint.timeouts.connect:g}"))
            case httpx2.ProxyError():
                return safe_format("proxy error: {why}", why=clean_server_text(str(cause), endpoint))
            case ConnectionResetError() | httpx2.ReadError() | httpx2.WriteError():
                return safe_format("the connection was reset")
            case httpx2.RemoteProtocolError():
                return safe_format("the server closed the connection without a response")
            case httpx2.DecodingError():
                return safe_format("the response cannot be decoded")
            case _:
                pass
    return clean_server_text(str(causes[-1]) or type(causes[-1]).__name__, endpoint)


def _tls_reason(error: ssl.SSLError) -> str:
    return getattr(error, "verify_message", "") or (error.reason or str(error)).replace("_", " ").lower()


def _check_base(endpoint: Endpoint) -> Safe:
    name = safe_line(endpoint.config.name)
    return safe_format("Check the base URL of {name}: {base}.", name=name, base=base_url_of(endpoint))


def _check_ca(endpoint: Endpoint) -> Safe:
    """Return the hint for a server whose certificate is not trusted."""
    name = safe_line(endpoint.config.name)
    if ca := endpoint.config.ca_file:
        return safe_format(
            "The file {ca} (ca in [providers.{name}]) does not contain its CA.", ca=safe_line(ca), name=name
        )
    for variable in ("SSL_CERT_FILE", "SSL_CERT_DIR"):
        if path := os.environ.get(variable):
            return safe_format("{path} ({v}) does not contain its CA.", path=safe_line(path), v=safe_line(variable))
    return safe_format(
        "For a company's own CA, set ca in [providers.{name}] or SSL_CERT_FILE to its PEM file.", name=name
    )


def host_of(endpoint: Endpoint) -> Safe:
    """Return the host and port of an endpoint for a message."""
    return safe_line(endpoint.host)


def base_url_of(endpoint: Endpoint) -> Safe:
    """Return the base URL of an endpoint for a message, with any key in it redacted."""
    return clean_server_text(endpoint.base, endpoint)


def bytes_of(response: Any) -> bytes:
    """Return the body of an SDK's response, b"" when it was not read."""
    try:
        content = response.content
    except (AttributeError, httpx2.StreamError):
        return b""
    return content if isinstance(content, bytes) else b""


def headers_of(response: Any) -> Mapping[str, str]:
    """Return the headers of an SDK's response, an empty mapping when it has no headers."""
    found = getattr(response, "headers", None)
    return dict(found) if found else {}
