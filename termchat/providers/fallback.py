"""Fall back to another model when a provider is overloaded, limited, out of quota or unreachable.

A notice names the next model. After the first content no request is sent again.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing

from termchat.core.errors import FailureKind, ProviderError
from termchat.core.events import CONTENT_DELTAS, Delta, ProviderNotice
from termchat.core.messages import Origin
from termchat.core.models import ModelRef
from termchat.core.provider import Provider, Request, StreamMonitor
from termchat.core.sanitize import safe_format, safe_line

# Failures of one provider. A bad request would fail elsewhere too, a rejected key is for the user to fix, and a
# truncated reply must not be billed twice.
_FALLBACK_KINDS = frozenset(
    (FailureKind.OVERLOADED, FailureKind.RATE_LIMITED, FailureKind.SERVER, FailureKind.NETWORK, FailureKind.QUOTA)
)

Open = Callable[[ModelRef], Awaitable[Provider]]


class FallbackProvider:
    """A model and its fallbacks in order. The model that answers is used for the rest of the turn.

    open_   opens a model by name; raises ProviderError
    """

    def __init__(self, first: Provider, others: Sequence[ModelRef], open_: Open) -> None:
        self._current = first
        self._remaining = list(others)
        self._open = open_

    @property
    def origin(self) -> Origin:
        """The model in use."""
        return self._current.origin

    async def stream(self, request: Request, monitor: StreamMonitor) -> AsyncGenerator[Delta, None]:
        """Stream the reply of the first model that answers.

        Raises ProviderError when every model fails, when one fails after its first content, or for a failure that is
        not the provider's.
        """
        while True:
            has_content = False
            try:
                async with aclosing(self._current.stream(request, monitor)) as deltas:
                    async for delta in deltas:
                        has_content = has_content or isinstance(delta, CONTENT_DELTAS)
                        yield delta
                return
            except ProviderError as error:
                may_fall_back = not has_content and error.failure.kind in _FALLBACK_KINDS
                if not may_fall_back or not await self._switch():
                    raise
                why = error.failure.message
            yield ProviderNotice(
                safe_format("{why} Switching to {name}.", why=why, name=safe_line(str(self._current.origin.ref))),
                restarted=True,
            )

    async def _switch(self) -> bool:
        """Switch to the next model that can be opened; False when no model is left."""
        while self._remaining:
            try:
                self._current = await self._open(self._remaining.pop(0))
            except ProviderError:
                continue  # without a key, for example
            return True
        return False
