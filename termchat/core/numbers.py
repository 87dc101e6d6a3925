"""Numbers that others wrote: in headers, keys of a terminal, replies, configuration. None of them raises."""

from __future__ import annotations

from datetime import datetime, tzinfo
from math import isfinite

_DIGITS = 18  # a number of so many fits into 64 bits; Python refuses to read one of more than 4300
_LAST = 253_402_214_400.0  # seconds since 1970: the last day that a calendar has in every time zone


def whole_number(text: str | bytes) -> int | None:
    """Return the number of a text of up to 18 ASCII digits, None for any other text."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS else None


def finite_number(value: object) -> float | None:
    """Return a number, or the number of a text, as a finite float; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = float(value)
    except (ValueError, OverflowError):  # no number; a whole one beyond any float
        return None
    return number if isfinite(number) else None


def moment(seconds: float, zone: tzinfo | None = None) -> datetime:
    """Return the date and time of seconds since 1970, in the user's zone without one; at most the end of the calendar.

    A moment before 1970 is its first day.
    """
    return datetime.fromtimestamp(max(0.0, min(seconds, _LAST)), zone)
