"""Lines of long texts, found piece by piece.

A single call of `str` or `re` holds the lock of the interpreter until it is done, so that it must not take long.
"""

from __future__ import annotations

import re

_PIECE = 65_536  # characters
_LINE = re.compile(r"[^\n]*\n|[^\n]+\Z")


def split_lines(text: str) -> list[str]:
    """Split a text after each LF, and only there."""
    lines: list[str] = []
    start = 0
    while start < len(text):
        end = text.find("\n", start + _PIECE) + 1 or len(text)
        lines += _LINE.findall(text, start, end)
        start = end
    return lines


def count_lines(text: str) -> int:
    """Return the number of lines, the last of which may be without LF."""
    return text.count("\n") + (text != "" and not text.endswith("\n"))


def first_lines(text: str, count: int) -> list[str]:
    """Return the first lines of a text."""
    end = 0
    for _ in range(count):
        end = text.find("\n", end) + 1 or len(text)
    return split_lines(text[:end])


def last_lines(text: str, count: int) -> list[str]:
    """Return the last lines of a text."""
    start = len(text)
    for _ in range(count):
        start = text.rfind("\n", 0, max(start - 1, 0)) + 1
    return split_lines(text[start:])


def common_ends(one: str, other: str) -> tuple[int, int]:
    """Return the numbers of characters in the lines with which two texts begin and end alike, not counted twice."""
    start = one.rfind("\n", 0, common_start(one, other)) + 1
    length = _common_end(one, other, start)
    places = ((text, len(text) - length) for text in (one, other))
    if length and any(place != start and text[place - 1] != "\n" for text, place in places):
        line_end = one.find("\n", len(one) - length)
        length = len(one) - line_end - 1 if line_end >= 0 else 0
    return start, length


def common_start(one: str, other: str) -> int:
    """Return the number of characters with which two texts begin alike."""
    shorter = min(len(one), len(other))
    at = 0
    while at < shorter and one[at : at + _PIECE] == other[at : at + _PIECE]:
        at += _PIECE
    size = _PIECE
    while size := size // 2:
        if one[at : at + size] == other[at : at + size]:
            at += size
    return min(at, shorter)


def _common_end(one: str, other: str, start: int) -> int:
    """Return the number of characters with which two texts end alike behind a common start."""
    longest = min(len(one), len(other)) - start
    length, size = 0, _PIECE
    while size:
        step = min(size, longest - length)
        first, second = len(one) - length, len(other) - length
        if step and one[first - step : first] == other[second - step : second]:
            length += step
        else:
            size //= 2
    return length
