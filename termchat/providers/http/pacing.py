"""Share the rate limit of a provider among many requests at once, as a batch sends them.

Three things hold a request back:

- the wait that the server has asked for: a 429 stops all requests, not only its own
- the number of requests at once: halved by each 429 and overload, one more for as many replies (AIMD)
- the rest of the limit that the headers of responses report: a token bucket of requests, and one of tokens

Headers of OpenAI and its gateways: https://developers.openai.com/api/docs/guides/rate-limits
Headers of Anthropic: https://platform.claude.com/docs/en/api/rate-limits
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime

from termchat.late_dataclass import dataclass

_MOST_AT_ONCE = 256
_LONGEST_WAIT = 60.0  # seconds for a bucket; then the server decides, whatever its headers said
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhd])")
_KINDS = ("requests", "tokens", "input-tokens")  # of the prompt: nobody knows the tokens of a reply before


@dataclass(slots=True)
class TokenBucket:
    """The rest of a limit, which refills; `level` at the moment `at` on the monotonic clock."""

    level: float
    capacity: float
    per_second: float
    at: float

    def wait(self, amount: float, now: float) -> float:
        """Return the seconds until the bucket holds an amount, or is full."""
        level = min(self.capacity, self.level + (now - self.at) * self.per_second)
        missing = min(amount, self.capacity) - level
        if missing <= 0:
            return 0.0
        seconds = missing / self.per_second if self.per_second > 0 else _LONGEST_WAIT
        return max(0.0, min(seconds, self.at + _LONGEST_WAIT - now))

    def take(self, amount: float, now: float) -> None:
        """Take an amount at the moment `now`; the bucket does not go below zero."""
        self.level = max(0.0, min(self.capacity, self.level + (now - self.at) * self.per_second) - amount)
        self.at = now


class Pacer:
    """Holds back the requests to one provider. `slot` is held during a request."""

    def __init__(self) -> None:
        self._at_once = float(_MOST_AT_ONCE)
        self._running = 0
        self._blocked = 0.0  # until this moment on the monotonic clock
        self._buckets: dict[str, TokenBucket] = {}
        self._changed = asyncio.Event()

    @asynccontextmanager
    async def slot(self, tokens: float) -> AsyncGenerator[None]:
        """Wait until a request with so many tokens may be sent; it counts as running inside of the context."""
        while wait := self._wait(tokens):
            self._changed.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), wait)
        now = time.monotonic()
        for kind, bucket in self._buckets.items():
            bucket.take(1 if kind == "requests" else tokens, now)
        self._running += 1
        try:
            yield
        finally:
            self._running -= 1
            self._changed.set()

    def answered(self) -> None:
        """Note a reply: one more request may run at once after as many replies as run now."""
        self._at_once = min(_MOST_AT_ONCE, self._at_once + 1 / max(1.0, self._at_once))
        self._changed.set()

    def limited(self, delay: float) -> None:
        """Note that the server limits or is overloaded, and send nothing for `delay` seconds.

        Requests that were sent together are limited together: they halve the number at once only one time.
        """
        now = time.monotonic()
        if now >= self._blocked:
            self._at_once = max(1.0, min(self._at_once, float(self._running)) / 2)
        self._blocked = max(self._blocked, now + delay)

    def learn(self, headers: Mapping[str, str]) -> None:
        """Read the rest of the limits from the headers of a response; what is unreadable is ignored."""
        now = time.monotonic()
        for kind in _KINDS:
            remaining = _number(_header(headers, kind, "remaining"))
            reset = _seconds(_header(headers, kind, "reset"))
            if remaining is None:
                continue
            limit = max(_number(_header(headers, kind, "limit")) or remaining, remaining, 1.0)
            used = limit - remaining
            rate = used / reset if reset else (0.0 if used else limit)
            self._buckets[kind] = TokenBucket(remaining, limit, rate, now)

    def _wait(self, tokens: float) -> float:
        """Return the seconds to wait before the next look, 0 if a request may be sent."""
        now = time.monotonic()
        if self._running >= int(self._at_once):
            return _LONGEST_WAIT  # or until a request ends
        waits = (bucket.wait(1 if kind == "requests" else tokens, now) for kind, bucket in self._buckets.items())
        return max(self._blocked - now, *waits, 0.0)


def _header(headers: Mapping[str, str], kind: str, what: str) -> str:
    return headers.get(f"x-ratelimit-{what}-{kind}") or headers.get(f"anthropic-ratelimit-{kind}-{what}") or ""


def _number(text: str) -> float | None:
    return float(text) if text.isascii() and text.isdigit() and len(text) < 16 else None


def _seconds(text: str) -> float | None:
    """Return the seconds of `1m30.5s`, `20ms`, `12`, or until a time such as 2026-01-01T00:00:00Z."""
    if not text:
        return None
    if number := re.fullmatch(r"\d{1,9}(?:\.\d{1,9})?", text):
        return float(number[0])
    if re.fullmatch(rf"(?:{_DURATION.pattern}){{1,6}}", text):
        return sum(float(amount) * _UNITS[unit] for amount, unit in _DURATION.findall(text))
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
