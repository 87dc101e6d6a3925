"""Frame rate: the first frame at once, then as many as drawing is cheap."""

from __future__ import annotations

FASTEST = 1 / 30  # seconds
SLOWEST = 0.1  # seconds
_SHARE = 6  # interval of frames divided by the cost of one: drawing takes at most a seventh of a core
_WEIGHT = 0.2  # of the last frame in the moving average of the cost


class FrameClock:
    """Computes the wait before the next frame. All times are seconds of one clock, passed in."""

    def __init__(self, fastest: float = FASTEST, slowest: float = SLOWEST) -> None:
        self._fastest = fastest
        self._slowest = slowest
        self._cost = 0.0
        self._last: float | None = None

    @property
    def interval(self) -> float:
        """Seconds from one frame to the next at the current cost of a frame."""
        return min(self._slowest, max(self._fastest, _SHARE * self._cost))

    def wait(self, now: float) -> float:
        """Return the seconds until the next frame; 0 after a pause, so that the first token is shown at once."""
        return 0.0 if self._last is None else max(0.0, self._last + self.interval - now)

    def drawn(self, begin: float, end: float) -> None:
        """Note that a frame was drawn from `begin` to `end`."""
        self._cost += _WEIGHT * (end - begin - self._cost)
        self._last = begin
