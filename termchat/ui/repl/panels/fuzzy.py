"""Fuzzy search in a list: the exact text, then texts with the typed words, then texts with its letters in order."""

from __future__ import annotations

from collections.abc import Sequence

from termchat.commands.registry import has_in_order

_LOOKED_AT = 200  # characters of a text; a long text has any letters in order


def found(texts: Sequence[str], typed: str) -> list[int]:
    """Return the indices of the matching texts, each kind in its order; all of them if nothing is typed."""
    words = typed.lower().split()
    lowered = [text.lower() for text in texts]
    whole = [n for n, text in enumerate(lowered) if all(word in text for word in words)]
    whole.sort(key=lambda n: lowered[n].split() != words)
    known = set(whole)
    near = (n for n in range(len(lowered)) if n not in known)
    return [*whole, *(n for n in near if has_in_order(lowered[n][:_LOOKED_AT], "".join(words)))]
