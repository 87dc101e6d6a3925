"""Mask API keys in texts of servers and in texts the chat store writes.

Vendors echo the key they reject, and proxies echo headers and URLs. Configured keys are replaced by value; in the
texts of a server, everything in the shape of a key is replaced, too. A key in a prompt is found, not replaced.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote, unquote, urlsplit

_VENDOR_FORMATS = (
    r"\b(?:sk|pk|rk|xai|gsk|csk|nvapi|pplx)-[A-Za-z0-9_-]{12,}"
    r"|\b(?:AIza|AKIA|ASIA|gh[pousr]_|github_pat_|glpat-|gsk_|hf_|r8_|xox[abprs]-)[A-Za-z0-9_-]{16,}"
    r"|\beyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]*"  # JSON Web Token
    r"|(?i:\b(?:bearer|basic)\s+)[A-Za-z0-9._~+/-]{12,}=*"
)
_PRIVATE_KEY = r"|-----BEGIN [A-Z ]*PRIVATE KEY-----\s*[\r\n]+[A-Za-z0-9+/=\r\n]{16,20000}[A-Za-z0-9+/=]"  # RFC 7468
_VENDOR_KEY = re.compile(_VENDOR_FORMATS + _PRIVATE_KEY)
_SHAPES = re.compile(_VENDOR_FORMATS + r"|\bkey-[A-Za-z0-9_-]{12,}")
_IN_URL = re.compile(
    r"(?<=://)[^\s/@\"']+(?=@)"
    r"|(?i:(?<=[?&]key=)|(?<=[?&]api[-_]key=)|(?<=[?&]apikey=)|(?<=[?&]token=)|(?<=[?&]access_token=)"
    r"|(?<=[?&]sig=)|(?<=[?&]signature=)|(?<=[?&]password=)|(?<=[?&]secret=))[^\s&\"'<>#]+"
)
_ASSIGNMENT = re.compile(  # a line of a .env file or of `env`; a value with a bracket or a `$` is code
    r"^[ \t]*(?:export[ \t]+)?[A-Z0-9_]{0,40}(?:PASSWORD|PASSWD|SECRET|TOKEN(?!S)|API_?KEY|ACCESS_?KEY|CREDENTIAL)"
    r"[A-Z0-9_]{0,40}=[\"']?(?=[^\s\"']*[A-Za-z])([^\s\"'$<>(){}\[\]]{8,})[\"']?[ \t]*$",
    re.MULTILINE,
)
_SECRET_HEADER = re.compile(r"auth|key|token|secret|password|cookie|credential|signature", re.IGNORECASE)
_SHORTEST = 6  # characters; a shorter key is not masked
_SHORTEST_EXACT = 8  # the same with shapes=False: chats are full of ordinary words
_LONG = 16  # characters from which a known key without a digit is none of the usual placeholders, such as "lm-studio"


class Redactor:
    """Replace keys in a text by `…` and their last four characters.

    With `shapes=False`, only known keys are replaced: in a chat, a text that looks like a key may be an example.
    """

    def __init__(self, secrets: Iterable[str] = (), *, shapes: bool = True) -> None:
        self._secrets: dict[str, str] = {}  # the text to replace -> its mask
        self._shapes = shapes
        for secret in secrets:
            self.add(secret)

    def add(self, secret: str) -> None:
        """Add a key; very short keys are ignored, because masking them would mangle ordinary words.

        Also masked are its forms in a URL and in JSON.
        """
        if len(secret) >= (_SHORTEST if self._shapes else _SHORTEST_EXACT):
            for form in (secret, quote(secret, safe=""), json.dumps(secret)[1:-1]):
                self._secrets[form] = mask(secret)

    def find(self, text: str) -> str:
        """Return the mask of a key in a text; "" without one.

        A key is a known one, has the format of a vendor's keys, is a private key in PEM, or the value of a variable
        such as DB_PASSWORD. Text without a digit in such a place is an example such as `sk-your-key-here`, and a known
        key that is a short word is a placeholder for a local server.
        """
        for secret, masked in self._secrets.items():
            if (_has_digit(secret) or len(secret) >= _LONG) and secret in text:
                return masked
        found = (match[match.lastindex or 0] for rule in (_VENDOR_KEY, _ASSIGNMENT) for match in rule.finditer(text))
        return next((mask(secret) for secret in found if _has_digit(secret)), "")

    def __call__(self, text: str) -> str:
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, self._secrets[secret])
        return _SHAPES.sub(lambda found: mask(found[0]), _IN_URL.sub("…", text)) if self._shapes else text


def _has_digit(text: str) -> bool:
    return any(map(str.isdigit, text))


def mask(secret: str) -> str:
    """Return `…` and the last four characters of a key, which identify it; only `…` for a short key."""
    return f"…{secret[-4:]}" if len(secret) >= 2 * _SHORTEST else "…"


def header_secrets(name: str, value: str, *, referenced: bool) -> Iterator[str]:
    """Yield the secrets in a configured header: its value, and the part after a scheme such as `Bearer`.

    referenced   the value came from a variable, a command or a keyring, so it is a secret under any name
    """
    if referenced or _SECRET_HEADER.search(name):
        yield value
        yield from value.split()[1:2]


def url_secrets(url: str) -> Iterator[str]:
    """Yield the password of a URL, as written and decoded; the user name if there is no password."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return
    if secret := parts.password or parts.username:
        yield secret
        yield unquote(secret)


def redact_url(url: str) -> str:
    """Return a URL for a message: without user name and password, the values of its query masked."""
    return re.sub(r"(^|://)[^\s/@]+@", r"\1", re.sub(r"(?<==)[^&#\s]+(?=[&#]|$)", "…", url) if "?" in url else url)
