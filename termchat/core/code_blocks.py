"""The code blocks of a Markdown text, by the rules of CommonMark for fences, in lists and in quotes as well.

code_blocks(text) -> the code of each fenced block, in order, without the line end before the closing fence
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_OPENING = re.compile(r"(?:(`{3,})[^`]*|(~{3,}).*)$")
_MARKER = re.compile(r"(?:[*+-]|\d{1,9}[.)])(?=[ \t]|$)")
_RULE = re.compile(r"(?:\*[ \t]*){3,}$|(?:-[ \t]*){3,}$")
_QUOTES = 99
_DEEPEST = 3  # blanks before a fence; with more of them the line is indented code


@dataclass(frozen=True, slots=True)
class _Fence:
    """An open fence: its sign, the quotes and the list item it stands in, and where the code of its lines begins."""

    sign: str
    quotes: int
    item: int
    edge: int

    def inside(self, line: str) -> str | None:
        """The line without the quotes the fence stands in; None when the line has left them, or the list item."""
        inside, quotes = _unquoted(line, self.quotes)
        left = quotes < self.quotes or (inside.strip() and _blanks(inside) < self.item)
        return None if left else inside

    def closed_by(self, inside: str) -> bool:
        words = inside.strip()
        near = _blanks(inside) - self.item <= _DEEPEST
        return near and len(words) >= len(self.sign) and words == self.sign[0] * len(words)


@dataclass(slots=True)
class _Place:
    """Where a line stands: in how many quotes, and where the words of each open list item begin."""

    quotes: int = 0
    items: list[int] = field(default_factory=list[int])

    @property
    def item(self) -> int:
        return self.items[-1] if self.items else 0

    def opened(self, line: str) -> _Fence | None:
        """The fence that the line opens, if any; lists are gone on with, left or begun by it."""
        body, quotes = _unquoted(line, _QUOTES)
        if quotes != self.quotes:
            self.quotes = quotes
            self.items.clear()
        if not body.strip():
            return None
        at = _blanks(body)
        while self.items and at < self.items[-1]:
            self.items.pop()
        while at - self.item <= _DEEPEST:
            words = body[at:]
            if opening := _OPENING.match(words):
                return _Fence(opening[1] or opening[2], quotes, self.item, at)
            marker = _MARKER.match(words)
            if not marker or _RULE.match(words):
                return None
            blanks = _blanks(words[marker.end() :])
            near = 1 <= blanks <= _DEEPEST + 1 and words[marker.end() :].strip()
            self.items.append(at + marker.end() + (blanks if near else 1))
            at += marker.end() + max(1, blanks)
        return None


def code_blocks(text: str) -> tuple[str, ...]:
    """The code of every fenced block; one that is never closed goes on to the end of the text, or of its list item."""
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return tuple("\n".join(code) for code in _blocks(lines))


def _blocks(lines: list[str]) -> Iterator[list[str]]:
    place, fence, code = _Place(), None, list[str]()
    for line in lines:
        if fence:
            inside = fence.inside(line)
            if inside is not None and not fence.closed_by(inside):
                code.append(inside[min(fence.edge, _blanks(inside)) :])
                continue
            yield code
            fence, code = None, []
            if inside is not None:
                continue
        fence = place.opened(line)
    if fence:
        yield code[:-1] if code and not code[-1] else code  # the line end at the end of the text is no line


def _unquoted(line: str, most: int) -> tuple[str, int]:
    """The line without the signs of at most so many quotes, and how many there were."""
    quotes = 0
    while quotes < most and _blanks(line) <= _DEEPEST and line.lstrip(" ").startswith(">"):
        line = line.lstrip(" ")[1:]
        line = line[1:] if line[:1] == " " else line
        quotes += 1
    return line, quotes


def _blanks(line: str) -> int:
    return len(line) - len(line.lstrip(" "))
