"""Redaction of keys in text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from termchat.core.redact import Redactor, mask

KEY = "a-very-private-key-2718"


def test_redact_replaces_configured_key_anywhere() -> None:
    redact = Redactor((KEY,))
    assert redact(f"key={KEY}, again '{KEY}'") == "key=…2718, again '…2718'"


def test_redact_replaces_longer_key_first() -> None:
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
def test_redact_replaces_unknown_key_by_shape(text: str) -> None:
    assert "abcdefghij" not in Redactor()(text)
    assert "1234" in Redactor()(text)


@pytest.mark.parametrize("text", ["a task-list of risk-free things", "the key-value store", "bearer of news"])
def test_redact_keeps_ordinary_words(text: str) -> None:
    assert Redactor(("", "a", "list"))(text) == text


@given(st.text(), st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=12, max_size=60), st.text())
def test_redact_never_leaves_whole_key(before: str, key: str, after: str) -> None:
    assert key not in Redactor((key,))(before + key + after)


def test_redact_shows_only_end_of_long_key() -> None:
    assert mask("0123456789ab") == "…89ab"
    assert mask("0123456789a") == "…"


@pytest.mark.parametrize(
    "text",
    [
        f"why is {KEY} refused?",
        "export OPENAI_API_KEY=sk-proj-abcdefghijklmnop1234",
        'key = "AIzaSyA1234567890abcdefghij1234"',
        "gsk_abcdefghijklmnopqrst1234",
        "HOST=db\nexport DB_PASSWORD='hunter-of-1234'\n",
        "AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/bPxRfiCYzEXAMPLE1234",
        "curl -H 'Authorization: Bearer abcdefghijklmnop1234' https://example.com",
        "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAE\nbm9uZQ1234\n-----END OPENSSH",
    ],
)
def test_find_returns_mask_of_known_key_or_vendor_format(text: str) -> None:
    found = Redactor((KEY,), shapes=False).find(text)
    assert found in ("…2718", "…1234")


@pytest.mark.parametrize(
    "text",
    [
        "-----BEGIN PRIVATE KEY----- is its first line in 2024",
        "the key-value store of 2024",
        "basic authentication",
        "use sk-your-key-here",
        "MAX_TOKENS=128000\nDB_PASSWORD=change-me-please",
        "API_KEY=$(pass show key2) and TOKEN=${TOKEN2:-none1}",
        "PASSWORD_FILE = read_file2()",
        "how do I start lm-studio?",
        "",
    ],
)
def test_find_ignores_examples_and_placeholders(text: str) -> None:
    assert Redactor(("lm-studio", "", "2024"), shapes=False).find(text) == ""
