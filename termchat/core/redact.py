"""Mask API keys in texts of servers and in texts the chat store writes.

Vendors echo the key they reject, and proxies echo headers. Configured keys are replaced by value; in the texts of a
server, everything in the shape of a key is replaced, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_SHAPES = re.compile(
    r"\b(?:sk|pk|rk|xai|gsk|key)-[A-Za-z0-9_-]{12,}|\bAIza[A-Za-z0-9_-]{20,}|(?i:\bbearer\s+)[A-Za-z0-9._~+/-]{12,}=*"
)
_SHORTEST = 6  # characters; a shorter key is not masked
_SHORTEST_EXACT = 8  # the same with shapes=False: chats are full of ordinary words


class Redactor:
    """Replace keys in a text by `…` and their last four characters.

    With `shapes=False`, only known keys are replaced: in a chat, a text that looks like a key may be an example.
    """

    def __init__(self, secrets: Iterable[str] = (), *, shapes: bool = True) -> None:
        self._secrets: set[str] = set()
        self._shapes = shapes
        for secret in secrets:
            self.add(secret)

    def add(self, secret: str) -> None:
        """Add a key; very short keys are ignored, because masking them would mangle ordinary words."""
        if len(secret) >= (_SHORTEST if self._shapes else _SHORTEST_EXACT):
            self._secrets.add(secret)

    def __call__(self, text: str) -> str:
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, mask(secret))
        return _SHAPES.sub(lambda found: mask(found[0]), text) if self._shapes else text


def mask(secret: str) -> str:
    """Return `…` and the last four characters of a key, which identify it; only `…` for a short key."""
    return f"…{secret[-4:]}" if len(secret) >= 2 * _SHORTEST else "…"
