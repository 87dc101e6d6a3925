"""Measure, cut and wrap the text of the interface, in columns as prompt_toolkit counts them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

from prompt_toolkit.utils import get_cwidth

from termchat.core.sanitize import EMPTY, Safe
from termchat.ui.text.row import Segment

_ELLIPSIS = "…"
_WORD = re.compile(r" *[^ ]+ ?| +")  # a word with the blanks before it and one after it, or blanks alone


def text_width(text: str) -> int:
    """Return the width of a text in columns."""
    return len(text) if text.isascii() else get_cwidth(text)


def truncate(text: Safe, columns: int) -> Safe:
    """Cut a text that is wider than `columns` and end it with an ellipsis; empty for less than one column."""
    if text_width(text) <= columns:
        return text
    if columns < 1:
        return EMPTY
    return Safe(fitting_head(text, columns - 1) + _ELLIPSIS)


def truncate_middle(text: Safe, columns: int) -> Safe:
    """Replace the middle of a text that is wider than `columns` by an ellipsis."""
    if text_width(text) <= columns:
        return text
    if columns < 3:
        return truncate(text, columns)
    front = (columns - 1) // 2
    back = fitting_head(text[::-1], columns - 1 - front)[::-1]
    return Safe(fitting_head(text, front) + _ELLIPSIS + back)


def fitting_head(text: str, columns: int) -> str:
    """Return as much of the beginning of a text as fits into `columns`."""
    used = 0
    for at, character in enumerate(text):
        used += get_cwidth(character)
        if used > columns:
            return text[:at]
    return text


def wrap(line: tuple[Segment, ...], columns: int) -> list[tuple[Segment, ...]]:
    """Wrap a line to rows of at most `columns`.

    A row ends between items (` · `) if that leaves more than half of it full, otherwise between words. A word wider
    than `columns` is not cut. All rows have the indentation of the line, unless it takes half of them.
    """
    if _width(line) <= columns:
        return [line]
    indent = len(line[0].text) - len(line[0].text.lstrip(" "))
    if 0 < indent <= columns // 2:
        first, *others = line
        inner = (replace(first, text=Safe(first.text[indent:])), *others)
        return [(replace(first, text=Safe(" " * indent)), *row) for row in wrap(inner, columns - indent)]
    rows: list[list[Segment]] = [[]]
    for segment in line:
        for word in _WORD.findall(segment.text):
            used = _width(rows[-1])
            if used and used + text_width(word.rstrip(" ")) > columns:
                rows[-1:] = _broken(rows[-1], columns)
                word = word if rows[-1] else word.lstrip(" ").removeprefix("· ")
            if word:
                rows[-1].append(Segment(Safe(word), segment.roles, segment.url))
    return [_trimmed(row) for row in rows]


def wrapped_text(text: Safe, columns: int) -> Safe:
    """Wrap the lines of a text to rows of at most `columns`, as `wrap` does."""
    rows = (row for line in text.split("\n") for row in wrap((Segment(Safe(line)),), columns))
    return Safe("\n".join("".join(segment.text for segment in row) for row in rows))


def _broken(row: list[Segment], columns: int) -> tuple[list[Segment], list[Segment]]:
    """Split a full row into the part that stays and the part that moves to the next row."""
    at = max((n for n, segment in enumerate(row) if segment.text.strip(" ") == "·"), default=0)
    full = at and (at == len(row) - 1 or _width(row[:at]) > columns // 2)
    return (row[:at], row[at + 1 :]) if full else (row, [])


def _width(row: Iterable[Segment]) -> int:
    return sum(text_width(segment.text) for segment in row)


def _trimmed(row: list[Segment]) -> tuple[Segment, ...]:
    """Remove the blanks at the end of a row."""
    if not row:
        return ()
    *before, last = row
    return (*before, Segment(Safe(last.text.rstrip(" ")), last.roles, last.url))
