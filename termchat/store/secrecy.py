"""Keys never enter the store: what is configured as one is masked in every text that is written."""

from __future__ import annotations

from collections.abc import Iterable

from termchat.core.redact import mask

_SHORTEST = 8


class Secrecy:
    """Replaces the keys it was told. Texts are otherwise left as they are: what looks like a key may be an example."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._secrets: list[str] = []
        for secret in secrets:
            self.add(secret)

    def add(self, secret: str) -> None:
        """One more key; a very short one is left alone, it would mangle ordinary words."""
        if len(secret) >= _SHORTEST and secret not in self._secrets:
            self._secrets.append(secret)
            self._secrets.sort(key=len, reverse=True)

    def __call__(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, mask(secret))
        return text
