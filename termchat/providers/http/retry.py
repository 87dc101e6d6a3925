"""Decide when to resend a request: one policy for all providers, shown to the user and cancellable."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from dataclasses import replace
from math import isnan
from typing import TYPE_CHECKING, Any

from termchat.core.errors import Failure
from termchat.core.provider import StreamMonitor
from termchat.core.sanitize import Safe, safe, safe_format
from termchat.late_dataclass import dataclass
from termchat.providers.decoder import as_list, as_object, as_text

if TYPE_CHECKING:
    from termchat.providers.client import ErrorResponse

_MAX_WAIT = 30.0  # seconds; a longer wait asked for by the server is reported and left to the user
_MAX_BACKOFF = 8.0  # seconds
_MAX_UNREACHABLE_BACKOFF = 30.0  # seconds
_MAX_RETRY_AFTER = 1e9  # seconds; bounds values such as 1e400


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Limits of automatic retries.

    retries   the number of extra tries before the first content
    paced     many requests are sent at once, and share what the servers report about their rate limits
    """

    retries: int = 2
    paced: bool = False

    @property
    def tries(self) -> int:
        """The number of tries in total."""
        return self.retries + 1

    def delay(self, failure: Failure, tried: int) -> float | None:
        """Return the seconds to wait before the next try after `tried` failed tries, None to give up.

        The server's Retry-After comes first; else the delay doubles from 0.5 s to 8 s, less up to a quarter at random.
        """
        if not failure.retryable or tried >= self.tries:
            return None
        if failure.retry_after:
            return failure.retry_after if failure.retry_after <= _MAX_WAIT else None
        return min(0.5 * 2 ** (tried - 1), _MAX_BACKOFF) * random.uniform(0.75, 1.0)  # noqa: S311, spreads clients


def unreachable_backoff(tried: int) -> float:
    """Return the seconds before the next try to reach a host, after `tried` tries from 1 on: 1, 2, 4 ... 30."""
    return min(2.0 ** min(tried - 1, 5), _MAX_UNREACHABLE_BACKOFF)


async def interruptible_sleep(seconds: float, monitor: StreamMonitor) -> None:
    """Wait for `seconds` before the next try, or until `monitor.skip_wait` is called."""
    skipped = monitor.pending_wait = asyncio.Event()
    try:
        with suppress(TimeoutError):
            await asyncio.wait_for(skipped.wait(), seconds)
    finally:
        monitor.pending_wait = None


def final_failure(failure: Failure, tried: int) -> Failure:
    """Add the number of tries, and a wait too long to be automatic, to the message of a failure shown to the user."""
    message = failure.message
    if tried > 1:
        message = safe_format("{message} Tried {n} times.", message=_with_full_stop(message), n=safe(str(tried)))
    if failure.retry_after is not None and failure.retry_after > _MAX_WAIT:
        seconds = safe(f"{failure.retry_after:.0f}")
        message = safe_format("{message} The server asks to wait {n} s.", message=_with_full_stop(message), n=seconds)
    return replace(failure, message=message)


def _with_full_stop(message: Safe) -> Safe:
    """Return a message that another sentence can follow: a server's text may end without a full stop."""
    return message if message.endswith((".", "!", "?", "…")) else safe_format("{message}.", message=message)


def retry_after(response: ErrorResponse) -> float | None:
    """Return the seconds a server asks to wait: 0 for a time in the past, None when absent or unreadable.

    Read in this order; the value is untrusted and bounded by 1e9 seconds:

    - `retry-after-ms`, milliseconds: a header of OpenAI and Azure (openai 3.57 and anthropic 2.14 read it first)
    - `retry-after`, seconds or an HTTP date: RFC 9110, section 10.2.3
    - `retryDelay` of a `google.rpc.RetryInfo` in the body, seconds as "17.5s": Gemini sends no header
    """
    headers = {name.lower(): value for name, value in response.headers.items()}
    milliseconds = _parse_seconds(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    value = headers.get("retry-after")
    for found in (_parse_seconds(value), _seconds_until(value), _retry_delay(response.body)):
        if found is not None:
            return found
    return None


def _parse_seconds(value: str | None) -> float | None:
    try:
        seconds = float(value or "")
    except ValueError:
        return None
    return None if isnan(seconds) else max(0.0, min(seconds, _MAX_RETRY_AFTER))


def _seconds_until(value: str | None) -> float | None:
    from datetime import UTC, datetime
    from email.utils import parsedate_to_datetime

    try:
        moment = parsedate_to_datetime(value or "")
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return max(0.0, (moment - datetime.now(UTC)).total_seconds())
    except (ValueError, OverflowError, TypeError, IndexError):
        return None


def _retry_delay(body: Any) -> float | None:
    body = as_list(body)[0] if as_list(body) else body  # Gemini wraps the error of a stream in a list
    for detail in as_list(as_object(as_object(body).get("error")).get("details")):
        delay = as_text(as_object(detail).get("retryDelay"))
        if delay.endswith("s"):
            return _parse_seconds(delay[:-1])
    return None
