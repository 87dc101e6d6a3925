"""Stall detection for one reply. The caller provides the clock and checks periodically.

Only time awake counts. A late check means that the machine slept or the program was suspended, and that time is
ignored; so is time in which the reply waits for its consumer, or for its next attempt.
"""

from __future__ import annotations

from termchat.core.models import Timeouts

_TICK = 1.0  # seconds between two checks; less for short limits


class StallDetector:
    """Checks a reply against the limits of `core.models.Timeouts`; `tick` is the interval of checks in seconds."""

    def __init__(self, limits: Timeouts, now: float) -> None:
        self._limits = limits
        self._last = now
        self._awake = self._heard = self._parsed = 0.0  # time awake: now, at the last byte, at the last event
        self._bytes = self._events = 0
        self.tick = min(_TICK, limits.first_content / 8, limits.idle / 8, limits.no_event / 8)

    def restart(self, delay: float) -> None:
        """Restart all timers for another attempt, which begins after `delay` seconds."""
        self._awake, self._heard, self._parsed = -delay, 0.0, 0.0

    def check(self, now: float, received: int, events: int, *, began: bool, held: bool = False) -> float | None:
        """Return the limit that is exceeded, in seconds, or None.

        now               monotonic seconds
        received, events  totals of bytes and deltas so far
        began             True once content has arrived
        held              True while the reply waits for its consumer instead of the server
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
