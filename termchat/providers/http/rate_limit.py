"""The rate limit of a provider, shared by all its models: a turn waits for the limit another turn has hit."""

from __future__ import annotations

import time

from termchat.core.errors import Failure, FailureKind
from termchat.late_dataclass import dataclass


@dataclass(slots=True)
class RateLimit:
    """The time until which a provider has asked to wait; `failure` is its last rate-limit failure."""

    failure: Failure | None = None
    _until: float = 0.0  # on the monotonic clock, in seconds

    def set(self, failure: Failure, delay: float) -> None:
        """Record that a turn waits `delay` seconds after a failure. Only a delay the server asked for is shared."""
        if failure.kind is FailureKind.RATE_LIMITED and failure.retry_after:
            self.failure = failure
            self._until = max(self._until, time.monotonic() + delay)

    def clear(self) -> None:
        """Lift the limit, because the provider has answered a request."""
        self._until = 0.0

    def remaining(self) -> float:
        """Return the seconds to wait before the next request, 0 for none."""
        return max(0.0, self._until - time.monotonic())
