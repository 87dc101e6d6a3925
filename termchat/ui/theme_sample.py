"""A sample of a theme: a few words in the roles that tell themes apart, the same wherever one is shown."""

from __future__ import annotations

from termchat.core.sanitize import Safe
from termchat.core.style import Role
from termchat.ui.blocks import Line
from termchat.ui.text.row import Segment

_WORDS: tuple[tuple[str, Role], ...] = (
    ("Title", Role.TITLE), ("text", Role.TEXT), ("strong", Role.STRONG), ("`code`", Role.CODE), ("link", Role.LINK),
    ("> quote", Role.QUOTE), ("dim", Role.DIM),
)  # fmt: skip
_CODE: tuple[tuple[str, Role], ...] = (
    ("def", Role.KEYWORD), ("area", Role.FUNCTION), ("=", Role.OPERATOR), ("3.14", Role.NUMBER),
    ('"text"', Role.STRING), ("# note", Role.COMMENT), ("+new", Role.INSERTED), ("-old", Role.DELETED),
)  # fmt: skip


def sample_lines() -> tuple[Line, ...]:
    """Prose in one line, code in another; each at most 45 columns."""
    return (_line(_WORDS), _line(_CODE))


def sample_line() -> Line:
    """A line of both, at most 48 columns."""
    return _line((*_WORDS[:1], *_WORDS[2:5], *_CODE[:2], *_CODE[3:5]))


def _line(words: tuple[tuple[str, Role], ...]) -> Line:
    return tuple(Segment(Safe(f"{'  ' if n == 0 else ' '}{text}"), (role,)) for n, (text, role) in enumerate(words))
