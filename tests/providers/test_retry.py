"""Retry policy and Retry-After."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from termchat.core.errors import Failure, FailureKind
from termchat.core.sanitize import safe_format
from termchat.providers.client import ErrorResponse
from termchat.providers.http.retry import RetryPolicy, final_failure, retry_after, unreachable_backoff

RETRYABLE = Failure(FailureKind.OVERLOADED, safe_format("busy"), retryable=True)
INFO: Any = {"error": {"details": [{"@type": "x.ErrorInfo"}, {"@type": "x.RetryInfo", "retryDelay": "17.5s"}]}}


def parsed_retry_after(body: Any = None, **headers: str) -> float | None:
    return retry_after(ErrorResponse(429, body, {name.replace("_", "-"): value for name, value in headers.items()}))


def test_retry_policy_two_retries_with_growing_delay() -> None:
    policy = RetryPolicy(2)
    delays = [policy.delay(RETRYABLE, tried) for tried in (1, 2, 3)]
    assert delays[2] is None
    assert delays[0] is not None
    assert delays[1] is not None
    assert 0.375 <= delays[0] <= 0.5
    assert 0.75 <= delays[1] <= 1.0


def test_retry_policy_delay_is_capped() -> None:
    delay = RetryPolicy(50).delay(RETRYABLE, 40)
    assert delay is not None
    assert delay <= 8.0


def test_retry_policy_zero_retries_or_final_kind_gives_none() -> None:
    assert RetryPolicy(0).delay(RETRYABLE, 1) is None
    assert RetryPolicy(2).delay(Failure(FailureKind.AUTH, safe_format("no")), 1) is None


@pytest.mark.parametrize(("seconds", "delay"), [(0.5, 0.5), (30.0, 30.0), (30.1, None), (3600.0, None)])
def test_retry_policy_honours_retry_after_up_to_30_seconds(seconds: float, delay: float | None) -> None:
    failure = Failure(FailureKind.RATE_LIMITED, safe_format("slow down"), retry_after=seconds, retryable=True)
    assert RetryPolicy(2).delay(failure, 1) == delay


def test_retry_policy_retry_after_zero_uses_own_delay() -> None:
    delay = RetryPolicy(2).delay(
        Failure(FailureKind.RATE_LIMITED, safe_format("x"), retry_after=0.0, retryable=True), 1
    )
    assert delay is not None
    assert delay > 0.3


def test_final_failure_names_tries_and_requested_wait() -> None:
    failure = Failure(FailureKind.RATE_LIMITED, safe_format("Slow down."), retry_after=3600.0, retryable=True)
    assert final_failure(failure, 1).message == "Slow down. The server asks to wait 3600 s."
    assert final_failure(RETRYABLE, 3).message == "busy. Tried 3 times."
    assert final_failure(RETRYABLE, 1) == RETRYABLE


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry_after": "7"}, 7.0),
        ({"Retry_After": "7"}, 7.0),
        ({"retry_after": " 1.5 "}, 1.5),
        ({"retry_after_ms": "250"}, 0.25),
        ({"retry_after_ms": "250", "retry_after": "9"}, 0.25),
        ({"retry_after_ms": "soon", "retry_after": "9"}, 9.0),
        ({}, None),
        ({"retry_after": ""}, None),
        ({"retry_after": "soon"}, None),
        ({"retry_after": "nan"}, None),
        ({"retry_after": "-5"}, 0.0),
        ({"retry_after": "0"}, 0.0),
        ({"retry_after": "1e400"}, 1e9),
        ({"retry_after": "inf"}, 1e9),
        ({"retry_after": "-inf"}, 0.0),
        ({"retry_after": "9" * 400}, 1e9),
        ({"retry_after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({"retry_after": "Wed, 21 Oct 99999 07:28:00 GMT"}, None),
    ],
)
def test_retry_after_header_is_parsed(headers: dict[str, str], seconds: float | None) -> None:
    assert parsed_retry_after(**headers) == seconds


def test_retry_after_date_gives_seconds() -> None:
    for zone in ("GMT", "-0000"):
        moment = format_datetime(datetime.now(UTC) + timedelta(seconds=20), usegmt=True).replace("GMT", zone)
        seconds = parsed_retry_after(retry_after=moment)
        assert seconds is not None
        assert 17 <= seconds <= 20


def test_retry_after_of_gemini_body_without_header() -> None:
    assert parsed_retry_after(INFO) == 17.5
    assert parsed_retry_after([INFO]) == 17.5
    assert parsed_retry_after(INFO, retry_after="3") == 3.0
    assert parsed_retry_after({"error": {"details": [None, {"retryDelay": 5}, {"retryDelay": "xs"}]}}) is None


@given(st.text(max_size=40) | st.from_regex(r"\w{3}, \d{1,2} \w{3} \d{1,6} \d\d:\d\d:\d\d [+-]?\w{1,12}"))
def test_retry_after_any_text_is_none_or_not_negative(value: str) -> None:
    seconds = parsed_retry_after(retry_after=value)
    assert seconds is None or seconds >= 0


def test_unreachable_backoff_doubles_up_to_30_seconds() -> None:
    assert [unreachable_backoff(tried) for tried in (1, 2, 3, 4, 5, 6, 7, 100_000)] == [1, 2, 4, 8, 16, 30, 30, 30]
