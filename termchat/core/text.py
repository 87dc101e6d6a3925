"""How many columns a text takes, near enough for lists of our own; what is drawn is measured in `ui`."""

from __future__ import annotations

from unicodedata import combining, east_asian_width

from termchat.core.sanitize import Safe, safe_line


def display_width(text: str) -> int:
    """The columns of a text of one line."""
    return len(text) if text.isascii() else sum(map(_column, text))


def truncate(text: str, most: int) -> Safe:
    """The text on one line, or as much of it as fits before an ellipsis."""
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
