"""URLs that a model may fetch, parsed strictly: what is judged is what is requested."""

from __future__ import annotations

import re
from dataclasses import dataclass
from ipaddress import IPv6Address
from urllib.parse import quote, urljoin, urlsplit

_LENGTH = 4_000
_HOST = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*\.?", re.IGNORECASE)
_PORTS = {"http": 80, "https": 443}
# Names that only the network of the user knows: they may be looked up before an approval.
_LOCAL = (".localhost", ".local", ".internal", ".lan", ".home.arpa", ".intranet", ".corp", ".home")


class UrlError(ValueError):
    """A URL that cannot be fetched, with the reason."""


@dataclass(frozen=True, slots=True)
class WebUrl:
    """An http or https URL. `host` is ASCII, in lower case, without brackets; `target` is the path and query."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def text(self) -> str:
        """The URL as text."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}{self.target}"

    @property
    def is_literal(self) -> bool:
        """True if the host is an address, however it is written."""
        last = self.host.rstrip(".").rpartition(".")[2]
        return ":" in self.host or last.isdigit() or last.startswith("0x")

    @property
    def is_local_name(self) -> bool:
        """True for a name that no public server of names is asked for."""
        name = self.host.rstrip(".")
        return "." not in name or f".{name}".endswith(_LOCAL)

    def joined(self, location: str) -> WebUrl:
        """Return the URL that a redirect leads to. Raises UrlError."""
        return parse_url(urljoin(self.text, location))


def parse_url(text: str) -> WebUrl:
    """Parse a URL. Raises UrlError."""
    text = text.strip(" ")
    if len(text) > _LENGTH:
        raise UrlError("it is too long")
    if re.search(r"[\x00-\x20\x7f-\xa0\\]", text):
        raise UrlError("it has spaces, control characters or backslashes")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError as error:
        raise UrlError(str(error)) from error
    if parts.scheme not in _PORTS:
        raise UrlError("only http:// and https:// can be fetched")
    if "@" in parts.netloc:
        raise UrlError("it has a user name or password, which fetch_url sends to no server")
    if port == 0:
        raise UrlError("it has no usable port")
    target = _quoted(parts.path or "/") + (f"?{_quoted(parts.query)}" if parts.query else "")
    return WebUrl(parts.scheme, _host(parts.hostname or ""), port or _PORTS[parts.scheme], target)


def _host(name: str) -> str:
    if ":" in name:
        try:
            return IPv6Address("" if "%" in name else name).compressed
        except ValueError as error:
            raise UrlError("its host is no address") from error
    try:
        ascii_name = name if name.isascii() else name.encode("idna").decode("ascii")
    except UnicodeError as error:
        raise UrlError("its host is no name of the Internet") from error
    if len(ascii_name) > 253 or not _HOST.fullmatch(ascii_name):
        raise UrlError("its host is no name of the Internet")
    return ascii_name.lower()


def _quoted(text: str) -> str:
    try:
        return quote(text, safe="/?:@!$&'()*+,;=-._~%[]|")
    except UnicodeEncodeError as error:
        raise UrlError("it has lone surrogates") from error
