"""Repair base URLs as people paste them into the form that the SDKs expect.

The SDKs append the endpoint's path to the base URL: openai `/chat/completions`, anthropic `/v1/messages`,
google-genai `/v1.../models/...`. All of them fail on a base URL without a scheme (measured: openai 3.52, anthropic
2.11, google-genai 3.4).
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from termchat.core.models import ApiProtocol
from termchat.core.redact import redact_url
from termchat.core.sanitize import Safe, safe_format, safe_line

_SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]*):/+")
_LOCAL = re.compile(r"^(?:localhost|[\w.-]+\.localhost|127(?:\.\d+){3}|0\.0\.0\.0|\[::1?\])(?=[:/?#]|$)", re.IGNORECASE)
_ENDPOINT = re.compile(r"/(?:chat/completions|completions|responses|messages|models(?:/[^/]*(?:/[^/]*)*:\w+)?)$")
_OLLAMA_PORT = 11434
_DOUBLED = re.compile(r"/(v\d\w*)(?:/\1)+(?=/|$)")


def normalise_base_url(url: str, protocol: ApiProtocol) -> tuple[str, tuple[Safe, ...]]:
    """Return the base URL to use for `protocol`, and one sentence for each repair.

    A repaired URL needs no further repair. A text without a host is returned without its blanks and otherwise
    unchanged; `invalid_reason` reports it.
    """
    before = "".join(url.split())  # a pasted URL may be wrapped over lines
    after, scheme_notes = _with_scheme(before)
    scheme, _, rest = after.partition("://")
    rest, query_notes = _without_query(rest)
    host, slash, path = rest.partition("/")
    path, path_notes = _without_endpoint(re.sub("/+", "/", slash + path).rstrip("/"), protocol)
    if not host:
        return before, ()
    return f"{scheme}://{host}{path}", (*scheme_notes, *query_notes, *path_notes)


def invalid_reason(url: str) -> Safe | None:
    """The reason for which a repaired base URL cannot be used, None if it can."""
    scheme, _, rest = url.partition("://")
    host = rest.partition("/")[0].rpartition("@")[2]
    if scheme not in ("http", "https"):
        return safe_format("{url} is not an http or https address", url=safe_line(redact_url(url)))
    if not re.fullmatch(r"(?:\[[0-9A-Fa-f:.]+\]|[^\s:\[\]]+)(?::\d{1,5})?", host):
        return safe_format("{url} has no host", url=safe_line(redact_url(url)))
    return None


def ollama_url(value: str) -> str | None:
    """Return the base URL for the value of OLLAMA_HOST; None if it is no host:port and no URL.

    As for Ollama's own clients, the scheme, the host and the port may be left out, and the address of all interfaces,
    on which the server listens, is this machine.
    """
    has_scheme = "://" in value
    try:
        parts = urlsplit(value if has_scheme else f"http://{value}")
        port = parts.port or (None if has_scheme else _OLLAMA_PORT)
    except ValueError:
        return None
    host = parts.hostname or "127.0.0.1"
    if host in ("0.0.0.0", "::"):  # noqa: S104 - nothing listens here
        host = "127.0.0.1"
    where = f"[{host}]" if ":" in host else host
    url = f"{parts.scheme}://{where}{f':{port}' if port else ''}{parts.path.rstrip('/')}/v1"
    odd = "@" in parts.netloc or parts.query or parts.fragment or invalid_reason(url)
    return None if odd else url


def is_unencrypted(url: str) -> bool:
    """True if a key sent to this URL would travel unencrypted: over http, and not to this machine."""
    scheme, _, rest = url.partition("://")
    return scheme == "http" and not is_local(rest.partition("/")[0].rpartition("@")[2])


def is_local(host: str) -> bool:
    """True if a host (with or without port and path) is this machine."""
    return bool(_LOCAL.match(host))


def _with_scheme(url: str) -> tuple[str, list[Safe]]:
    if found := _SCHEME.match(url):
        return f"{found[1].lower()}://{url[found.end() :]}", []
    rest = url.lstrip("/")
    scheme = "http" if is_local(rest) else "https"
    notes = [
        safe_format(
            "The base URL {url} has no scheme; {scheme}:// was added.",
            url=safe_line(redact_url(url)),
            scheme=Safe(scheme),
        )
    ]
    return f"{scheme}://{rest}", notes if rest else []


def _without_query(rest: str) -> tuple[str, list[Safe]]:
    kept = re.split(r"[?#]", rest, maxsplit=1)[0]
    return kept, [] if kept == rest else [safe_format("The part of the base URL from ? or # on was removed.")]


def _without_endpoint(path: str, protocol: ApiProtocol) -> tuple[str, list[Safe]]:
    """The path without the endpoint, which the SDK appends, and without a repeated version, and a note for each."""
    notes: list[Safe] = []
    while True:
        if doubled := _DOUBLED.search(path):
            path = path[: doubled.start()] + "/" + doubled[1] + path[doubled.end() :]
            notes.append(
                safe_format("A repeated /{version} was removed from the base URL.", version=safe_line(doubled[1]))
            )
        elif endpoint := _ENDPOINT.search(path):
            path = path[: endpoint.start()]
            notes.append(safe_format("{path} was removed from the end of the base URL.", path=safe_line(endpoint[0])))
        elif protocol is ApiProtocol.ANTHROPIC and path.endswith("/v1"):
            path = path.removesuffix("/v1").rstrip("/")
            notes.append(safe_format("/v1 was removed from the end of the Anthropic base URL: the SDK appends it."))
        else:
            return path, notes
