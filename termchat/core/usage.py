"""Token counts, with one meaning for every protocol, and costs."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

from termchat.late_dataclass import dataclass


class CostBasis(StrEnum):
    """The source of a cost."""

    BILLED = "billed"  # the provider reported it
    LIST = "list"  # the provider's price list, or `prices` in its configuration
    SIMILAR = "similar"  # a gateway's model at the vendor's list price
    UNKNOWN = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """The tokens of one request, or the sum of several.

    input       sent tokens, including `cached` (read from a cache) and `cache_write`
    output      received tokens, including `reasoning`
    estimated   True when the provider reported no counts and these are estimates
    cost        US dollars as reported by the provider, None when it reports none. It takes precedence over the
                price table; zero means free.
    cache_miss  the provider's reason why the prompt cache was missed, "" when it gives none
    tier        the service tier or speed that is billed, in the provider's word; "" for the standard one
    """

    input: int = 0
    output: int = 0
    cached: int = 0
    cache_write: int = 0
    reasoning: int = 0
    estimated: bool = False
    cost: Decimal | None = None
    cache_miss: str = ""
    tier: str = ""

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            self.input + other.input,
            self.output + other.output,
            self.cached + other.cached,
            self.cache_write + other.cache_write,
            self.reasoning + other.reasoning,
            self.estimated or other.estimated,
            add_costs(self.cost, other.cost),
            other.cache_miss or self.cache_miss,
            other.tier or self.tier,
        )


def add_costs(a: Decimal | None, b: Decimal | None) -> Decimal | None:
    """Add two costs; None when either is unknown, because a partial sum would look like the total."""
    return None if a is None or b is None else a + b


def estimate_tokens(text: str) -> int:
    """Estimate the tokens of a whole text, rounded up."""
    return round(token_weight(text) + 0.49)


def token_weight(text: str) -> float:
    """Estimate the tokens of a piece of text, unrounded: 1.5 for a CJK character, 0.25 for any other.

    The weights of the pieces of a text add up to that of the text.
    """
    if text.isascii():
        return 0.25 * len(text)
    wide = sum(1 for c in text if "\u2e80" <= c <= "\u9fff" or "\uac00" <= c <= "\ud7af" or c >= "\U00020000")
    return 1.5 * wide + 0.25 * (len(text) - wide)
