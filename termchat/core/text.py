"""Approximate width and truncation of one line, for texts made outside `ui`, which measures what is drawn."""

from __future__ import annotations

from unicodedata import combining, east_asian_width

from termchat.core.sanitize import Safe, safe_line


def display_width(text: str) -> int:
    """Return the columns of one line: 2 for a wide character, 0 for a combining one."""
    return len(text) if text.isascii() else sum(map(_column, text))


def truncate(text: str, most: int) -> Safe:
    """Collapse the white space of a text to one safe line and cut it to `most` columns, with an ellipsis."""
    flat = " ".join(text.split())
    if display_width(flat) <= most:
        return safe_line(flat)
    used = 0
    for at, character in enumerate(flat):
        used += _column(character)
        if used > most - 1:
            return safe_line(f"{flat[:at]}…")
    return safe_line(flat)


def _column(character: str) -> int:
    return 0 if combining(character) else 2 if east_asian_width(character) in "WF" else 1
