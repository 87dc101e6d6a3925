"""Plain text as rows: reasoning, which is shown without Markdown, in one style and wrapped between words."""

from __future__ import annotations

from termchat.core.sanitize import Safe
from termchat.core.style import TextRole
from termchat.ui.markdown.layout import NARROWEST
from termchat.ui.text.fit import text_width
from termchat.ui.text.row import BLANK, Row, Segment

_ROLES = (TextRole.REASONING,)


class ReasoningDocument:
    """Reasoning that arrives in pieces; the rows of a line are final once the line is complete."""

    def __init__(self, width: int) -> None:
        self._width = max(NARROWEST, width)
        self._line = ""
        self._rows: list[Row] = []

    def feed(self, text: Safe) -> None:
        """Append a piece of the text."""
        *lines, self._line = (self._line + text).split("\n")
        for line in lines:
            self._rows += wrap_line(line, self._width)

    def close(self) -> None:
        """End the text; all rows become final."""
        if self._line:
            self._rows += wrap_line(self._line, self._width)
        self._line = ""

    def take(self) -> list[Row]:
        """Return the rows that became final since the last call."""
        rows, self._rows = self._rows, []
        return rows

    def preview(self) -> list[Row]:
        """Return the rows of the line that is not complete."""
        return wrap_line(self._line, self._width) if self._line else []

    def resize(self, width: int) -> None:
        """Wrap at another width, in columns, from here on."""
        self._width = max(NARROWEST, width)


def wrap_line(text: str, width: int) -> list[Row]:
    """Wrap a line at its blanks into rows of at most `width` columns; its indentation stays."""
    text = text.expandtabs(4).rstrip()
    if not text:
        return [BLANK]
    rows: list[Row] = []
    while text:
        head = _head(text, width)
        rows.append(Row((Segment(Safe(head.rstrip()), _ROLES),), text_width(head.rstrip())))
        text = text[len(head) :].lstrip(" ")
    return rows


def _head(text: str, width: int) -> str:
    used = 0
    for at, character in enumerate(text):
        used += text_width(character)
        if used > width:
            blank = text.rfind(" ", 1, at)
            return text[: blank + 1] if text[: max(0, blank)].strip(" ") else text[: max(1, at)]
    return text
