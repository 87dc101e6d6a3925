"""When to send again, and what a server may ask for."""

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

AGAIN = Failure(FailureKind.OVERLOADED, safe_format("busy"), retryable=True)
INFO: Any = {"error": {"details": [{"@type": "x.ErrorInfo"}, {"@type": "x.RetryInfo", "retryDelay": "17.5s"}]}}


def asked(body: Any = None, **headers: str) -> float | None:
    return retry_after(ErrorResponse(429, body, {name.replace("_", "-"): value for name, value in headers.items()}))


def test_two_more_tries_with_a_growing_wait() -> None:
    policy = RetryPolicy(2)
    delays = [policy.delay(AGAIN, tried) for tried in (1, 2, 3)]
    assert delays[2] is None
    assert delays[0] is not None
    assert delays[1] is not None
    assert 0.375 <= delays[0] <= 0.5
    assert 0.75 <= delays[1] <= 1.0


def test_the_wait_has_an_end() -> None:
    delay = RetryPolicy(50).delay(AGAIN, 40)
    assert delay is not None
    assert delay <= 8.0


def test_none_when_none_are_wanted_or_it_makes_no_sense() -> None:
    assert RetryPolicy(0).delay(AGAIN, 1) is None
    assert RetryPolicy(2).delay(Failure(FailureKind.AUTH, safe_format("no")), 1) is None


@pytest.mark.parametrize(("seconds", "delay"), [(0.5, 0.5), (30.0, 30.0), (30.1, None), (3600.0, None)])
def test_the_server_says_when_up_to_half_a_minute(seconds: float, delay: float | None) -> None:
    failure = Failure(FailureKind.RATE_LIMITED, safe_format("slow down"), retry_after=seconds, retryable=True)
    assert RetryPolicy(2).delay(failure, 1) == delay


def test_a_wait_of_nothing_is_our_own() -> None:
    delay = RetryPolicy(2).delay(
        Failure(FailureKind.RATE_LIMITED, safe_format("x"), retry_after=0.0, retryable=True), 1
    )
    assert delay is not None
    assert delay > 0.3


def test_in_the_end_the_tries_are_told_and_when_to_come_back() -> None:
    failure = Failure(FailureKind.RATE_LIMITED, safe_format("Slow down."), retry_after=3600.0, retryable=True)
    assert final_failure(failure, 1).message == "Slow down. It asks to wait 3600 s."
    assert final_failure(AGAIN, 3).message == "busy. Tried 3 times."
    assert final_failure(AGAIN, 1) == AGAIN


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
def test_what_a_server_may_ask(headers: dict[str, str], seconds: float | None) -> None:
    assert asked(**headers) == seconds


def test_a_date() -> None:
    for zone in ("GMT", "-0000"):
        moment = format_datetime(datetime.now(UTC) + timedelta(seconds=20), usegmt=True).replace("GMT", zone)
        seconds = asked(retry_after=moment)
        assert seconds is not None
        assert 17 <= seconds <= 20


def test_geminis_own_form_when_there_is_no_header() -> None:
    assert asked(INFO) == 17.5
    assert asked([INFO]) == 17.5
    assert asked(INFO, retry_after="3") == 3.0
    assert asked({"error": {"details": [None, {"retryDelay": 5}, {"retryDelay": "xs"}]}}) is None


@given(st.text(max_size=40) | st.from_regex(r"\w{3}, \d{1,2} \w{3} \d{1,6} \d\d:\d\d:\d\d [+-]?\w{1,12}"))
def test_nothing_a_server_says_is_a_bug_or_a_wait_without_end(value: str) -> None:
    seconds = asked(retry_after=value)
    assert seconds is None or seconds >= 0


def test_the_pauses_before_a_host_is_back() -> None:
    assert [unreachable_backoff(tried) for tried in (1, 2, 3, 4, 5, 6, 7, 100_000)] == [1, 2, 4, 8, 16, 30, 30, 30]
