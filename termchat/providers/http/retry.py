"""Decide when to resend a request: one policy for all providers, shown to the user and cancellable."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from dataclasses import dataclass, replace
from math import isnan
from typing import TYPE_CHECKING, Any

from termchat.core.errors import Failure
from termchat.core.provider import StreamMonitor
from termchat.core.sanitize import Safe, safe, safe_format
from termchat.providers.decoder import as_list, as_object, as_text

if TYPE_CHECKING:
    from termchat.providers.client import ErrorResponse

_LONGEST_WAIT = 30.0  # seconds a server may ask for; more is told and left to the user
_LONGEST_BACKOFF = 8.0
_LONGEST_PAUSE = 30.0  # seconds between two looks whether a host is back
_LONGEST_RETRY_AFTER = 1e9  # seconds; more is as good as for ever


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """`retries` are the extra tries before the first content."""

    retries: int = 2

    @property
    def tries(self) -> int:
        return self.retries + 1

    def delay(self, failure: Failure, tried: int) -> float | None:
        """Seconds to wait before the next try after `tried` tries, None to give up."""
        if not failure.retryable or tried >= self.tries:
            return None
        if failure.retry_after:
            return failure.retry_after if failure.retry_after <= _LONGEST_WAIT else None
        return min(0.5 * 2 ** (tried - 1), _LONGEST_BACKOFF) * random.uniform(0.75, 1.0)  # noqa: S311, spreads clients


def unreachable_backoff(tried: int) -> float:
    """Seconds until it is looked again whether a host is back: 1, 2, 4 ... 30."""
    return min(2.0 ** min(tried - 1, 5), _LONGEST_PAUSE)


async def interruptible_sleep(seconds: float, monitor: StreamMonitor) -> None:
    """Wait for `seconds` before the next attempt, or until `monitor.skip_wait` is called."""
    skipped = monitor.pending_wait = asyncio.Event()
    try:
        with suppress(TimeoutError):
            await asyncio.wait_for(skipped.wait(), seconds)
    finally:
        monitor.pending_wait = None


def final_failure(failure: Failure, tried: int) -> Failure:
    """The failure as it is told in the end: after how many tries, and when the server wants to be asked again."""
    message = failure.message
    if tried > 1:
        message = safe_format("{message} Tried {n} times.", message=_sentence(message), n=safe(str(tried)))
    if failure.retry_after is not None and failure.retry_after > _LONGEST_WAIT:
        message = safe_format(
            "{message} It asks to wait {n} s.", message=_sentence(message), n=safe(f"{failure.retry_after:.0f}")
        )
    return replace(failure, message=message)


def _sentence(words: Safe) -> Safe:
    """A server's own words may end without a stop."""
    return words if words.endswith((".", "!", "?", "…")) else safe_format("{words}.", words=words)


def retry_after(response: ErrorResponse) -> float | None:
    """Seconds, 0 for a moment that has passed, None when nothing was asked, or nothing that can be understood."""
    headers = {name.lower(): value for name, value in response.headers.items()}
    milliseconds = _seconds(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    value = headers.get("retry-after")
    for found in (_seconds(value), _until(value), _retry_info(response.body)):
        if found is not None:
            return found
    return None


def _seconds(value: str | None) -> float | None:
    try:
        seconds = float(value or "")
    except ValueError:
        return None
    return None if isnan(seconds) else max(0.0, min(seconds, _LONGEST_RETRY_AFTER))


def _until(value: str | None) -> float | None:
    from datetime import UTC, datetime
    from email.utils import parsedate_to_datetime

    try:
        moment = parsedate_to_datetime(value or "")
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return max(0.0, (moment - datetime.now(UTC)).total_seconds())
    except (ValueError, OverflowError, TypeError, IndexError):
        return None


def _retry_info(body: Any) -> float | None:
    body = as_list(body)[0] if as_list(body) else body  # the form of a stream's errors is a list of one
    for detail in as_list(as_object(as_object(body).get("error")).get("details")):
        delay = as_text(as_object(detail).get("retryDelay"))
        if delay.endswith("s"):
            return _seconds(delay[:-1])
    return None
