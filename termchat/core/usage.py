"""Token counts, with one meaning for every protocol; costs, limits on them, and the reservations of requests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, Protocol

from termchat.core.sanitize import Safe
from termchat.late_dataclass import dataclass

OFF = "off"  # the setting of a chat without a limit
BATCH_TIER = "batch"  # the service tier of replies in a batch
_LARGEST = Decimal(10) ** 9
_MANY_DECIMALS = Decimal("0.001")  # US dollars; less is shown with three significant digits


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


def usage_record(usage: Usage) -> dict[str, Any]:
    """Return token counts as JSON, as in all output for scripts."""
    return {
        "input": usage.input,
        "cached": usage.cached,
        "cache_write": usage.cache_write,
        "output": usage.output,
        "reasoning": usage.reasoning,
        "estimated": usage.estimated,
    }


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


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits in US dollars, None for no limit.

    chat   of all requests of the chat in use
    day    of all requests of all chats and processes since midnight, local time
    """

    chat: Decimal | None = None
    day: Decimal | None = None

    def __bool__(self) -> bool:
        return self.chat is not None or self.day is not None


@dataclass(frozen=True, slots=True)
class Spent:
    """The money spent, in US dollars.

    chat, day      known costs, and what is reserved or charged for requests of unknown cost
    reserved       the part of `day` that running requests, and those of ended processes, hold back
    chat_reserved  the same part of `chat`
    uncounted      number of requests of the chat that are not in `chat`, because their price is unknown
    """

    chat: Decimal = Decimal(0)
    day: Decimal = Decimal(0)
    reserved: Decimal = Decimal(0)
    uncounted: int = 0
    chat_reserved: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class BudgetState:
    """The limits in force and what is spent of them; `spent` is None before it was read."""

    limits: Limits = field(default_factory=Limits)
    spent: Spent | None = None


@dataclass(frozen=True, slots=True)
class Reservation:
    """The most that one request can cost, in US dollars; `chat` is the id of its chat, `at` in seconds since 1970."""

    id: str
    chat: str
    at: float
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Reserved:
    """The answer to a reservation: True if it fits into every limit, and what was spent before it."""

    fits: bool
    before: Spent


class SpendingStore(Protocol):
    """Reservations of all processes, beside the costs in the usage ledger.

    chat       the id of the chat whose requests `Spent.chat` sums up
    midnight   the start of the day that `Spent.day` sums up, in seconds since 1970
    settled    amounts that replace those of earlier reservations, by id; zero removes one
    """

    async def reserve(
        self, wanted: Reservation, limits: Limits, settled: Mapping[str, Decimal], midnight: float
    ) -> Reserved | None:
        """Reserve in one transaction if the amount fits; None if the store cannot be used now."""
        ...

    def settle(self, settled: Mapping[str, Decimal]) -> None:
        """Replace the amounts of reservations, after everything that was written before."""
        ...

    async def spent(self, chat: str, midnight: float) -> Spent | None:
        """Return what is spent; None if the store cannot be used now."""
        ...


def parse_amount(text: str) -> Decimal | None:
    """Parse US dollars such as `2`, `2.50` or `$2.50`; None for anything else."""
    text = text.strip().removeprefix("$")
    if not text.isascii() or not text or set(text) - set("0123456789."):
        return None
    try:
        amount = Decimal(text)
    except InvalidOperation:
        return None
    return amount if amount <= _LARGEST else None


def limit_of(setting: str) -> Decimal | None:
    """Return the limit that a setting holds: an amount; "" and `off` are no limit."""
    return None if setting in ("", OFF) else parse_amount(setting)


def dollars(amount: Decimal) -> Safe:
    """Return US dollars with two to four decimals: `$2.00`, `$0.025`; more for less, `$0.00002`; `$0` for nothing."""
    if amount == 0:
        return Safe("$0")
    if 0 < amount < _MANY_DECIMALS:
        return Safe(f"${Decimal(f'{amount:.3g}'):f}")
    text = f"{amount:.4f}"
    return Safe(f"${text[:-2]}{text[-2:].rstrip('0')}")
