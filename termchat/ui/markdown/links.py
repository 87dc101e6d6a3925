"""Links: what may be clicked, and what a reader must see of where it leads."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_SCHEMES = ("http", "https", "mailto")
_PRINTABLE = re.compile(r"[\x21-\x7e]+")


class Link:
    """A link being read: `target` is the URL a terminal may be given, `url` what the source says."""

    def __init__(self, url: str, target: str, host: str, auto: bool) -> None:
        self.url = url
        self.target = target
        self.start = 0
        self._host = host
        self._auto = auto

    @classmethod
    def of(cls, url: str, *, auto: bool) -> Link:
        """A link to a percent-encoded URL; `auto` if the source shows the URL itself."""
        if not _PRINTABLE.fullmatch(url):
            return cls("", "", "", auto)
        try:
            parts = urlsplit(url)
        except ValueError:
            return cls(url, "", "", auto)
        if parts.scheme.lower() not in _SCHEMES:
            return cls(url, "", "", auto)
        return cls(url, url, parts.netloc.rpartition("@")[2] or parts.path, auto)

    def note(self, label: str, clickable: bool) -> str:
        """What has to follow the label so that nobody is led astray: the host, the whole URL, or nothing."""
        if self._auto or not self.url or self._says(label):
            return ""
        return self._host if clickable and self.target else self.url

    def _says(self, label: str) -> bool:
        """Whether the label is the URL itself or its host."""
        said = label.strip().rstrip("/").lower()
        url = self.url.rstrip("/").lower()
        return said in (url, url.partition("://")[2], url.removeprefix("mailto:"), self._host.lower())
