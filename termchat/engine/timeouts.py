"""The clocks of one reply, as arithmetic: someone looks at them now and then and tells what came since.

They count time awake. A look that comes late means that the machine slept or the program was suspended, and that
time counts for nothing; nor does time in which the reply waits for its reader, or a retry for its turn.
"""

from __future__ import annotations

from termchat.core.models import Timeouts

_TICK = 1.0  # seconds between two looks, less where a limit is short


class StallDetector:
    """When a reply has stalled: see `core.models.Timeouts` for the three limits."""

    def __init__(self, limits: Timeouts, now: float) -> None:
        self._limits = limits
        self._last = now
        self._awake = self._heard = self._parsed = 0.0  # time awake: now, at the last byte, at the last event
        self._bytes = self._events = 0
        self.tick = min(_TICK, limits.first_content / 8, limits.idle / 8, limits.no_event / 8)

    def restart(self, delay: float) -> None:
        """Another try begins after `delay` seconds: all clocks start anew then."""
        self._awake, self._heard, self._parsed = -delay, 0.0, 0.0

    def check(self, now: float, received: int, events: int, *, began: bool, held: bool = False) -> float | None:
        """The limit that has run out, in seconds, None while none has.

        now               monotonic seconds
        received, events  bytes and deltas so far
        began             whether content has come
        held              the reply is waiting for its reader, not for the server
        """
        self._awake += min(now - self._last, 2 * self.tick)
        self._last = now
        if received != self._bytes:
            self._bytes, self._heard = received, self._awake
        if events != self._events or held:
            self._events, self._heard, self._parsed = events, self._awake, self._awake
        return self._late(began=began)

    def _late(self, *, began: bool) -> float | None:
        limits = self._limits
        if not began:
            return limits.first_content if self._awake >= limits.first_content else None
        if self._awake - self._heard >= limits.idle:
            return limits.idle
        return limits.no_event if self._awake - self._parsed >= limits.no_event else None
