"""Code in colours, line by line: the lexer's state is carried from one line to the next."""

from __future__ import annotations

from termchat.core.style import Role
from termchat.ui.markdown.code import Flat, Painter


def painter(language: str) -> Painter:
    """A painter for the language of a fence; one nobody knows is not guessed."""
    return Flat(Role.CODE)
