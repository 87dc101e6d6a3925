"""Finding in a list what was typed: texts that have its words first, then those that have its letters in order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

_LOOKED_AT = 200  # letters in order are found in every long text: only its beginning counts


def found(texts: Sequence[str], typed: str) -> list[int]:
    """The places of the texts that match, each kind in the order they came; all of them when nothing was typed."""
    words = typed.lower().split()
    lowered = [text.lower() for text in texts]
    whole = [n for n, text in enumerate(lowered) if all(word in text for word in words)]
    known = set(whole)
    near = (n for n in range(len(lowered)) if n not in known)
    return [*whole, *(n for n in near if _in_order(lowered[n][:_LOOKED_AT], words))]


def _in_order(text: str, words: Iterable[str]) -> bool:
    """Whether the letters of all words come one after another."""
    at = 0
    for letter in "".join(words):
        at = text.find(letter, at) + 1
        if not at:
            return False
    return True
