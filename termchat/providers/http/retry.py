"""Decide when to resend a request: one policy for all providers, shown to the user and cancellable."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from dataclasses import dataclass, replace

from termchat.core.errors import Failure
from termchat.core.provider import StreamMonitor
from termchat.core.sanitize import Safe, safe, safe_format

_LONGEST_WAIT = 30.0  # seconds a server may ask for; more is told and left to the user
_LONGEST_BACKOFF = 8.0
_LONGEST_PAUSE = 30.0  # seconds between two looks whether a host is back


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


async def interruptible_sleep(seconds: float, wire: StreamMonitor) -> None:
    """Wait so long before the next try, or until the user is in a hurry."""
    hurried = asyncio.Event()
    wire.skip_wait = hurried.set
    with suppress(TimeoutError):
        await asyncio.wait_for(hurried.wait(), seconds)


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
