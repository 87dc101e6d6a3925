"""Keys never leave the program in words: every text a server sends about itself passes `Redactor` first.

Vendors echo the key they refuse, and proxies echo headers. The configured keys are replaced by value, and
anything that looks like a key by shape.
"""

from __future__ import annotations

import re

_SHAPES = re.compile(
    r"\b(?:sk|pk|rk|xai|gsk|key)-[A-Za-z0-9_-]{12,}|\bAIza[A-Za-z0-9_-]{20,}|(?i:\bbearer\s+)[A-Za-z0-9._~+/-]{12,}=*"
)
_SHORTEST = 6


class Redactor:
    """Replaces keys in a text by `…` and their last four characters."""

    def __init__(self, secrets: tuple[str, ...] = ()) -> None:
        self._secrets: set[str] = set()
        for secret in secrets:
            self.add(secret)

    def add(self, secret: str) -> None:
        """Remember a key; very short ones are left alone, they would mangle ordinary words."""
        if len(secret) >= _SHORTEST:
            self._secrets.add(secret)

    def __call__(self, text: str) -> str:
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, mask(secret))
        return _SHAPES.sub(lambda found: mask(found[0]), text)


def mask(secret: str) -> str:
    """What may be shown of a key: enough to tell which one it is."""
    return f"…{secret[-4:]}" if len(secret) >= 2 * _SHORTEST else "…"
