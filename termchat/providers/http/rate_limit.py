"""A rate limit holds for all that is asked of a provider, whichever turn ran into it."""

from __future__ import annotations

import time
from dataclasses import dataclass

from termchat.core.errors import Failure, FailureKind


@dataclass(slots=True)
class RateLimit:
    """When a provider may be asked again; one for all its models. `failure` is what it said."""

    failure: Failure | None = None
    _until: float = 0.0

    def set(self, failure: Failure, delay: float) -> None:
        """A turn will wait for `delay` seconds; where the server asked for it, the others do as well."""
        if failure.kind is FailureKind.RATE_LIMITED and failure.retry_after:
            self.failure = failure
            self._until = max(self._until, time.monotonic() + delay)

    def clear(self) -> None:
        """The provider answers: whoever asks next has nothing to wait for."""
        self._until = 0.0

    def remaining(self) -> float:
        """Seconds to wait before the next request, 0 for none."""
        return max(0.0, self._until - time.monotonic())
