"""Sample lines that show a theme: a few words in the roles in which themes differ most."""

from __future__ import annotations

from termchat.core.sanitize import Safe
from termchat.core.style import TextRole
from termchat.ui.text.line import Line
from termchat.ui.text.row import Segment

_WORDS: tuple[tuple[str, TextRole], ...] = (
    ("Title", TextRole.TITLE),
    ("text", TextRole.TEXT),
    ("strong", TextRole.STRONG),
    ("`code`", TextRole.CODE),
    ("link", TextRole.LINK),
    ("> quote", TextRole.QUOTE),
    ("dim", TextRole.DIM),
)
_CODE: tuple[tuple[str, TextRole], ...] = (
    ("def", TextRole.KEYWORD), ("area", TextRole.FUNCTION), ("=", TextRole.OPERATOR), ("3.14", TextRole.NUMBER),
    ('"text"', TextRole.STRING), ("# note", TextRole.COMMENT), ("+new", TextRole.INSERTED), ("-old", TextRole.DELETED),
)  # fmt: skip


def sample_lines() -> tuple[Line, ...]:
    """Return a line of prose and a line of code, each at most 45 columns wide."""
    return (_line(_WORDS), _line(_CODE))


def sample_line() -> Line:
    """Return one line with prose and code, at most 48 columns wide."""
    return _line((*_WORDS[:1], *_WORDS[2:5], *_CODE[:2], *_CODE[3:5]))


def _line(words: tuple[tuple[str, TextRole], ...]) -> Line:
    blanks = (Segment(Safe(" " if n else "  ")) for n in range(len(words)))
    return tuple(
        s for blank, (text, role) in zip(blanks, words, strict=True) for s in (blank, Segment(Safe(text), (role,)))
    )
