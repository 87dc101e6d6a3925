"""Check the links of a reply: the URLs a terminal may open, and the note that shows the destination to the reader."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from termchat.core.sanitize import LINK_SCHEMES

_BARE = re.compile(r"[hH][tT]{2}[pP][sS]?://[A-Za-z0-9][^\s<>\"`|\\^{}*\[\]\x00-\x20\x7f-\U0010ffff]*")
_PRINTABLE = re.compile(r"[\x21-\x7e]+")  # printable ASCII without the blank


class Link:
    """A link of a reply.

    url      the URL in the source, percent-encoded; "" if it has other characters than printable ASCII
    target   the URL for an OSC 8 hyperlink; "" if its scheme is not allowed
    start    the index of the first segment of the label; the renderer sets it
    """

    def __init__(self, url: str, target: str, host: str, auto: bool) -> None:
        self.url = url
        self.target = target
        self.start = 0
        self._host = host
        self._auto = auto

    @classmethod
    def of(cls, url: str, *, auto: bool) -> Link:
        """Return a link to a percent-encoded URL; `auto` is True for an autolink, whose label is the URL."""
        if not _PRINTABLE.fullmatch(url):
            return cls("", "", "", auto)
        try:
            parts = urlsplit(url)
        except ValueError:
            return cls(url, "", "", auto)
        if parts.scheme.lower() not in LINK_SCHEMES:
            return cls(url, "", "", auto)
        return cls(url, url, parts.netloc.rpartition("@")[2] or parts.path, auto)

    def note(self, label: str, clickable: bool) -> str:
        """Return the text to show after the label, so that no label hides its destination.

        It is the host of a link the user can click, else the whole URL; "" if the label already shows it.
        """
        if self._auto or not self.url or self._label_shows_url(label):
            return ""
        return self._host if clickable and self.target else self.url

    def _label_shows_url(self, label: str) -> bool:
        """Return True if the label is the URL or its host."""
        shown = label.strip().rstrip("/").lower()
        url = self.url.rstrip("/").lower()
        return shown in (url, url.partition("://")[2], url.removeprefix("mailto:"), self._host.lower())


def bare_url(source: str, at: int, limit: int) -> str:
    """Return the URL that begins at an index of a text, "" if there is none.

    It ends before a blank, a quote or a character outside ASCII; punctuation at its end belongs to the text, and so
    does a bracket without its partner in the URL.
    """
    found = _BARE.match(source, at, limit)
    url = found[0] if found else ""
    while url:
        if url[-1] in ".,;:!?'*_~" or (url[-1] == ")" and url.count(")") > url.count("(")):
            url = url[:-1]
        else:
            break
    return url
