"""Sums of usage, amounts of money, and estimates of tokens."""

from __future__ import annotations

from decimal import Decimal

import pytest

from termchat.core.usage import Usage, add_costs, dollars, estimate_tokens


def test_usage_counts_add_up() -> None:
    a = Usage(10, 5, cached=3, cache_write=2, reasoning=1, cost=Decimal("0.1"))
    b = Usage(1, 2, cached=1, cache_write=1, reasoning=2, estimated=True, cost=Decimal("0.2"))
    assert a + b == Usage(11, 7, 4, 3, 3, estimated=True, cost=Decimal("0.3"))


def test_usage_sum_with_unknown_cost_is_unknown() -> None:
    assert add_costs(Decimal(1), None) is None
    assert add_costs(None, Decimal(0)) is None
    assert (Usage(1, cost=Decimal(0)) + Usage(1)).cost is None


@pytest.mark.parametrize(
    ("amount", "words"),
    [
        ("0", "$0"),
        ("0.00002", "$0.00002"),
        ("0.00015", "$0.00015"),
        ("0.025", "$0.025"),
        ("2", "$2.00"),
        ("-0.5", "$-0.50"),
    ],
)
def test_dollars_are_shown_as_they_were_given(amount: str, words: str) -> None:
    assert dollars(Decimal(amount)) == words


@pytest.mark.parametrize(("text", "tokens"), [("", 0), ("word" * 4, 4), ("你好世界", 6), ("한국어", 5), ("a", 1)])
def test_estimate_tokens_counts_by_script(text: str, tokens: int) -> None:
    assert estimate_tokens(text) == tokens
