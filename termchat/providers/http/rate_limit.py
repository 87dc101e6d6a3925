"""The rate limit of a provider, shared by all its models: a turn waits for the limit another turn has hit."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from typing import TYPE_CHECKING

from termchat.core.errors import Failure, FailureKind
from termchat.core.messages import File, Image
from termchat.core.provider import Request
from termchat.core.usage import token_weight
from termchat.late_dataclass import dataclass
from termchat.providers.catalog.dropped_parts import all_parts

if TYPE_CHECKING:
    from termchat.providers.http.pacing import Pacer

_BACKOFF = 1.0  # seconds for all requests, if the server asks for no other wait
_ATTACHMENT = 1500.0  # tokens of an image or a page, roughly: vendors count neither by bytes


@dataclass(slots=True)
class RateLimit:
    """The time until which a provider has asked to wait; `failure` is its last rate-limit failure.

    pacer   holds back the requests of a batch, None for single ones
    """

    failure: Failure | None = None
    pacer: Pacer | None = None
    _until: float = 0.0  # on the monotonic clock, in seconds

    def set(self, failure: Failure, delay: float) -> None:
        """Record that a turn waits `delay` seconds after a failure. Only a delay the server asked for is shared."""
        if failure.kind is FailureKind.RATE_LIMITED and failure.retry_after:
            self.failure = failure
            self._until = max(self._until, time.monotonic() + delay)

    def slot(self, request: Request) -> AbstractAsyncContextManager[None]:
        """Return the context of one attempt; a pacer may let it wait."""
        return self.pacer.slot(prompt_tokens(request)) if self.pacer else nullcontext()

    def learn(self, headers: Mapping[str, str]) -> None:
        """Read what the headers of a response tell about the limits."""
        if self.pacer:
            self.pacer.learn(headers)

    def note(self, failure: Failure) -> None:
        """Note a failed attempt, also one that is not repeated."""
        if self.pacer and failure.kind in (FailureKind.RATE_LIMITED, FailureKind.OVERLOADED):
            self.pacer.limited(failure.retry_after or _BACKOFF)

    def clear(self) -> None:
        """Lift the limit, because the provider has answered a request."""
        self._until = 0.0
        if self.pacer:
            self.pacer.answered()

    def remaining(self) -> float:
        """Return the seconds to wait before the next request, 0 for none."""
        return max(0.0, self._until - time.monotonic())


def prompt_tokens(request: Request) -> float:
    """Estimate the tokens of a prompt for the pace; the server counts them itself."""
    parts = tuple(all_parts(request.messages))
    texts = (request.system, *(getattr(part, "text", "") for part in parts))
    return sum(map(token_weight, texts)) + _ATTACHMENT * sum(isinstance(part, Image | File) for part in parts)
