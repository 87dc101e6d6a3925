"""Frame rate: a piece of the reply is drawn when it comes, as long as drawing is cheap."""

from __future__ import annotations

import math
from collections.abc import Mapping

MAX_RATE = 60  # frames a second
REMOTE_RATE = 30  # over SSH, where a frame costs a packet
DENSE_RATE = 28  # for replies that come faster than they can be read word by word
SLOWEST = 0.1  # seconds from one frame to the next, at most
_DENSE = 150  # pieces of a reply a second
_WINDOW = 0.5  # seconds over which pieces are counted
_BURST = 2.0  # frames that may follow each other at once after a pause
_SHARE = 6  # interval of frames divided by the cost of one: drawing takes at most a seventh of a core
_WEIGHT = 0.2  # of the last frame in the moving average of the cost


def frame_rate(wanted: int, env: Mapping[str, str]) -> int:
    """Return the most frames a second: the wanted number up to 60; for 0, 60, and 30 over SSH."""
    remote = env.get("SSH_CONNECTION") or env.get("SSH_TTY")
    return min(wanted, MAX_RATE) if wanted else REMOTE_RATE if remote else MAX_RATE


class FrameClock:
    """Decides when the pieces of a reply are drawn. All times are seconds of one clock, passed in.

    Frames are credits that grow with time, up to `_BURST`. A piece that comes without a credit is drawn together with
    the next one that has it: at 100 pieces and 60 frames a second, most are drawn at once and the others 10 ms later,
    where frames at fixed times would let all of them wait for 8 ms.
    """

    def __init__(self, rate: int = MAX_RATE) -> None:
        self._rate = rate
        self._cost = 0.0
        self._credits = _BURST
        self._counted = 0.0  # the time of `_credits` and `_pieces`
        self._pieces = 0.0  # pieces of the last `_WINDOW`, older ones fading

    @property
    def interval(self) -> float:
        """Seconds from one frame to the next at the current cost of a frame and density of pieces."""
        dense = self._pieces > _DENSE * _WINDOW
        fastest = 1 / min(self._rate, DENSE_RATE if dense else MAX_RATE)
        return min(SLOWEST, max(fastest, _SHARE * self._cost))

    def arrived(self, now: float) -> float:
        """Note a piece; return the seconds until its frame, 0 for now. The next piece may begin it earlier."""
        self._count(now)
        self._pieces += 1
        return 0.0 if self._credits >= 1 else self.interval

    def drawn(self, begin: float, end: float) -> None:
        """Note that a frame was drawn from `begin` to `end`."""
        self._count(begin)
        self._credits = max(0.0, self._credits - 1)
        self._cost += _WEIGHT * (end - begin - self._cost)

    def _count(self, now: float) -> None:
        passed, self._counted = max(0.0, now - self._counted), now
        self._credits = min(_BURST, self._credits + passed / self.interval)
        self._pieces *= math.exp(-passed / _WINDOW)
