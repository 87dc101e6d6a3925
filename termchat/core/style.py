"""How a piece of text is meant, as data; `ui/text/palette.py` alone turns it into escape sequences."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class TextRole(StrEnum):
    """What a piece of text is: the words every theme speaks."""

    TEXT = "text"
    DIM = "dim"  # secondary words: usage, hints, the status line
    ACCENT = "accent"  # the prompt sign, the user's own words
    HEADING = "heading"
    STRONG = "strong"
    EMPHASIS = "emphasis"
    STRIKE = "strike"
    CODE = "code"  # inline code, and code without a known language
    LINK = "link"
    QUOTE = "quote"
    MARKER = "marker"  # bullets, ordinals, rules, table lines
    REASONING = "reasoning"
    SUCCESS = "success"
    WARNING = "warning"
    ERROR = "error"
    KEYWORD = "keyword"  # the rest are for highlighted code
    STRING = "string"
    NUMBER = "number"
    COMMENT = "comment"
    FUNCTION = "function"
    TYPE = "type"
    OPERATOR = "operator"
    BUILTIN = "builtin"
    INSERTED = "inserted"
    DELETED = "deleted"
    TITLE = "title"  # a heading of the first level; HEADING is the second
    SUBHEADING = "subheading"  # and every deeper one
    MATH = "math"  # LaTeX, kept as it was written


@dataclass(frozen=True, slots=True)
class Style:
    """A look: colours are `#rrggbb`, one of the 16 ANSI names (`red`, `bright-blue`) or `""` for the terminal's own."""

    color: str = ""
    bold: bool = False
    dim: bool = False
    italic: bool = False
    underline: bool = False
    strike: bool = False


@dataclass(frozen=True, slots=True)
class Theme:
    """A complete set of looks.

    `kind` is `light`, `dark` or `any`, the background it was made for.
    """

    name: str
    kind: str
    styles: dict[TextRole, Style]
