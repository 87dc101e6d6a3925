"""prompt_toolkit style strings and fragments for the roles of a theme."""

from __future__ import annotations

from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.output import ColorDepth as ToolkitColorDepth

from termchat.core.style import Style, TextRole, Theme
from termchat.ui.text.ascii import line_to_ascii
from termchat.ui.text.line import Line
from termchat.ui.text.palette import ColorDepth
from termchat.ui.text.row import Roles

Fragments = StyleAndTextTuples

DEPTHS = {
    ColorDepth.PLAIN: ToolkitColorDepth.DEPTH_1_BIT,
    ColorDepth.MONO: ToolkitColorDepth.DEPTH_1_BIT,
    ColorDepth.ANSI: ToolkitColorDepth.DEPTH_4_BIT,
    ColorDepth.INDEXED: ToolkitColorDepth.DEPTH_8_BIT,
    ColorDepth.TRUE: ToolkitColorDepth.DEPTH_24_BIT,
}


class PromptToolkitStyle:
    """The theme of the live region."""

    def __init__(self, theme: Theme, depth: ColorDepth, *, signs: bool = True) -> None:
        self.signs = signs
        self._flat = depth is ColorDepth.PLAIN
        self.use(theme)

    def use(self, theme: Theme) -> None:
        """Switch to a theme."""
        self._theme = theme
        self._styles: dict[Roles, str] = {}

    def style(self, *roles: TextRole) -> str:
        """Return the style string of combined roles."""
        found = self._styles.get(roles)
        if found is None:
            found = self._styles[roles] = "" if self._flat else self._overlay(roles)
        return found

    def line(self, line: Line) -> Fragments:
        return [(self.style(*segment.roles), segment.text) for segment in line]

    def row(self, line: Line) -> list[tuple[str, str]]:
        """Return the characters of a line, each with its style."""
        return [
            (self.style(*segment.roles), char)
            for segment in line_to_ascii(line, signs=self.signs)
            for char in segment.text
        ]

    def lines(self, lines: tuple[Line, ...] | list[Line]) -> Fragments:
        """Return the fragments of lines, joined by line ends."""
        return self._joined([line_to_ascii(line, signs=self.signs) for line in lines])

    def _joined(self, lines: list[Line]) -> Fragments:
        fragments: Fragments = []
        for at, line in enumerate(lines):
            if at:
                fragments.append(("", "\n"))
            fragments += self.line(line)
        return fragments

    def _overlay(self, roles: Roles) -> str:
        words: list[str] = []
        for style in (self._theme.styles.get(role, Style()) for role in roles):
            words += _words(style)
        return " ".join(words)


def _words(style: Style) -> list[str]:
    words = [flag for flag in ("bold", "dim", "italic", "underline", "strike") if getattr(style, flag)]
    if style.color:
        words.append(style.color if style.color.startswith("#") else _ansi(style.color))
    return words


def _ansi(name: str) -> str:
    """Our name of one of the sixteen as prompt_toolkit's, who calls the dull white gray."""
    return {"white": "ansigray", "bright-white": "ansiwhite"}.get(name, f"ansi{name.replace('-', '')}")
