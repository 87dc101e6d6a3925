"""Numbers of a running batch, for the progress bar and the summary."""

from __future__ import annotations

import time
from dataclasses import field
from decimal import Decimal

from termchat.core.sanitize import Safe
from termchat.late_dataclass import dataclass


@dataclass(slots=True)
class BatchProgress:
    """Numbers of lines and US dollars, for people who watch.

    earlier   lines that earlier runs have answered
    done      lines that are answered now, those included
    failed    lines of this run without an answer
    paused    the end of a common wait on the monotonic clock, 0 for none
    ends      number of lines by outcome
    samples   line and message of the first failures of this run, each message once
    """

    total: int = 0
    earlier: int = 0
    done: int = 0
    failed: int = 0
    running: int = 0
    cost: Decimal = Decimal(0)
    unpriced: int = 0
    paused: float = 0.0
    began: float = field(default_factory=time.monotonic)
    ends: dict[str, int] = field(default_factory=dict[str, int])
    samples: list[tuple[int, Safe]] = field(default_factory=list[tuple[int, Safe]])

    @property
    def left(self) -> int:
        """Lines without an end."""
        return self.total - self.done - self.failed

    def seconds_left(self, now: float) -> float | None:
        """Return the seconds that the rest takes at the speed of this run; None before its first end."""
        ended = self.done + self.failed - self.earlier
        return self.left * (now - self.began) / ended if ended else None

    def cost_an_hour(self, now: float) -> Decimal:
        """Return the US dollars that an hour costs at the speed of this run."""
        return self.cost * 3600 / Decimal(max(now - self.began, 1.0))
