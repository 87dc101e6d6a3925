"""When to draw: at once after a pause, then as often as drawing is cheap."""

from __future__ import annotations

FASTEST = 1 / 30
SLOWEST = 0.1
_SHARE = 6
"""Frames apart at least this many times what one costs: drawing takes a seventh of a core at most."""
_WEIGHT = 0.2


class FrameClock:
    """Times are seconds of any one clock, passed in by the caller."""

    def __init__(self, fastest: float = FASTEST, slowest: float = SLOWEST) -> None:
        self._fastest = fastest
        self._slowest = slowest
        self._cost = 0.0
        self._last: float | None = None

    @property
    def interval(self) -> float:
        """The time from one frame to the next at the present cost of a frame."""
        return min(self._slowest, max(self._fastest, _SHARE * self._cost))

    def wait(self, now: float) -> float:
        """How long to wait before the next frame; 0 after a pause, so the first token is seen at once."""
        return 0.0 if self._last is None else max(0.0, self._last + self.interval - now)

    def drawn(self, begin: float, end: float) -> None:
        """A frame was drawn from `begin` to `end`."""
        self._cost += _WEIGHT * (end - begin - self._cost)
        self._last = begin
