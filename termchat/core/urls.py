"""Check URLs written by a model before they become links."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

_SCHEMES = ("http", "https", "mailto")
_UNQUOTED = "%/:?#[]@!$&'()*+,;=~-._"


def safe_url(url: str) -> str:
    """Return the URL percent-encoded as ASCII if its scheme is http, https or mailto, else ""."""
    try:
        parts = urlsplit(url.strip())
        parts.port  # noqa: B018, raises ValueError for an invalid port
    except ValueError:
        return ""
    if parts.scheme.lower() not in _SCHEMES or not (parts.netloc or parts.scheme.lower() == "mailto"):
        return ""
    return quote(url.strip().encode("utf-8", "replace"), safe=_UNQUOTED)


def host(url: str) -> str:
    """Return the host and port of a URL without user name and password, or the mail address of a mailto URL."""
    parts = urlsplit(url)
    return parts.netloc.rpartition("@")[2] or parts.path.rpartition("@")[2]
