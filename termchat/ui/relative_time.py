"""Moments in the words people use."""

from __future__ import annotations

import re
from datetime import datetime

from termchat.core.errors import Failure, FailureKind
from termchat.core.sanitize import Safe, safe, safe_format, safe_line

_UNITS = {"m": 60.0, "h": 3600.0, "d": 86400.0, "w": 7 * 86400.0}


def age(moment: float, now: float) -> Safe:
    """How long ago: `just now`, `5 min`, `3 h`, `2 days`, then the date."""
    seconds = now - moment
    if seconds < 60:
        return safe_format("just now")
    if seconds < 3600:
        return safe_format("{n} min", n=safe(str(int(seconds // 60))))
    if seconds < 86400:
        return safe_format("{n} h", n=safe(str(int(seconds // 3600))))
    days = int(seconds // 86400)
    if days < 30:
        return safe_format("{n} day{s}", n=safe(str(days)), s=safe("" if days == 1 else "s"))
    return safe(f"{datetime.fromtimestamp(moment):%Y-%m-%d}")  # noqa: DTZ006, the user's own clock


def since(words: str, now: float) -> float | Failure:
    """The moment that `7d`, `12h`, `2w` ago was, or a date like 2026-05-09 began; seconds since 1970."""
    text = words.strip().lower()
    if found := re.fullmatch(r"(\d{1,6})\s*([mhdw])", text):
        return now - int(found[1]) * _UNITS[found[2]]
    try:
        return datetime.strptime(text, "%Y-%m-%d").timestamp()  # noqa: DTZ007, the user's own clock
    except ValueError:
        name = safe_line(words[:40])
        return Failure(
            FailureKind.BAD_CONFIG,
            safe_format('"{name}" is no time.', name=name),
            safe_format("Write 12h, 7d, 2w or a date like 2026-05-09."),
        )
