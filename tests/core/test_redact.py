"""Keys never leave the program in words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from termchat.core.redact import Redactor, mask

KEY = "a-very-private-key-2718"


def test_a_configured_key_is_replaced_wherever_it_stands() -> None:
    redact = Redactor((KEY,))
    assert redact(f"key={KEY}, again '{KEY}'") == "key=…2718, again '…2718'"


def test_the_longer_key_goes_first() -> None:
    redact = Redactor(("abcdef", "abcdefghijklmnop"))
    assert redact("abcdefghijklmnop abcdef") == "…mnop …"


@pytest.mark.parametrize(
    "text",
    [
        "Incorrect API key provided: sk-proj-abcdefghijklmnop1234.",
        "sk-ant-api03-abcdefghijklmnop1234",
        "key=AIzaSyA1234567890abcdefghij1234",
        "Authorization: Bearer abcdefghijklmnop1234",
        "gsk-abcdefghijklmnop1234",
    ],
)
def test_what_looks_like_a_key_is_replaced_though_nobody_told(text: str) -> None:
    assert "abcdefghij" not in Redactor()(text)
    assert "1234" in Redactor()(text)


@pytest.mark.parametrize("text", ["a task-list of risk-free things", "the key-value store", "bearer of news"])
def test_ordinary_words_stay(text: str) -> None:
    assert Redactor(("", "a", "list"))(text) == text


@given(st.text(), st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=12, max_size=60), st.text())
def test_a_key_is_never_left_whole(before: str, key: str, after: str) -> None:
    assert key not in Redactor((key,))(before + key + after)


def test_only_the_end_of_a_long_key_may_be_shown() -> None:
    assert mask("0123456789ab") == "…89ab"
    assert mask("0123456789a") == "…"
