"""Repair and validation of pasted base URLs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from termchat.config.base_urls import invalid_reason, is_unencrypted, normalise_base_url
from termchat.core.models import ApiProtocol

CHAT, ANTHROPIC, GEMINI = ApiProtocol.CHAT, ApiProtocol.ANTHROPIC, ApiProtocol.GEMINI


@pytest.mark.parametrize(
    ("url", "protocol", "repaired", "sentences"),
    [
        ("https://api.ofox.ai/v1", CHAT, "https://api.ofox.ai/v1", 0),
        (" https://api.ofox.ai/v1/ \n", CHAT, "https://api.ofox.ai/v1", 0),
        ("HTTPS://API.ofox.ai/v1", CHAT, "https://API.ofox.ai/v1", 0),
        ("api.ofox.ai/v1", CHAT, "https://api.ofox.ai/v1", 1),
        ("//api.ofox.ai/v1", CHAT, "https://api.ofox.ai/v1", 1),
        ("https:/api.ofox.ai/v1", CHAT, "https://api.ofox.ai/v1", 0),
        ("localhost:11434/v1", CHAT, "http://localhost:11434/v1", 1),
        ("127.0.0.1:8080", CHAT, "http://127.0.0.1:8080", 1),
        ("[::1]:8080/v1", CHAT, "http://[::1]:8080/v1", 1),
        ("localhost.example.com/v1", CHAT, "https://localhost.example.com/v1", 1),
        ("https://h/v1/chat/completions", CHAT, "https://h/v1", 1),
        ("https://h/v1/chat/completions/", CHAT, "https://h/v1", 1),
        ("https://h/v1/responses", ApiProtocol.RESPONSES, "https://h/v1", 1),
        ("https://h/v1/models", CHAT, "https://h/v1", 1),
        ("https://h/v1/v1", CHAT, "https://h/v1", 1),
        ("https://h/v1//v1/v1/chat/completions", CHAT, "https://h/v1", 2),
        ("https://h/anthropic/v1/messages", ANTHROPIC, "https://h/anthropic", 2),
        ("https://h/anthropic/v1", ANTHROPIC, "https://h/anthropic", 1),
        ("https://h/anthropic", ANTHROPIC, "https://h/anthropic", 0),
        ("https://g/v1beta/models/gemini-3-pro-preview:streamGenerateContent?alt=sse", GEMINI, "https://g/v1beta", 2),
        ("https://g/v1/models/google/g:generateContent", GEMINI, "https://g/v1", 1),
        ("https://g/v1beta", GEMINI, "https://g/v1beta", 0),
        ("https://h/v1?api-version=2", CHAT, "https://h/v1", 1),
    ],
)
def test_base_url_pasted_is_repaired_and_each_change_reported(
    url: str, protocol: ApiProtocol, repaired: str, sentences: int
) -> None:
    found, sentences_found = normalise_base_url(url, protocol)
    assert (found, len(sentences_found)) == (repaired, sentences)
    assert all(sentence.endswith((".", "adds it.")) for sentence in sentences_found)


_PIECES = ("https://", "http://", "//", "/", "h.example", "localhost:1", "v1", "/v1", "/v1beta", "/models", "/models/m",
           ":streamGenerateContent", "/chat/completions", "/responses", "/messages", "?a=b", "#", " ", "[::1]", "@",
           ":", "/completions", "x")  # fmt: skip


@given(st.lists(st.sampled_from(_PIECES), max_size=8).map("".join) | st.text(max_size=30), st.sampled_from(ApiProtocol))
def test_base_url_repair_is_idempotent(url: str, protocol: ApiProtocol) -> None:
    once, _ = normalise_base_url(url, protocol)
    assert normalise_base_url(once, protocol) == (once, ()) or invalid_reason(once)


@pytest.mark.parametrize("url", ["", "ftp://h", "https://", "https://h:port", "https://:80", "x://"])
def test_base_url_invalid_is_refused(url: str) -> None:
    assert invalid_reason(normalise_base_url(url, CHAT)[0])


@pytest.mark.parametrize("url", ["https://h", "http://localhost:1/v1", "http://[::1]:8/v1", "https://u:p@h:1/v1"])
def test_base_url_valid_is_accepted(url: str) -> None:
    assert invalid_reason(normalise_base_url(url, CHAT)[0]) is None


@pytest.mark.parametrize(
    ("url", "bare"),
    [
        ("http://h/v1", True),
        ("https://h", False),
        ("http://127.0.0.9:1", False),
        ("http://localhost.evil.com", True),
        ("http://h/@localhost", True),
    ],
)
def test_base_url_plain_http_beyond_loopback_is_unencrypted(url: str, bare: bool) -> None:
    assert is_unencrypted(url) is bare
