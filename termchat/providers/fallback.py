"""Chains of models: when one cannot answer for reasons of its own, the next one does, aloud, and never after text."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing

from termchat.core.errors import FailureKind, ProviderError
from termchat.core.events import CONTENT_DELTAS, Delta, ProviderNotice
from termchat.core.messages import Origin
from termchat.core.models import ModelRef
from termchat.core.provider import Provider, Request, StreamMonitor
from termchat.core.sanitize import safe_format, safe_line

# The provider's own trouble; a bad request, a refused key or a cut reply would be no better elsewhere or is not ours
# to send again.
_ELSEWHERE = frozenset(
    (FailureKind.OVERLOADED, FailureKind.RATE_LIMITED, FailureKind.SERVER, FailureKind.NETWORK, FailureKind.QUOTA)
)

Open = Callable[[ModelRef], Awaitable[Provider]]


class FallbackProvider:
    """A model and those that take over from it, in their order. The one that answers stays for the rest of the turn."""

    def __init__(self, first: Provider, others: Sequence[ModelRef], open_: Open) -> None:
        self._now = first
        self._left = list(others)
        self._open = open_

    @property
    def origin(self) -> Origin:
        """Who answers now."""
        return self._now.origin

    async def stream(self, request: Request, wire: StreamMonitor) -> AsyncGenerator[Delta, None]:
        """The reply of the first that can give one. Raises ProviderError: none can, or it failed after text."""
        while True:
            said = False
            try:
                async with aclosing(self._now.stream(request, wire)) as deltas:
                    async for delta in deltas:
                        said = said or isinstance(delta, CONTENT_DELTAS)
                        yield delta
                return
            except ProviderError as error:
                elsewhere = not said and error.failure.kind in _ELSEWHERE
                if not elsewhere or not await self._next():
                    raise
                why = error.failure.message
            yield ProviderNotice(
                safe_format("{why} {name} takes over.", why=why, name=safe_line(str(self._now.origin.ref))),
                restarted=True,
            )

    async def _next(self) -> bool:
        """Go on to the next model that can be opened; False when there is none."""
        while self._left:
            try:
                self._now = await self._open(self._left.pop(0))
            except ProviderError:
                continue  # one without a key is none
            return True
        return False
