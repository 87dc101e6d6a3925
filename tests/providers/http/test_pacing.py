"""Rate limits shared by many requests: waits, requests at once, and what headers report."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest

from termchat.core.messages import File, Image, Message, Role, ToolResult, user_message
from termchat.core.provider import Request
from termchat.providers.http import pacing
from termchat.providers.http.pacing import Pacer, TokenBucket
from termchat.providers.http.rate_limit import prompt_tokens

OPENAI = {"x-ratelimit-limit-requests": "100", "x-ratelimit-remaining-requests": "0"}
LATER = "in an hour"


def waits(headers: Mapping[str, str], tokens: float = 1) -> float:
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    pacer = Pacer()
    pacer.learn({name: later if value == LATER else value for name, value in headers.items()})
    return pacer._wait(tokens)


@pytest.mark.parametrize(
    ("headers", "low", "high"),
    [
        ({}, 0, 0),
        ({**OPENAI, "x-ratelimit-reset-requests": "50s"}, 0.3, 0.5),  # 100 in 50 s: one in half a second
        ({**OPENAI, "x-ratelimit-reset-requests": "1m40s"}, 0.8, 1.0),
        ({**OPENAI, "x-ratelimit-reset-requests": "100ms"}, 0, 0.001),
        ({**OPENAI, "x-ratelimit-remaining-requests": "3"}, 0, 0),
        (OPENAI, 59, 60),  # no time: the server is asked again after a minute
        ({**OPENAI, "x-ratelimit-reset-requests": "never"}, 59, 60),
        ({**OPENAI, "x-ratelimit-remaining-requests": "-1"}, 0, 0),
        ({"anthropic-ratelimit-requests-limit": "1200", "anthropic-ratelimit-requests-remaining": "0",
          "anthropic-ratelimit-requests-reset": LATER}, 2, 3),
        ({"anthropic-ratelimit-input-tokens-limit": "1000", "anthropic-ratelimit-input-tokens-remaining": "10",
          "anthropic-ratelimit-input-tokens-reset": "9.9"}, 0.8, 1.0),
    ],
)  # fmt: skip
def test_pacer_waits_as_headers_report(headers: Mapping[str, str], low: float, high: float) -> None:
    assert low <= waits(headers, 110 if "input" in str(headers) else 1) <= high


def test_bucket_never_asks_for_more_than_it_holds() -> None:
    bucket = TokenBucket(level=100, capacity=100, per_second=1, at=0)
    assert bucket.wait(5000, now=0) == 0


def test_attachment_counts_by_its_kind_not_by_its_bytes() -> None:
    words = prompt_tokens(Request((user_message("word" * 100),), system="word" * 10))
    assert words == 110
    image, document = Image("image/png", bytes(4_000_000)), File("a.pdf", "application/pdf", bytes(8_000_000))
    assert words < prompt_tokens(Request((user_message("word" * 100, image, document),))) < 10_000
    result = Message(Role.TOOL, (ToolResult("1", "read", (image,)),))
    assert prompt_tokens(Request((result,))) == prompt_tokens(Request((user_message("", image),)))


async def test_pacer_limited_request_stops_all_and_halves_them() -> None:
    pacer = Pacer()
    async with pacer.slot(1), pacer.slot(1), pacer.slot(1), pacer.slot(1):
        pacer.limited(0.4)
        pacer.limited(0.4)
        assert pacer._at_once == 2
        assert pacer._wait(1) > 0
    before = asyncio.get_running_loop().time()
    async with pacer.slot(1):
        assert asyncio.get_running_loop().time() - before >= 0.2
    pacer.answered()
    pacer.answered()
    assert 2.5 < pacer._at_once <= 3


async def test_pacer_runs_as_many_as_allowed_at_once() -> None:
    pacer, running, most = Pacer(), 0, 0
    pacer._at_once = 3

    async def one() -> None:
        nonlocal running, most
        async with pacer.slot(1):
            running += 1
            most = max(most, running)
            await asyncio.sleep(0)
            running -= 1

    await asyncio.gather(*(one() for _ in range(20)))
    assert (most, running, pacer._running) == (3, 0, 0)


def test_seconds_of_reset_header_are_bounded_and_parsed() -> None:
    assert pacing._seconds("1d2h3m4.5s") == 93784.5
    assert pacing._seconds("2020-01-01T00:00:00Z") == 0
    assert [pacing._seconds(text) for text in ("", "soon", "1e9", "-3", "9" * 40)] == [None] * 5
