"""Text roles, styles and themes as data; `ui/text/palette.py` turns them into escape sequences."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class TextRole(StrEnum):
    """The role of a piece of text; every theme has a style for each."""

    TEXT = "text"
    DIM = "dim"  # secondary text: usage, hints, the status line
    ACCENT = "accent"  # the prompt sign, the user's messages
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
    SUBHEADING = "subheading"  # the third level and deeper
    MATH = "math"  # LaTeX source


@dataclass(frozen=True, slots=True)
class Style:
    """A style. A colour is `#rrggbb`, an ANSI name (`red`, `bright-blue`) or "", the terminal's default."""

    color: str = ""
    bold: bool = False
    dim: bool = False
    italic: bool = False
    underline: bool = False
    strike: bool = False


@dataclass(frozen=True, slots=True)
class Theme:
    """A complete set of styles. `kind` is the background it was made for: `light`, `dark` or `any`."""

    name: str
    kind: str
    styles: dict[TextRole, Style]
