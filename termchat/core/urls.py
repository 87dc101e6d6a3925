"""Addresses that models name: which of them a reader may be led to."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

_SCHEMES = ("http", "https", "mailto")
_AS_IT_IS = "%/:?#[]@!$&'()*+,;=~-._"


def safe_url(url: str) -> str:
    """The address as a terminal and a page may be given it: of the web or of mail, and in plain ASCII; else ""."""
    try:
        parts = urlsplit(url.strip())
        parts.port  # noqa: B018, raises where it is no number
    except ValueError:
        return ""
    if parts.scheme.lower() not in _SCHEMES or not (parts.netloc or parts.scheme.lower() == "mailto"):
        return ""
    return quote(url.strip().encode("utf-8", "replace"), safe=_AS_IT_IS)


def host(url: str) -> str:
    """Who is behind a web address, without a name or a password before it: `en.wikipedia.org`."""
    parts = urlsplit(url)
    return parts.netloc.rpartition("@")[2] or parts.path.rpartition("@")[2]
