"""Answer to the question about a tool call, as the panel offers it."""

from __future__ import annotations

from typing import NamedTuple

from termchat.core.sanitize import EMPTY, Safe
from termchat.ui.text.fit import fitting_head, text_width, truncate_middle

_ROWS = 4

ALL = "Y"  # lists the calls that one answer may approve, and approves those that are listed
LETTERS = f"ysaenv{ALL}"  # of all answers


class Answer(NamedTuple):
    """An answer that the panel offers: its letter, its words, and fewer words for a small screen, if there are any."""

    letter: str
    words: Safe
    brief: Safe = EMPTY

    def rows(self, columns: int) -> list[Safe]:
        """Return the words on as many rows as show a rule in them whole; the middle of a very long one is cut."""
        words = self.words if text_width(self.words) <= columns else self.brief or self.words
        rest = truncate_middle(words, _ROWS * columns)
        rows: list[Safe] = []
        while rest:
            row = fitting_head(rest, columns) or rest[0]
            rows.append(Safe(row))
            rest = Safe(rest[len(row) :])
        return rows
