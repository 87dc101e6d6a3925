"""Define text roles, styles and themes; `ui/text/palette.py` turns them into escape sequences."""

from __future__ import annotations

from enum import StrEnum

from termchat.late_dataclass import dataclass


class TextRole(StrEnum):
    """The role of a piece of text; every theme has a style for every role."""

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
    KEYWORD = "keyword"  # this role and those up to DELETED are for highlighted code
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
    """The colour and the attributes of text.

    color   `#rrggbb`, the name of an ANSI colour (`red`, `bright-blue`), or "" for the terminal's default
    """

    color: str = ""
    bold: bool = False
    dim: bool = False
    italic: bool = False
    underline: bool = False
    strike: bool = False


@dataclass(frozen=True, slots=True)
class Theme:
    """A style for each text role.

    name     the name of the theme's file, without `.toml`
    kind     the background the theme is made for: `light`, `dark` or `any`
    styles   the styles; no role is missing
    """

    name: str
    kind: str
    styles: dict[TextRole, Style]
