"""Tokens, counted the same way for every protocol, and what they cost."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one request or of several, added up.

    input       all that was sent, with `cached` (read from a cache) and `cache_write` inside it
    output      all that came, with `reasoning` inside it
    estimated   True when the provider did not count and these are our guesses
    cost        what the provider itself says it cost, in US dollars; None when it does not say. It beats any
                price table. Zero means truly nothing.
    """

    input: int = 0
    output: int = 0
    cached: int = 0
    cache_write: int = 0
    reasoning: int = 0
    estimated: bool = False
    cost: Decimal | None = None

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.input + other.input,
            self.output + other.output,
            self.cached + other.cached,
            self.cache_write + other.cache_write,
            self.reasoning + other.reasoning,
            self.estimated or other.estimated,
            add_costs(self.cost, other.cost),
        )


def add_costs(a: Decimal | None, b: Decimal | None) -> Decimal | None:
    """The sum of two costs; unknown when either is, because a sum of known parts would look like the whole."""
    return None if a is None or b is None else a + b


def estimate_tokens(text: str) -> int:
    """A rough count where nobody counts: 1.5 tokens a CJK character, a quarter of one for any other."""
    wide = sum(1 for c in text if "\u2e80" <= c <= "\u9fff" or "\uac00" <= c <= "\ud7af" or c >= "\U00020000")
    return round(1.5 * wide + 0.25 * (len(text) - wide) + 0.49)
