"""Check URLs written by a model before they become links."""

from __future__ import annotations

from urllib.parse import quote, urlsplit

LINK_SCHEMES = ("http", "https", "mailto")  # schemes of the URLs a link may have
# "%", and the characters RFC 3986 allows in a URL (sections 2.2 and 2.3); `quote` keeps letters and digits anyway.
_UNQUOTED = "%/:?#[]@!$&'()*+,;=~-._"


def safe_url(url: str) -> str:
    """Return the URL stripped and percent-encoded as ASCII, or "" for a malformed URL or another scheme."""
    try:
        parts = urlsplit(url.strip())
        parts.port  # noqa: B018, raises ValueError for an invalid port
    except ValueError:
        return ""
    if parts.scheme.lower() not in LINK_SCHEMES or not (parts.netloc or parts.scheme.lower() == "mailto"):
        return ""
    return quote(url.strip().encode("utf-8", "replace"), safe=_UNQUOTED)


def host(url: str) -> str:
    """Return the host and port of a URL without user name and password, or the mail address of a mailto URL."""
    parts = urlsplit(url)
    return parts.netloc.rpartition("@")[2] or parts.path.rpartition("@")[2]
